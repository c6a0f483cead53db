//! `/metrics`, in Prometheus' text format. Counters are read when they are asked for.
//!
//! Labels take few values: cameras, and words that are listed in this crate.

mod machine;
mod out;

use super::buckets::Counted;
use super::census::{CameraCensus, Census, STATUSES};
use super::counts::Counts;
use super::hub::Hub;
use machine::Machine;
use out::Out;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::registry::Registry;
use std::fmt::{Error, Result as Written};
use std::sync::atomic::Ordering;

/// Media type of the answer.
pub(super) const KIND: &str = prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// All metrics now.
///
/// # Errors
/// If a number cannot be formatted.
pub(super) fn text(census: &Census, hub: &Hub, counts: &Counts) -> Result<String, Error> {
    let streams = hub.streams();
    let found = |name: &str| streams.iter().find(|stream| stream.camera == name);
    let cameras = census.cameras.iter().map(|camera| Row {
        poses: found(&camera.name).map_or(0, |stream| stream.poses()),
        times: found(&camera.name).map(|stream| Timed {
            age: stream.age.counted(),
            finder: stream.finder.counted(),
            pose: stream.pose.counted(),
        }),
        camera: camera.clone(),
    });
    let scrape = Scrape {
        cameras: cameras.collect(),
        census: census.clone(),
        machine: Machine::here(),
        events: hub.events(),
        watchers: hub.watchers(),
        crowded: counts.crowded.load(Ordering::Relaxed),
        refused: counts.refused.load(Ordering::Relaxed),
    };
    let (mut registry, mut text) = (Registry::default(), String::new());
    registry.register_collector(Box::new(scrape));
    encode(&mut text, &registry)?;
    Ok(text)
}

/// Everything that one answer says.
#[derive(Debug)]
struct Scrape {
    census: Census,
    cameras: Vec<Row>,
    machine: Machine,
    events: u64,
    watchers: usize,
    crowded: u64,
    refused: u64,
}

#[derive(Debug)]
struct Row {
    camera: CameraCensus,
    poses: u64,
    times: Option<Timed>,
}

#[derive(Debug)]
struct Timed {
    age: Counted,
    finder: Counted,
    pose: Counted,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Written {
        let mut out = Out(encoder);
        self.frames(&mut out)?;
        self.streams(&mut out)?;
        self.broker(&mut out)?;
        self.history(&mut out)?;
        self.http(&mut out)?;
        self.machine.write(&mut out)
    }
}

impl Scrape {
    fn frames(&self, out: &mut Out<'_>) -> Written {
        let each = |value: fn(&Row) -> u64| {
            self.cameras.iter().map(move |row| ([("camera", row.camera.name.as_str())], value(row)))
        };
        out.counters(
            "posed_frames_decoded",
            "Frames that left the decoder",
            each(|r| r.camera.counts.decoded),
        )?;
        out.counters(
            "posed_frames_published",
            "Frames whose poses were handed to the publisher",
            each(|r| r.camera.counts.published),
        )?;
        out.counters(
            "posed_frames_dropped",
            "Frames that were not published",
            self.by_reason(|camera| camera.counts.dropped.by_reason().to_vec()),
        )?;
        out.counters("posed_poses", "Poses that were handed to the publisher", each(|r| r.poses))?;
        out.counters(
            "posed_poses_skipped",
            "Poses that were not estimated although their frame was published",
            self.by_reason(|camera| {
                let skipped = camera.counts.skipped;
                vec![("max_people", skipped.max_people), ("crowded", skipped.crowded)]
            }),
        )?;
        out.counters(
            "posed_messages_unsent",
            "Pose messages that did not reach the broker",
            self.by_reason(|camera| camera.unsent.to_vec()),
        )?;
        let people =
            self.cameras.iter().map(|r| ([("camera", r.camera.name.as_str())], r.camera.people as f64));
        out.gauges("posed_people", "People in the last published frame", people)?;
        let timed = |stage: fn(&Timed) -> &Counted| {
            self.cameras.iter().filter_map(move |row| {
                Some(([("camera", row.camera.name.as_str())], stage(row.times.as_ref()?)))
            })
        };
        out.histograms("posed_frame_age_seconds", "Time from capture to publishing", timed(|t| &t.age))?;
        out.histograms(
            "posed_finder_seconds",
            "Time in the person finder, of the frames that it searched",
            timed(|t| &t.finder),
        )?;
        out.histograms(
            "posed_pose_seconds",
            "Time from boxes to poses, of the frames with people",
            timed(|t| &t.pose),
        )
    }

