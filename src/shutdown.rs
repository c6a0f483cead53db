//! One signal that says stop, and wakes whoever sleeps until then.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
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

#[cfg(test)]
mod tests {
    use super::*;

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
