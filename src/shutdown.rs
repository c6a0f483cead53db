//! A stop signal that wakes every waiting thread, and threads that can be joined with a time limit.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A shared flag that is set once. Threads wait on it instead of in `thread::sleep`: a stop ends
/// every pause.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<(Mutex<bool>, Condvar)>);

impl Shutdown {
    /// Sets the flag and wakes every thread that waits.
    pub fn trigger(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Whether the flag is set.
    pub fn is_set(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the flag is set, but no longer than `pause`. Returns whether it is set.
    pub fn wait_timeout(&self, pause: Duration) -> bool {
        let guard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (set, _) =
            self.0.1.wait_timeout_while(guard, pause, |set| !*set).unwrap_or_else(PoisonError::into_inner);
        *set
    }

    /// Waits until the flag is set.
    pub fn wait(&self) {
        let guard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.1.wait_while(guard, |set| !*set).unwrap_or_else(PoisonError::into_inner));
    }
}

/// A thread that is joined within a time limit or left behind. The standard library's join has no
/// limit.
#[derive(Debug)]
pub struct Thread {
    handle: JoinHandle<()>,
    /// Disconnects when the work ends or panics; nothing is ever sent.
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

    /// Name of the thread, if its work has ended.
    pub fn ended(&self) -> Option<&str> {
        self.handle.is_finished().then(|| self.handle.thread().name().unwrap_or_default())
    }

    /// Joins the thread. A panic of its work is no error: the panic hook reports it.
    ///
    /// # Errors
    /// Returns the thread if it still runs after `within`.
    pub fn join(self, within: Duration) -> Result<(), Thread> {
        if self.over.recv_timeout(within) == Err(RecvTimeoutError::Timeout) {
            return Err(self);
        }
        // The panic hook has already reported it.
        let _panicked = self.handle.join();
        Ok(())
    }

    /// Joins the thread, or logs that it hangs and leaves it behind after `within`.
    pub fn end(self, within: Duration) {
        if let Err(busy) = self.join(within) {
            let name = busy.handle.thread().name().unwrap_or_default();
            tracing::error!("thread {name} does not end and is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_joined_once_it_ends_and_returned_while_it_runs() {
        let (go_on, wait) = sync_channel::<()>(0);
        let thread = Thread::spawn("busy".into(), move || {
            let _ = wait.recv();
        })
        .unwrap();
        let busy = thread.join(Duration::ZERO).unwrap_err();
        assert_eq!(busy.ended(), None);
        go_on.send(()).unwrap();
        busy.join(Duration::from_secs(60)).unwrap();
        let panicked = Thread::spawn("bad".into(), || panic!("as it should")).unwrap();
        panicked.join(Duration::from_secs(60)).unwrap();
    }

    #[test]
    fn a_trigger_wakes_a_waiting_thread() {
        let stop = Shutdown::default();
        let waiter = std::thread::spawn({
            let stop = stop.clone();
            move || stop.wait_timeout(Duration::from_secs(60))
        });
        stop.trigger();
        assert!(waiter.join().unwrap());
        assert!(stop.is_set());
    }

    #[test]
    fn a_pause_without_a_trigger_runs_out() {
        assert!(!Shutdown::default().wait_timeout(Duration::from_millis(1)));
    }
}
