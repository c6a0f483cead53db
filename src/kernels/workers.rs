//! Persistent threads that share the work of one inference, and the barrier between its steps.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{JoinHandle, ThreadId};

/// Runs a function on several threads at once. The threads are named after their owner, stay until
/// the drop, and are joined there.
pub struct Workers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// The thread that the others are named after.
    owner: ThreadId,
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

/// A borrowed function without its lifetime. [`Workers::run`] does not end before its last use.
#[derive(Clone, Copy)]
struct Task(*const (dyn Fn(usize) + Sync));

// SAFETY: the function is Sync, and lives as long as a worker has the pointer (see `Workers::run`).
unsafe impl Send for Task {}

impl Workers {
    /// Starts `threads - 1` threads. The caller of [`Workers::run`] counts as the first.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn new(threads: usize) -> std::io::Result<Workers> {
        let shared = Arc::new(Shared {
            job: Mutex::new(Job { number: 0, stop: false, run: None }),
            posted: Condvar::new(),
            busy: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
        });
        let owner = std::thread::current();
        let mut workers = Workers { shared, threads: vec![], owner: owner.id() };
        for index in 1..threads.max(1) {
            let shared = workers.shared.clone();
            let name = format!("{}/pool-{index}", owner.name().unwrap_or("unnamed"));
            let thread = std::thread::Builder::new().name(name);
            workers.threads.push(thread.spawn(move || shared.work(index))?);
        }
        Ok(workers)
    }

    /// Makes the calling thread the owner. A name is fixed when its thread starts, so new threads
    /// replace those of another owner. If the system refuses new ones, the old ones stay.
    fn adopt(&mut self) {
        let caller = std::thread::current().id();
        if self.owner == caller {
            return;
        }
        self.owner = caller;
        if let Ok(workers) = Workers::new(self.count()) {
            *self = workers;
        }
    }

    /// How many threads take part.
    pub fn count(&self) -> usize {
        self.threads.len() + 1
    }

    /// Runs `f(0)` here and `f(1)`, `f(2)`, ... on the other threads, and waits for all.
    ///
    /// # Panics
    /// If `f` panicked on another thread.
    pub fn run(&mut self, f: &(dyn Fn(usize) + Sync)) {
        if self.threads.is_empty() {
            return f(0);
        }
        self.adopt();
        // SAFETY: only the lifetime changes. `Finish` waits for every worker before this call
        // returns or unwinds.
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

/// Waits for the workers when it is dropped.
struct Finish<'a>(&'a Shared);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        wait_until(|| self.0.busy.load(Ordering::Acquire) == 0);
    }
}

impl Shared {
    /// Runs the posted jobs until the stop.
    fn work(&self, index: usize) {
        let mut done = 0;
        while let Some(Task(f)) = self.next(&mut done) {
            // SAFETY: `Workers::run` waits for `busy` to fall to 0, so `f` is alive.
            let f = unsafe { &*f };
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(index))).is_err() {
                self.failed.fetch_add(1, Ordering::AcqRel);
            }
            self.busy.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Waits for the job after number `done`. `None` at the stop.
    fn next(&self, done: &mut u64) -> Option<Task> {
        let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        while job.number == *done && !job.stop {
            job = self.posted.wait(job).unwrap_or_else(PoisonError::into_inner);
        }
        *done = job.number;
        job.run.filter(|_| !job.stop)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.job.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.shared.posted.notify_all();
        for thread in self.threads.drain(..) {
            // A panic was reported by the run in which it happened.
            let _ = thread.join();
        }
    }
}

/// Makes threads wait for each other: `wait` returns when all have called it, or one has panicked.
pub struct Barrier {
    parties: usize,
    arrived: AtomicUsize,
    round: AtomicUsize,
    broken: AtomicBool,
}

/// Breaks the barrier if its thread unwinds, so that the others stop waiting.
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

    /// False if a thread has panicked: give up.
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

/// Spins for some microseconds, as long as threads usually wait for each other in a step. Then it
/// yields the core.
fn wait_until(done: impl Fn() -> bool) {
    for spins in 0u32.. {
        if done() {
            return;
        }
        if spins < 2000 { std::hint::spin_loop() } else { std::thread::yield_now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of each thread that takes part, as Rust and as the system know it.
    fn names(workers: &mut Workers) -> Vec<[String; 2]> {
        let names = Mutex::new(vec![Default::default(); workers.count()]);
        workers.run(&|index| {
            let system = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
            let own = std::thread::current().name().unwrap_or_default().to_owned();
            names.lock().unwrap()[index] = [own, system.trim_end().to_owned()];
        });
        names.into_inner().unwrap()
    }

    #[test]
    fn threads_are_named_after_the_one_that_runs_them() {
        // Made by the thread that loads a network, run by another.
        let mut workers = Workers::new(3).unwrap();
        let run = std::thread::Builder::new().name("infer-0".into()).spawn(move || names(&mut workers));
        let want = ["infer-0", "infer-0/pool-1", "infer-0/pool-2"].map(|name| [name; 2]);
        assert_eq!(run.unwrap().join().unwrap(), want);
    }

    #[test]
    fn a_panic_on_another_thread_is_the_callers_and_the_next_run_works() {
        let mut workers = Workers::new(2).unwrap();
        let run = |workers: &mut Workers, bad: usize| {
            let run = std::panic::AssertUnwindSafe(|| workers.run(&|i| assert_ne!(i, bad, "on purpose")));
            std::panic::catch_unwind(run).is_err()
        };
        assert!(run(&mut workers, 1));
        assert!(!run(&mut workers, 2));
    }
}
