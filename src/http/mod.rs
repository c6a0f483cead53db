//! A page of live skeletons, metrics and health, served over HTTP. Only this module knows HTTP.
//!
//! ```text
//! workers ──poses()──► Hub: the newest message of each camera ──┐
//! daemon  ──CensusSource: a census on demand ────────────────┼─► thread "http" ──► browsers
//! daemon  ◄─ZoneKeeper: zones to read or to save ────────────┘
//! ```
//! It is a sink beside `publish`. A worker only copies its message, and only while a page is open.
//! Browsers take from the hub at their own pace, so a slow one misses frames and delays no other.
//!
//! `guard` decides who may ask, `server` bounds how many ask at once, `routes` answers.
//! There is no TLS: a reverse proxy adds it (docs/page.md).

mod buckets;
mod census;
mod counts;
mod day;
mod editor;
mod feed;
mod guard;
mod health;
mod hub;
mod io;
mod metrics;
mod page;
mod picture;
mod reply;
mod routes;
mod server;
mod status;
mod stills;
mod strikes;
mod zones;

pub use census::{
    BrokerCensus, CameraCensus, Census, CensusSource, DayFault, DayWish, HistoryCensus, STATUSES, Shape,
    SpoolCensus,
};
pub use day::DAY_CSS;
pub use hub::Hub;
pub use page::ASSETS;
pub use zones::{
    LineSketch, ZoneChange, ZoneKeeper, ZoneProblem, ZoneRefusal, ZoneRequest, ZoneSheet, ZoneSketch,
};

use crate::clock::SharedClock;
use crate::shutdown::Thread;
use crate::telemetry::progress::Progress;
use guard::Guard;
use routes::Context;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The watchdog takes the thread for hung after this long without a sign of life.
const TURN_LIMIT: Duration = Duration::from_secs(15);
/// Shorter tokens can be guessed.
pub const SHORTEST_TOKEN: usize = 16;

/// Where to listen, and who may ask.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address and port. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// File with the token that requests must carry; `None`: none, which only loopback allows.
    pub token_file: Option<PathBuf>,
    /// Names that a `Host` header may carry besides `localhost` and addresses.
    pub hosts: Vec<String>,
    /// Whether pictures of cameras are given on demand. Needs a token.
    pub snapshots: bool,
    /// Whether the page may save zones and lines.
    pub edit: bool,
}

/// Errors that keep the server from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Everybody in the network could look.
    #[error("[http] listen = \"{0}\" is open to the network: set [http] token_file")]
    NoToken(SocketAddr),
    /// Every user of this machine could see pictures.
    #[error("[http] snapshots = true needs a token: set [http] token_file")]
    OpenPictures,
    /// The token file cannot be used.
    #[error("[http] token_file: {0}")]
    Token(#[from] crate::secret::Error),
    /// The token can be guessed.
    #[error("[http] token_file: {0} holds fewer than {SHORTEST_TOKEN} characters: write a longer token")]
    ShortToken(String),
    /// The address cannot be used.
    #[error("[http] cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The system has no thread or no event queue left.
    #[error("cannot start the thread http: {0}")]
    Thread(#[from] std::io::Error),
}

impl Error {
    /// Whether the configuration, or a file that it names, causes the error.
    pub fn is_config(&self) -> bool {
        !matches!(self, Error::Listen(..) | Error::Thread(_))
    }
}

/// Owns the thread `http`.
pub struct Server {
    address: SocketAddr,
    stop: Arc<Notify>,
    thread: Thread,
}

impl Server {
    /// Listens, and answers on the thread `http` until [`Server::stop`].
    ///
    /// # Errors
    /// If the token is missing or too short, or the address cannot be listened on.
    pub fn start(
        options: &Options,
        hub: Arc<Hub>,
        source: Arc<dyn CensusSource>,
        keeper: Arc<dyn ZoneKeeper>,
        clock: SharedClock,
        progress: &Arc<Progress>,
    ) -> Result<Server, Error> {
        let guard = Guard::new(options)?;
        hub.stills().allow(options.snapshots);
        let mut builder = tokio::runtime::Builder::new_current_thread();
        // Draws days; it ends after a while without requests.
        builder.enable_all().max_blocking_threads(1).thread_name("http-day");
        let runtime = builder.build()?;
        let fail = |e| Error::Listen(options.listen, e);
        let listener = {
            let _entered = runtime.enter();
            server::listen(options.listen).map_err(fail)?
        };
        let address = listener.local_addr().map_err(fail)?;
        let beat = progress.stage("http", TURN_LIMIT, clock.clone());
        let context = Arc::new(Context::new(guard, hub, source, keeper, clock, progress.clone()));
        let stop = Arc::new(Notify::new());
        let stopped = stop.clone();
        let thread = progress.spawn("http".into(), move || {
            server::run(runtime, listener, context, &stopped, &beat);
        })?;
        tracing::info!("http: listening on http://{address}/");
        Ok(Server { address, stop, thread })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection and joins the thread, or leaves it behind after `within`.
    pub fn stop(self, within: Duration) {
        self.stop.notify_one();
        self.thread.end(within);
    }
}
