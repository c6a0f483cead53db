//! Pauses between attempts: they double up to a cap, with jitter.

use std::time::Duration;

/// Why two pauses make no valid [`Backoff`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// A first pause of zero would keep a processor busy.
    #[error("the first pause must be longer than zero")]
    ZeroFirst,
    /// The longest pause is shorter than the first one.
    #[error("the longest pause ({max:?}) must not be shorter than the first ({first:?})")]
    CapBelowFirst {
        /// The first pause.
        first: Duration,
        /// The longest pause.
        max: Duration,
    },
}

/// Pauses that double from `first` to `max`. Each is a random part of its step, at least half, so
/// cameras that fail together do not reconnect together.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    step: Duration,
}

impl Default for Backoff {
    /// From a quarter of a second to three seconds: reconnects seconds after a camera is back.
    fn default() -> Self {
        let first = Duration::from_millis(250);
        Backoff { first, max: Duration::from_secs(3), step: first }
    }
}

impl Backoff {
    /// Pauses from `first` to `max`.
    ///
    /// # Errors
    /// If `first` is zero or `max` is shorter than `first`.
    pub const fn new(first: Duration, max: Duration) -> Result<Backoff, Error> {
        if first.is_zero() {
            return Err(Error::ZeroFirst);
        }
        if max.as_nanos() < first.as_nanos() {
            return Err(Error::CapBelowFirst { first, max });
        }
        Ok(Backoff { first, max, step: first })
    }

    /// The next pause: between half of the current step and all of it.
    pub fn pause(&mut self) -> Duration {
        let step = self.step;
        self.step = step.saturating_mul(2).min(self.max);
        step.mul_f64(0.5 + 0.5 * fastrand::f64())
    }

    /// Returns to the first pause, after a success.
    pub fn reset(&mut self) {
        self.step = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn pauses_grow_to_the_cap_and_start_again() {
        let mut backoff = Backoff::new(100 * MS, 500 * MS).unwrap();
        for step in [100, 200, 400, 500, 500, 500] {
            let pause = backoff.pause();
            assert!(pause >= step / 2 * MS && pause <= step * MS, "{pause:?} for {step} ms");
        }
        backoff.reset();
        assert!(backoff.pause() <= 100 * MS);
    }

    #[test]
    fn useless_values_are_refused() {
        assert_eq!(Backoff::new(Duration::ZERO, MS).unwrap_err(), Error::ZeroFirst);
        assert!(matches!(Backoff::new(2 * MS, MS), Err(Error::CapBelowFirst { .. })));
    }
}
