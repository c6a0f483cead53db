//! `posed run`: the daemon, until a signal ends it.

use super::{config_file, exit};
use crate::clock::SystemClock;
use crate::config::{self, Fault, Loaded};
use crate::daemon::Daemon;
use crate::telemetry::{log, systemd};
use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag::register_conditional_shutdown;
use signal_hook::iterator::Signals;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Arguments of `posed run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed run --config /etc/posed/posed.toml\n\n\
    SIGHUP reads the configuration again; SIGTERM and SIGINT end the daemon within two seconds.")]
pub struct Args {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = config_file::DEFAULT)]
    config: PathBuf,
}

/// How often the status line and the watchdog are looked after if systemd asks for nothing faster.
const TICK: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or SIGINT.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Loaded { config, warnings } = match config_file::load(&args.config) {
        Ok(loaded) => loaded,
        Err(code) => return Ok(code),
    };
    log::init(&config.log.level, config.log.format.into())?;
    // Models, and GStreamer's first look at its plugins, take a small board longer than a stop may: until the
    // daemon runs a signal ends the process on the spot. The broker has its last will.
    let starting = Arc::new(AtomicBool::new(true));
    for signal in [SIGINT, SIGTERM] {
        register_conditional_shutdown(signal, 0, starting.clone()).context("cannot listen for signals")?;
    }
    // Taken before any other thread starts, so that no signal is lost.
    let signals = SignalThread::start()?;
    tracing::info!("posed {} with {}", env!("CARGO_PKG_VERSION"), args.config.display());
    warn(&warnings);
    let mut daemon = match Daemon::start(config, SystemClock::shared(), None) {
        Ok(daemon) => daemon,
        Err(e) if e.is_config() => {
            tracing::error!("{:#}", anyhow::Error::from(e));
            return Ok(ExitCode::from(exit::CONFIG));
        }
        Err(e) => return Err(e.into()),
    };
    starting.store(false, Ordering::SeqCst);
    systemd::ready(&daemon.status());
    let period = systemd::watchdog_period().map_or(TICK, |p| p.min(TICK));
    loop {
        match signals.received.recv_timeout(period) {
            Ok(SIGHUP) => {
                reload(&mut daemon, &args.config);
                // However often it comes, the watchdog must not go hungry.
                look_after(&daemon);
            }
            Ok(signal) => {
                tracing::info!("{}, stopping", if signal == SIGINT { "SIGINT" } else { "SIGTERM" });
                break;
            }
            Err(RecvTimeoutError::Timeout) => look_after(&daemon),
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the signal thread has gone"),
        }
    }
    systemd::stopping();
    daemon.stop();
    signals.stop();
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

fn warn(warnings: &[Fault]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// A bad new file changes nothing and says why.
fn reload(daemon: &mut Daemon, path: &Path) {
    systemd::reloading();
    match config::load(path) {
        Err(faults) => tracing::error!("SIGHUP: the configuration stays as it was\n{faults}"),
        Ok(Loaded { config, warnings }) => {
            warn(&warnings);
            match daemon.reload(config) {
                Err(e) => tracing::error!("SIGHUP: {:#}", anyhow::Error::from(e)),
                Ok(done) => tracing::info!(
                    "SIGHUP: cameras added: {}; removed: {}; changed: {}",
                    names(&done.added),
                    names(&done.removed),
                    names(&done.changed)
                ),
            }
        }
    }
    systemd::ready(&daemon.status());
}

fn names(cameras: &[String]) -> String {
    if cameras.is_empty() { "none".into() } else { cameras.join(", ") }
}

/// Feeds the watchdog while every stage makes progress.
fn look_after(daemon: &Daemon) {
    systemd::status(&daemon.status());
    match daemon.progress().stuck() {
        None => systemd::feed_watchdog(),
        Some(stuck) => {
            tracing::error!("{} has hung for {:.0?}; the watchdog is not fed", stuck.name, stuck.for_)
        }
    }
}

/// Turns signals into messages that can be waited for with a time-out.
struct SignalThread {
    received: Receiver<i32>,
    handle: signal_hook::iterator::Handle,
    thread: JoinHandle<()>,
}

impl SignalThread {
    fn start() -> anyhow::Result<SignalThread> {
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).context("cannot listen for signals")?;
        let handle = signals.handle();
        let (send, received) = sync_channel(8);
        let thread = std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                for signal in signals.forever() {
                    // Full: eight signals wait already, and one more says nothing new.
                    let _ = send.try_send(signal);
                }
            })
            .context("no thread for signals")?;
        Ok(SignalThread { received, handle, thread })
    }

    fn stop(self) {
        self.handle.close();
        if self.thread.join().is_err() {
            tracing::error!("the signal thread had panicked");
        }
    }
}
