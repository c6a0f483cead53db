//! Log lines on stderr: with the time, or with priority prefixes (`<6>`, sd-daemon(3)) for the
//! journal.

use super::stderr::BestEffort;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;
use std::sync::LazyLock;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is neither a level nor a list of `target=level`.
    #[error(
        "log level {0:?}: use error, warn, info, debug, trace, or a list such as info,posed::capture=debug"
    )]
    Level(String, #[source] tracing_subscriber::filter::ParseError),
    /// A process sets up its log once.
    #[error("the log is already set up")]
    Twice,
}

/// Format of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// [`Format::Journal`] if the journal reads stderr, else [`Format::Plain`].
    Auto,
    /// With the time.
    Plain,
    /// With priority prefixes, for the journal.
    Journal,
}

static STDERR: LazyLock<BestEffort<std::io::Stderr>> = LazyLock::new(|| BestEffort::new(std::io::stderr()));

/// Sends log lines of `level` and above to stderr, and panics too. `$POSED_LOG` overrides `level`.
/// Lines that stderr does not take are lost: logging never fails and never waits long.
///
/// # Errors
/// If the level does not parse or the log is already set up.
pub fn init(level: &str, format: Format) -> Result<(), Error> {
    let level = std::env::var("POSED_LOG").unwrap_or_else(|_| level.to_owned());
    let filter = EnvFilter::try_new(&level).map_err(|e| Error::Level(level, e))?;
    let format = Lines {
        journal: match format {
            Format::Auto => journal_reads_stderr(),
            Format::Plain => false,
            Format::Journal => true,
        },
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| &*STDERR)
        // tracing-subscriber reports them with `eprintln!`, which panics if stderr cannot be
        // written.
        .log_internal_errors(false)
        .event_format(format)
        .finish();
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Error::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Logs a panic. The standard library's hook writes to stderr, and would wait for a stuck reader.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("without a name");
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or("no message");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        tracing::error!("thread {name} panicked{place}: {message}\n{backtrace}");
    } else {
        tracing::error!("thread {name} panicked{place}: {message}");
    }
}

/// systemd sets `JOURNAL_STREAM` if a service's stderr is the journal's socket.
fn journal_reads_stderr() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some() && !std::io::stderr().is_terminal()
}

struct Lines {
    journal: bool,
}

/// syslog(3) priorities: err, warning, info, debug.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut w: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = *event.metadata().level();
        if self.journal {
            // The journal adds the time itself.
            write!(w, "<{}>", priority(level))?;
        } else {
            SystemTime.format_time(&mut w)?;
            write!(w, " {level:>5} ")?;
        }
        ctx.field_format().format_fields(w.by_ref(), event)?;
        writeln!(w)
    }
}
