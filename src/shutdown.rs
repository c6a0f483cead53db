//! One signal that says stop, and wakes whoever sleeps until then; and threads whose end can be
//! waited for with a time-out.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A shared flag that is raised once. Threads sleep on it instead of `thread::sleep`, so that a
/// stop never waits for a pause to end.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<(Mutex<bool>, Condvar)>);

impl Shutdown {
    /// Raises the flag and wakes every sleeper.
    pub fn trigger(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Whether the flag is up.
    pub fn is_set(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps for `pause` or until the flag is raised; true if it is.
    pub fn wait_timeout(&self, pause: Duration) -> bool {
        let guard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (set, _) =
            self.0.1.wait_timeout_while(guard, pause, |set| !*set).unwrap_or_else(PoisonError::into_inner);
        *set
    }

    /// Sleeps until the flag is raised.
    pub fn wait(&self) {
        let guard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.1.wait_while(guard, |set| !*set).unwrap_or_else(PoisonError::into_inner));
    }
}

/// A thread that is joined within a time or left behind: the standard library's joins for ever.
#[derive(Debug)]
pub struct Thread {
    handle: JoinHandle<()>,
    /// Nothing is ever sent: its sender goes with the thread's work, by its end or by a panic.
    over: Receiver<()>,
}

impl Thread {
    /// Starts `work` on a thread called `name`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> std::io::Result<Thread> {
        let (alive, over) = sync_channel(0);
        let handle = std::thread::Builder::new().name(name).spawn(move || {
            let _alive: std::sync::mpsc::SyncSender<()> = alive;
            work();
        })?;
        Ok(Thread { handle, over })
    }

    /// Joins it. A panic of its work is told in the log.
    ///
    /// # Errors
    /// The thread itself, if it still works after `within`.
    pub fn join(self, within: Duration) -> Result<(), Thread> {
        if self.over.recv_timeout(within) == Err(RecvTimeoutError::Timeout) {
            return Err(self);
        }
        let name = self.handle.thread().name().unwrap_or_default().to_owned();
        if self.handle.join().is_err() {
            tracing::error!("thread {name} had panicked");
        }
        Ok(())
    }

    /// Joins it, or leaves it to the end of the process after `within`, which is told in the log.
    pub fn end(self, within: Duration) {
        if let Err(busy) = self.join(within) {
            let name = busy.handle.thread().name().unwrap_or_default();
            tracing::error!("thread {name} does not end; it is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_joined_once_it_is_over_and_left_while_it_is_not() {
        let (go_on, wait) = sync_channel::<()>(0);
        let thread = Thread::spawn("busy".into(), move || {
            let _ = wait.recv();
        })
        .unwrap();
        let busy = thread.join(Duration::ZERO).unwrap_err();
        go_on.send(()).unwrap();
        busy.join(Duration::from_secs(60)).unwrap();
        let panicked = Thread::spawn("bad".into(), || panic!("as it should")).unwrap();
        panicked.join(Duration::from_secs(60)).unwrap();
    }

    #[test]
    fn a_trigger_wakes_a_sleeper_on_another_thread() {
        let stop = Shutdown::default();
        let sleeper = std::thread::spawn({
            let stop = stop.clone();
            move || stop.wait_timeout(Duration::from_secs(60))
        });
        stop.trigger();
        assert!(sleeper.join().unwrap());
        assert!(stop.is_set());
    }

    #[test]
    fn a_pause_that_nobody_ends_says_so() {
        assert!(!Shutdown::default().wait_timeout(Duration::from_millis(1)));
    }
}