    fn streams(&self, out: &mut Out<'_>) -> Written {
        let status = self.cameras.iter().flat_map(|row| {
            STATUSES.into_iter().map(move |status| {
                let is = f64::from(u8::from(row.camera.status == status));
                ([("camera", row.camera.name.as_str()), ("status", status)], is)
            })
        });
        out.gauges("posed_camera_status", "1 for what the camera is doing, 0 for the rest", status)?;
        let attempts = self.cameras.iter().map(|r| ([("camera", r.camera.name.as_str())], r.camera.attempts));
        out.counters("posed_camera_attempts", "Times that the camera's pipeline was built", attempts)?;
        let decoders = self.cameras.iter().filter_map(|row| {
            let decoder = row.camera.decoder.as_deref()?;
            Some(([("camera", row.camera.name.as_str()), ("decoder", decoder)], 1.0))
        });
        out.gauges("posed_camera_decoder", "1 for the decoder element in use", decoders)
    }

    fn broker(&self, out: &mut Out<'_>) -> Written {
        let broker = &self.census.broker;
        let connected = f64::from(u8::from(broker.connected));
        out.gauge("posed_mqtt_connected", "1 while the broker accepts the connection", connected)?;
        out.counter("posed_mqtt_reconnects", "Connections to the broker after the first", broker.reconnects)?;
        out.counter("posed_mqtt_messages_sent", "Pose messages handed to a connection", broker.published)?;
        out.gauge("posed_mqtt_queue_messages", "Pose messages that wait", broker.waiting as f64)?;
        let Some(spool) = broker.spool else { return Ok(()) };
        out.gauge(
            "posed_spool_messages",
            "Messages that the broker has not acknowledged",
            spool.waiting as f64,
        )?;
        let on_disk = f64::from(u8::from(spool.on_disk));
        out.gauge("posed_spool_on_disk", "1 while these messages survive a power cut", on_disk)?;
        out.gauge("posed_spool_bytes", "Size of these messages", spool.bytes as f64)?;
        out.counter(
            "posed_spool_dropped",
            "Messages that waited for too long, or were too many",
            spool.dropped,
        )
    }

    fn history(&self, out: &mut Out<'_>) -> Written {
        let Some(history) = self.census.history else { return Ok(()) };
        out.counter("posed_history_rows", "Seconds written into the history", history.written)?;
        let lost = history.dropped.iter().map(|(reason, count)| ([("reason", *reason)], *count));
        out.counters("posed_history_rows_lost", "Seconds that the history lacks", lost)?;
        let on_disk = f64::from(u8::from(history.on_disk));
        out.gauge("posed_history_on_disk", "1 while the history can be written", on_disk)
    }

    fn http(&self, out: &mut Out<'_>) -> Written {
        out.counter("posed_events", "Events", self.events)?;
        out.gauge("posed_http_pages", "Pages that are open", self.watchers as f64)?;
        out.counter("posed_http_requests_refused", "Requests without right or reason", self.refused)?;
        out.counter(
            "posed_http_connections_refused",
            "Connections closed because of too many",
            self.crowded,
        )?;
        let version = [([("version", env!("CARGO_PKG_VERSION"))], 1.0)];
        out.gauges("posed_build_info", "1 for the version that runs", version.into_iter())
    }

    fn by_reason<'s>(
        &'s self,
        reasons: impl Fn(&CameraCensus) -> Vec<(&'static str, u64)> + 's,
    ) -> impl Iterator<Item = ([(&'s str, &'s str); 2], u64)> {
        self.cameras.iter().flat_map(move |row| {
            let name = row.camera.name.as_str();
            let counts = reasons(&row.camera).into_iter();
            counts.map(move |(reason, count)| ([("camera", name), ("reason", reason)], count))
        })
    }
}
