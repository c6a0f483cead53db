//! Server-sent events for one page: poses at the rate that it asks for, the state once a second.

use super::census::CensusSource;
use super::hub::{Hub, Stream, Watch};
use super::status;
use hyper::body::Bytes;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Poses of each camera per second, if the page does not say.
const DEFAULT_FPS: u64 = 12;
const MOST_FPS: u64 = 30;

/// What a page asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Poses of each camera per second.
    fps: u64,
    /// Only this camera's poses; `None`: all.
    camera: Option<String>,
}

impl Wish {
    /// Reads `fps=25&camera=hall`. What it does not know has no effect: names need no escapes.
    pub(super) fn parse(query: &str) -> Wish {
        let mut wish = Wish { fps: DEFAULT_FPS, camera: None };
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "fps" => wish.fps = value.parse().unwrap_or(DEFAULT_FPS).clamp(1, MOST_FPS),
                "camera" => wish.camera = Some(value.to_owned()),
                _ => {}
            }
        }
        wish
    }
}

/// One page's events. hyper asks for a chunk when the last one is written, so a slow page gets
/// fewer chunks, each with the newest poses.
pub(super) struct Feed {
    watch: Watch,
    source: Arc<dyn CensusSource>,
    wish: Wish,
    tick: Interval,
    ticks: u64,
    /// Version of the last message that the page got of each camera.
    seen: Vec<(Arc<Stream>, u64)>,
    events_seen: u64,
}

impl Feed {
    /// Counts as a watcher of `hub` until it is dropped.
    pub(super) fn new(hub: Arc<Hub>, source: Arc<dyn CensusSource>, wish: Wish) -> Feed {
        // What the hub kept for earlier watchers is old.
        let seen = hub.streams().into_iter().map(|stream| (stream.clone(), stream.version())).collect();
        let mut tick = interval(Duration::from_millis(1000 / wish.fps));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Feed { watch: Watch::new(hub), source, wish, tick, ticks: 0, seen, events_seen: 0 }
    }

    /// The next events, once there are some.
    pub(super) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        loop {
            ready!(self.tick.poll_tick(cx));
            let chunk = self.chunk();
            if !chunk.is_empty() {
                return Poll::Ready(chunk.into());
            }
        }
    }

    fn chunk(&mut self) -> Vec<u8> {
        let mut chunk = Vec::new();
        if self.ticks.is_multiple_of(self.wish.fps) {
            put(&mut chunk, "status", &status::json(&self.source.census(), self.watch.hub()));
        }
        self.ticks += 1;
        self.put_poses(&mut chunk);
        self.events_seen =
            self.watch.hub().events_after(self.events_seen, |event| put(&mut chunk, "event", event));
        chunk
    }

    fn put_poses(&mut self, chunk: &mut Vec<u8>) {
        let streams = self.watch.hub().streams();
        self.seen.retain(|(stream, _)| streams.iter().any(|other| Arc::ptr_eq(stream, other)));
        for stream in streams {
            if self.wish.camera.as_ref().is_some_and(|only| *only != stream.camera) {
                continue;
            }
            let at = self.seen.iter().position(|(other, _)| Arc::ptr_eq(&stream, other));
            let seen = at.and_then(|at| self.seen.get(at)).map_or(0, |(_, version)| *version);
            let version = stream.newest_after(seen, |payload| put(chunk, "poses", payload));
            match at.and_then(|at| self.seen.get_mut(at)) {
                Some((_, seen)) => *seen = version,
                None => self.seen.push((stream, version)),
            }
        }
    }
}

/// Appends an event. `data` has no line breaks.
fn put(chunk: &mut Vec<u8>, event: &str, data: &[u8]) {
    chunk.extend_from_slice(b"event: ");
    chunk.extend_from_slice(event.as_bytes());
    chunk.extend_from_slice(b"\ndata: ");
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_bounded_and_nonsense_has_no_effect() {
        let wish = |fps, camera: Option<&str>| Wish { fps, camera: camera.map(str::to_owned) };
        for (query, want) in [
            ("", wish(DEFAULT_FPS, None)),
            ("fps=25&camera=hall", wish(25, Some("hall"))),
            ("fps=0", wish(1, None)),
            ("fps=9999999", wish(MOST_FPS, None)),
            ("fps=many&x=1&&=", wish(DEFAULT_FPS, None)),
        ] {
            assert_eq!(Wish::parse(query), want, "{query}");
        }
    }
}
