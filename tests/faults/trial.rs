//! One run of a row: its seed, its time limit, and how to repeat it.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// No row takes this long, unless it waits for what never comes.
const LIMIT: Duration = Duration::from_secs(240);

/// What a fault needs to happen at another moment with each seed.
pub struct Trial {
    /// Draws from the seed.
    pub rng: fastrand::Rng,
    name: &'static str,
    seed: u64,
    /// Its end is what the watching thread waits for.
    _running: SyncSender<()>,
}

impl Trial {
    pub fn new(name: &'static str, number: u32) -> Trial {
        let seed = std::env::var("POSED_FAULTS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
        // A subscriber that hears everything but the message it waits for would wait for ever.
        let (running, ended) = sync_channel(0);
        std::thread::spawn(move || {
            if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                eprintln!("no end after {LIMIT:?}; repeat it with: {}", repeat(name, seed));
                std::process::exit(1);
            }
        });
        let rng = fastrand::Rng::with_seed(seed ^ (u64::from(number) << 32));
        Trial { rng, name, seed, _running: running }
    }

    /// A time that the seed draws.
    pub fn duration(&mut self, ms: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.rng.u64(ms))
    }

    /// Sleeps for a time that the seed draws.
    pub fn pause(&mut self, ms: std::ops::Range<u64>) {
        std::thread::sleep(self.duration(ms));
    }

    /// The row's name, for the rows that run themselves again in a namespace.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat it with: {}", repeat(self.name, self.seed));
        }
    }
}

fn repeat(name: &str, seed: u64) -> String {
    format!("make test-faults POSED_FAULTS_SEED={seed} FAULTS={name}")
}

/// Says on stderr why a row does not run here.
pub fn skipped(reason: &str) {
    eprintln!("skipped: {reason}");
}
