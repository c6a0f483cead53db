//! What is answered to which path.

use super::census::CensusSource;
use super::counts::Counts;
use super::editor::Ask;
use super::feed::{Feed, Wish};
use super::guard::{Guard, Refusal};
use super::hub::Hub;
use super::reply::{Reply, TEXT, live, whole};
use super::zones::ZoneKeeper;
use super::{day, health, metrics, page, picture};
use crate::clock::SharedClock;
use crate::telemetry::progress::Progress;
use hyper::body::{Body, Bytes};
use hyper::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::Semaphore;

/// Pages that may be open at once. They must leave connections to the metrics.
pub(super) const MOST_FEEDS: usize = 32;
/// The only path by which something can be changed.
const ZONES: &str = "/zones";

/// What every connection needs.
pub(super) struct Context {
    guard: Guard,
    hub: Arc<Hub>,
    source: Arc<dyn CensusSource>,
    keeper: Arc<dyn ZoneKeeper>,
    clock: SharedClock,
    progress: Arc<Progress>,
    /// Lets one day be drawn at a time.
    turns: Arc<Semaphore>,
    /// What the server counts of its connections.
    pub(super) counts: Counts,
}

/// An answer, or what it waits for.
pub(super) enum Answer {
    /// It is there.
    Now(Reply),
    /// It waits for a frame of this camera.
    Still(Arc<Hub>, String),
    /// It waits for the drawing of a day that this query names.
    Day(Arc<dyn CensusSource>, Arc<Semaphore>, String),
    /// It waits for the request's body, and for the daemon.
    Zones(Ask),
}

impl Answer {
    /// The answer, once it is there. `body` is the request's.
    pub(super) async fn reply<B: Body<Data = Bytes> + Unpin>(self, body: B) -> Reply {
        match self {
            Answer::Now(reply) => reply,
            Answer::Still(hub, camera) => picture::still(hub, camera).await,
            Answer::Day(source, turns, query) => day::day(source, turns, query).await,
            Answer::Zones(ask) => ask.reply(body).await,
        }
    }
}

impl Context {
    pub(super) fn new(
        guard: Guard,
        hub: Arc<Hub>,
        source: Arc<dyn CensusSource>,
        keeper: Arc<dyn ZoneKeeper>,
        clock: SharedClock,
        progress: Arc<Progress>,
    ) -> Context {
        let (turns, counts) = (day::turns(), Counts::default());
        Context { guard, hub, source, keeper, clock, progress, turns, counts }
    }

    /// The answer to `request`. Its body is read later, if at all.
    pub(super) fn answer<B>(&self, request: &Request<B>, from: IpAddr) -> Answer {
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or(""));
        let camera = query.split('&').find_map(|pair| pair.strip_prefix("camera=")).unwrap_or("");
        match self.admit(request, from) {
            Ok(()) if path == "/still" => Answer::Still(self.hub.clone(), camera.to_owned()),
            Ok(()) if path == "/day" => {
                Answer::Day(self.source.clone(), self.turns.clone(), query.to_owned())
            }
            Ok(()) if path == ZONES => Answer::Zones(Ask {
                keeper: self.keeper.clone(),
                camera: camera.to_owned(),
                saves: *request.method() == Method::POST,
                edit: self.guard.allows_edits(),
            }),
            Ok(()) => Answer::Now(self.route(path, query)),
            Err(refusal) => {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                Answer::Now(refuse(refusal))
            }
        }
    }

    fn admit<B>(&self, request: &Request<B>, from: IpAddr) -> Result<(), Refusal> {
        if *request.method() == Method::POST && request.uri().path() == ZONES {
            self.guard.check_change(request.headers())?;
        } else {
            self.guard.check(request.method(), request.headers())?;
        }
        if request.uri().path() == "/healthz" {
            return Ok(());
        }
        self.guard.check_token(request.headers(), from, self.clock.now())
    }

    fn route(&self, path: &str, query: &str) -> Reply {
        match path {
            "/feed" => self.feed(query),
            "/metrics" => match metrics::text(&self.source.census(), &self.hub, &self.counts) {
                Ok(text) => whole(StatusCode::OK, metrics::KIND, text),
                Err(_) => whole(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "cannot format the metrics\n"),
            },
            "/day.css" => day::style(self.source.as_ref()),
            "/healthz" => health::health(&self.progress),
            "/readyz" => health::ready(&self.source.census()),
            path => match page::find(path) {
                Some(asset) => {
                    let mut reply = whole(StatusCode::OK, asset.kind, asset.bytes);
                    // Files change with the daemon's version.
                    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
                    reply
                }
                None => whole(StatusCode::NOT_FOUND, TEXT, "there is nothing at this path\n"),
            },
        }
    }

    fn feed(&self, query: &str) -> Reply {
        if self.hub.watchers() >= MOST_FEEDS {
            let mut reply = whole(StatusCode::SERVICE_UNAVAILABLE, TEXT, "too many pages are open\n");
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            return reply;
        }
        live(Feed::new(self.hub.clone(), self.source.clone(), Wish::parse(query)))
    }
}

fn refuse(refusal: Refusal) -> Reply {
    let (status, text) = refusal.answer();
    let mut reply = whole(status, TEXT, text);
    if let Some((name, value)) = refusal.header()
        && let Ok(value) = value.parse()
    {
        reply.headers_mut().insert(name, value);
    }
    reply
}
