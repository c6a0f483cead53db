//! `posed run`: runs the daemon until a signal.

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
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Arguments of `posed run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed run --config /etc/posed/posed.toml\n\n\
    SIGHUP reloads the configuration. SIGTERM and SIGINT stop the daemon within two seconds.")]
pub struct Args {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = config_file::DEFAULT)]
    config: PathBuf,
}

/// Longest time between updates of systemd's status line and watchdog.
const TICK: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or SIGINT.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Loaded { config, warnings } = match config_file::load(&args.config) {
        Ok(loaded) => loaded,
        Err(code) => return Ok(code),
    };
    log::init(&config.log.level, config.log.format.into())?;
    // On a small board, loading models and scanning GStreamer's plugins takes longer than a stop
    // may. Until the daemon runs, a signal ends the process at once, and the broker sends the last
    // will.
    let starting = Arc::new(AtomicBool::new(true));
    for signal in [SIGINT, SIGTERM] {
        register_conditional_shutdown(signal, 0, starting.clone()).context("cannot register signals")?;
    }
    // Before any other thread starts, so no signal is lost.
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
    daemon.progress().on_panic(signals.alarm());
    systemd::ready(&daemon.status());
    let period = systemd::watchdog_period().map_or(TICK, |p| p.min(TICK));
    let code = loop {
        let wake = signals.received.recv_timeout(period);
        anyhow::ensure!(!signals.thread.is_finished(), "the signal thread has ended");
        if let Some(stage) = daemon.progress().panicked() {
            tracing::error!("posed ends because the thread {stage} panicked");
            break ExitCode::from(exit::SOFTWARE);
        }
        if let Some(stage) = daemon.ended() {
            tracing::error!("posed ends because the thread {stage} has ended by itself");
            break ExitCode::from(exit::SOFTWARE);
        }
        match wake {
            Ok(Wake::Signal(SIGHUP)) => {
                reload(&mut daemon, &args.config);
                // SIGHUPs in quick succession must not keep the watchdog from being fed.
                look_after(&daemon);
            }
            Ok(Wake::Signal(signal)) => {
                tracing::info!("{}, stopping", if signal == SIGINT { "SIGINT" } else { "SIGTERM" });
                break ExitCode::SUCCESS;
            }
            Ok(Wake::StageEnd) | Err(_) => look_after(&daemon),
        }
    };
    systemd::stopping();
    daemon.stop();
    signals.stop();
    tracing::info!("stopped");
    Ok(code)
}

fn warn(warnings: &[Fault]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// Applies the new configuration. A bad one is logged and changes nothing.
fn reload(daemon: &mut Daemon, path: &Path) {
    systemd::reloading();
    match config::load(path) {
        Err(faults) => tracing::error!("SIGHUP: keeping the old configuration\n{faults}"),
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

/// Updates the status line, and feeds the watchdog while every stage makes progress.
fn look_after(daemon: &Daemon) {
    systemd::status(&daemon.status());
    match daemon.progress().stuck() {
        None => systemd::feed_watchdog(),
        Some(stuck) => {
            tracing::error!(
                "{} has made no progress for {:.0?}; not feeding the watchdog",
                stuck.name,
                stuck.for_
            )
        }
    }
}

/// What the main thread wakes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    Signal(i32),
    /// A stage panicked or ended.
    StageEnd,
}

/// Turns signals into messages, which can be received with a timeout.
struct SignalThread {
    received: Receiver<Wake>,
    send: SyncSender<Wake>,
    handle: signal_hook::iterator::Handle,
    thread: JoinHandle<()>,
}

impl SignalThread {
    fn start() -> anyhow::Result<SignalThread> {
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).context("cannot listen for signals")?;
        let handle = signals.handle();
        let (send, received) = sync_channel(8);
        let alarm = send.clone();
        let thread = std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                for signal in signals.forever() {
                    // When eight signals are waiting, another adds nothing.
                    let _ = send.try_send(Wake::Signal(signal));
                }
            })
            .context("cannot start the signal thread")?;
        Ok(SignalThread { received, send: alarm, handle, thread })
    }

    /// Wakes the main thread when it is called. Nothing to do if eight signals are waiting.
    fn alarm(&self) -> impl Fn() + Send + 'static {
        let send = self.send.clone();
        move || {
            let _ = send.try_send(Wake::StageEnd);
        }
    }

    fn stop(self) {
        self.handle.close();
        if self.thread.join().is_err() {
            tracing::error!("the signal thread panicked");
        }
    }
}
