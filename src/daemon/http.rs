//! What the HTTP server asks of the daemon.

use super::Shared;
use super::camera::Camera;
use super::ledger::Report;
use super::{days, diary};
use crate::http::{self, Census};
use crate::publish::CameraStatus;

impl http::CensusSource for Shared {
    fn census(&self) -> Census {
        let mut cameras = Vec::new();
        for camera in self.slots.cameras() {
            camera.ledger.report(|report| cameras.push(tile(self, &camera, report)));
        }
        cameras.sort_by(|a, b| a.name.cmp(&b.name));
        let stats = self.publisher.stats();
        let broker = http::BrokerCensus {
            connected: stats.connected,
            reconnects: stats.reconnects,
            published: stats.published,
            waiting: stats.waiting,
            spool: self.publisher.spool_stats().map(|(spool, fault)| http::SpoolCensus {
                waiting: spool.waiting,
                bytes: spool.bytes,
                dropped: spool.dropped_size + spool.dropped_age,
                on_disk: fault.is_none(),
            }),
        };
        Census { cameras, broker, history: diary::census(self) }
    }

    fn day(&self, wish: &http::DayWish) -> Result<String, http::DayFault> {
        self.history.as_ref().ok_or(http::DayFault::Off)?.page(wish)
    }

    fn day_style(&self) -> &'static str {
        days::STYLE
    }
}

fn tile(shared: &Shared, camera: &Camera, report: &Report) -> http::CameraCensus {
    let Report { stream, rates, people, counts } = report;
    let unsent = shared.publisher.dropped(&camera.name);
    http::CameraCensus {
        name: camera.name.clone(),
        status: word(stream.status),
        reason: stream.reason.clone(),
        since: shared.clock.wall() - shared.clock.now().since(stream.since),
        decoder: stream.decoder.clone(),
        caps: stream.caps.clone(),
        attempts: stream.attempts,
        decoded_fps: rates.decoded_fps,
        published_fps: rates.published_fps,
        people: *people,
        age: rates.times.age,
        counts: *counts,
        shapes: camera.happenings.shapes(),
        unsent: [
            ("offline", unsent.offline),
            ("overflow", unsent.overflow),
            ("too_long", unsent.too_long),
            ("stopped", unsent.stopped),
        ],
    }
}

fn word(status: CameraStatus) -> &'static str {
    match status {
        CameraStatus::Online => "online",
        CameraStatus::Connecting => "connecting",
        CameraStatus::Stalled => "stalled",
        CameraStatus::Failed => "failed",
        CameraStatus::Ended => "ended",
        CameraStatus::Stopped => "stopped",
    }
}
