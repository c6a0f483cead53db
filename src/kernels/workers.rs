//! A few persistent threads that share one inference's work, and the barrier between its steps.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Runs a function on several threads at once; threads are named, kept, and joined on drop.
pub struct Workers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    job: Mutex<Job>,
    posted: Condvar,
    /// Workers that have not finished the posted job.
    busy: AtomicUsize,
    failed: AtomicUsize,
}

struct Job {
    number: u64,
    stop: bool,
    run: Option<Task>,
}

/// A borrowed function, its lifetime hidden: [`Workers::run`] waits for all before the borrow ends.
#[derive(Clone, Copy)]
struct Task(*const (dyn Fn(usize) + Sync));

// SAFETY: the function is Sync, and alive while any worker holds the pointer (see `Workers::run`).
unsafe impl Send for Task {}

impl Workers {
    /// Starts `threads - 1` threads; the caller of [`Workers::run`] is the first.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn new(threads: usize) -> std::io::Result<Workers> {
        let shared = Arc::new(Shared {
            job: Mutex::new(Job { number: 0, stop: false, run: None }),
            posted: Condvar::new(),
            busy: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
        });
        let mut workers = Workers { shared, threads: vec![] };
        for index in 1..threads.max(1) {
            let shared = workers.shared.clone();
            let thread = std::thread::Builder::new().name(format!("infer-{index}"));
            workers.threads.push(thread.spawn(move || shared.work(index))?);
        }
        Ok(workers)
    }

    /// How many threads take part.
    pub fn count(&self) -> usize {
        self.threads.len() + 1
    }

    /// Runs `f(0)` here and `f(1)`, `f(2)`, ... on the other threads, and waits for all.
    ///
    /// # Panics
    /// When `f` panicked on a worker.
    pub fn run(&mut self, f: &(dyn Fn(usize) + Sync)) {
        if self.threads.is_empty() {
            return f(0);
        }
        // SAFETY: only the lifetime changes; `Finish` keeps this call from returning, or unwinding, before
        // every worker is done with it.
        let task: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(f) };
        self.shared.busy.store(self.threads.len(), Ordering::Release);
        {
            let mut job = self.shared.job.lock().unwrap_or_else(PoisonError::into_inner);
            job.number += 1;
            job.run = Some(Task(task));
        }
        self.shared.posted.notify_all();
        let finish = Finish(&self.shared);
        f(0);
        drop(finish);
        assert!(self.shared.failed.swap(0, Ordering::AcqRel) == 0, "an inference worker panicked");
    }
}

struct Finish<'a>(&'a Shared);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        wait_until(|| self.0.busy.load(Ordering::Acquire) == 0);
    }
}

impl Shared {
    fn work(&self, index: usize) {
        let mut done = 0;
        loop {
            let task = {
                let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
                while job.number == done && !job.stop {
                    job = self.posted.wait(job).unwrap_or_else(PoisonError::into_inner);
                }
                if job.stop {
                    return;
                }
                done = job.number;
                job.run
            };
            if let Some(Task(f)) = task {
                // SAFETY: `Workers::run` waits for `busy` to fall to 0, so `f` is alive.
                let f = unsafe { &*f };
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(index))).is_err() {
                    self.failed.fetch_add(1, Ordering::AcqRel);
                }
            }
            self.busy.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.job.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.shared.posted.notify_all();
        for thread in self.threads.drain(..) {
            // Its panic, if any, was reported by the run that it happened in.
            let _ = thread.join();
        }
    }
}

/// Lets threads go on together: none leaves `wait` before all have come, or one has broken it.
pub struct Barrier {
    parties: usize,
    arrived: AtomicUsize,
    round: AtomicUsize,
    broken: AtomicBool,
}

/// Breaks the barrier when its thread unwinds, so that the others do not wait for ever.
pub struct Attendance<'a>(pub &'a Barrier);

impl Drop for Attendance<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.broken.store(true, Ordering::Release);
        }
    }
}

impl Barrier {
    pub fn new(parties: usize) -> Barrier {
        let (arrived, round) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Barrier { parties, arrived, round, broken: AtomicBool::new(false) }
    }

    /// False when another thread will not come any more: give up.
    #[must_use]
    pub fn wait(&self) -> bool {
        if self.parties == 1 {
            return true;
        }
        let round = self.round.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.parties {
            self.arrived.store(0, Ordering::Release);
            self.round.fetch_add(1, Ordering::AcqRel);
        } else {
            wait_until(|| self.round.load(Ordering::Acquire) != round || self.broken.load(Ordering::Acquire));
        }
        !self.broken.load(Ordering::Acquire)
    }
}

/// Spins for some microseconds, which a step's imbalance is, then lets others have the core.
fn wait_until(done: impl Fn() -> bool) {
    for spins in 0u32.. {
        if done() {
            return;
        }
        if spins < 2000 { std::hint::spin_loop() } else { std::thread::yield_now() }
    }
}
