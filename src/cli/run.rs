//! `posed run`: runs the daemon until a signal.

use super::{config_file, exit};
use crate::clock::SystemClock;
use crate::config::{self, Fault, Loaded};
use crate::daemon::Daemon;
use crate::http::ZoneRequest;
use crate::publish::Incoming;
use crate::shutdown::Thread;
use crate::state_file;
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
pub struct RunArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = config_file::DEFAULT)]
    config: PathBuf,
}

/// Longest time between updates of systemd's status line and watchdog.
const TICK: Duration = Duration::from_secs(5);
/// Requests of the zone editor that may wait for the main thread.
const MOST_ZONE_REQUESTS: usize = 2;
/// Time that the thread for commands needs to end after the publisher.
const FORWARD_END: Duration = Duration::from_millis(50);

/// Runs until SIGTERM or SIGINT.
pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let Loaded { config, warnings } = match config_file::load(&args.config) {
        Ok(loaded) => loaded,
        Err(code) => return Ok(code),
    };
    log::init(&config.log.level, config.log.format.into())?;
    // On a small board, loading models and scanning GStreamer's plugins takes longer than a stop is
    // allowed to. Until the daemon runs, a signal ends the process at once.
    let starting = Arc::new(AtomicBool::new(true));
    for signal in [SIGINT, SIGTERM] {
        register_conditional_shutdown(signal, 0, starting.clone()).context("cannot register signals")?;
    }
    // Starts before any other thread, so that no signal is lost.
    let signals = SignalThread::start()?;
    tracing::info!("posed {} with {}", env!("CARGO_PKG_VERSION"), args.config.display());
    warn(&warnings);
    let _lock = config.state_dir.as_deref().map(state_file::lock).transpose()?;
    let mut daemon = match Daemon::start(config, SystemClock::shared(), None) {
        Ok(daemon) => daemon,
        Err(e) if e.is_config() => {
            tracing::error!("{:#}", anyhow::Error::from(e));
            return Ok(ExitCode::from(exit::CONFIG));
        }
        Err(e) => return Err(e.into()),
    };
    starting.store(false, Ordering::SeqCst);
    let messages = daemon.incoming().map(|incoming| forward(incoming, signals.sender())).transpose()?;
    daemon.progress().on_panic(signals.alarm());
    daemon.on_zones(signals.zones());
    systemd::ready(&daemon.status());
    let code = serve(&mut daemon, &signals, &args.config)?;
    systemd::stopping();
    daemon.stop();
    signals.stop();
    messages.into_iter().for_each(|thread| thread.end(FORWARD_END));
    tracing::info!("stopped");
    Ok(code)
}

/// Waits for signals and watches the stages, until SIGTERM, SIGINT or the end of a stage.
fn serve(daemon: &mut Daemon, signals: &SignalThread, path: &Path) -> anyhow::Result<ExitCode> {
    let period = systemd::watchdog_period().map_or(TICK, |p| p.min(TICK));
    loop {
        let wake = signals.received.recv_timeout(period);
        anyhow::ensure!(!signals.thread.is_finished(), "the signal thread has ended");
        if let Some(stage) = daemon.progress().panicked() {
            tracing::error!("posed ends because the thread {stage} panicked");
            return Ok(ExitCode::from(exit::SOFTWARE));
        }
        if let Some(stage) = daemon.ended() {
            tracing::error!("posed ends because the thread {stage} has ended by itself");
            return Ok(ExitCode::from(exit::SOFTWARE));
        }
        match wake {
            Ok(Wake::Signal(SIGHUP)) => {
                if let Err(e) = reload(daemon, path, "SIGHUP") {
                    tracing::error!("SIGHUP: {e}");
                }
                // SIGHUPs in quick succession must not keep the watchdog from being fed.
                look_after(daemon);
            }
            Ok(Wake::Signal(signal)) => {
                tracing::info!("{}, stopping", if signal == SIGINT { "SIGINT" } else { "SIGTERM" });
                return Ok(ExitCode::SUCCESS);
            }
            Ok(Wake::Message(message)) => {
                daemon.receive(&message);
                look_after(daemon);
            }
            Ok(Wake::Zones(request, _ticket)) => {
                daemon.answer_zones(request, |daemon| reload(daemon, path, "zones"));
                look_after(daemon);
            }
            Ok(Wake::StageEnd) | Err(_) => look_after(daemon),
        }
    }
}

fn warn(warnings: &[Fault]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// Applies the new configuration because of `why`. A bad one changes nothing.
fn reload(daemon: &mut Daemon, path: &Path, why: &str) -> Result<(), String> {
    systemd::reloading();
    let done = match config::load(path) {
        Err(faults) => Err(format!("keeping the old configuration\n{faults}")),
        Ok(Loaded { config, warnings }) => {
            warn(&warnings);
            daemon.reload(config).map_err(|e| format!("{:#}", anyhow::Error::from(e)))
        }
    };
    systemd::ready(&daemon.status());
    let done = done?;
    tracing::info!(
        "{why}: cameras added: {}; removed: {}; changed: {}",
        names(&done.added),
        names(&done.removed),
        names(&done.changed)
    );
    Ok(())
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
#[derive(Debug)]
enum Wake {
    Signal(i32),
    /// A stage panicked or ended.
    StageEnd,
    /// A command, or Home Assistant's birth message.
    Message(Incoming),
    /// The page's editor reads or saves zones. The ticket counts requests without an answer.
    Zones(ZoneRequest, Arc<()>),
}

/// Starts a thread that hands messages of others to the main thread, until the publisher has ended.
fn forward(incoming: Receiver<Incoming>, wake: SyncSender<Wake>) -> anyhow::Result<Thread> {
    let work = move || {
        for message in incoming {
            if wake.send(Wake::Message(message)).is_err() {
                return;
            }
        }
    };
    Thread::spawn("commands".into(), work).context("cannot start the thread for commands")
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

    /// Returns a function that wakes the main thread. It does nothing if eight signals are waiting.
    fn alarm(&self) -> impl Fn() + Send + 'static {
        let send = self.send.clone();
        move || {
            let _ = send.try_send(Wake::StageEnd);
        }
    }

    /// Returns a function that hands the editor's requests to the main thread; `false` if too many
    /// wait. They must leave room for signals.
    fn zones(&self) -> impl Fn(ZoneRequest) -> bool + Send + Sync + 'static {
        let (send, tickets) = (self.send.clone(), Arc::new(()));
        move |request| {
            let taken = Arc::strong_count(&tickets) - 1;
            taken < MOST_ZONE_REQUESTS && send.try_send(Wake::Zones(request, tickets.clone())).is_ok()
        }
    }

    /// For other threads that wake the main thread.
    fn sender(&self) -> SyncSender<Wake> {
        self.send.clone()
    }

    fn stop(self) {
        self.handle.close();
        if self.thread.join().is_err() {
            tracing::error!("the signal thread panicked");
        }
    }
}
