//! Cameras attached to this machine and their modes: for `posed doctor`.

use super::error::Error;
use super::log::init;
use gstreamer::{self as gst, prelude::*};
use std::collections::{BTreeMap, BTreeSet};

/// A camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its own name.
    pub name: String,
    /// The `source` to configure: `v4l2:///dev/video0` or `libcamera:ID`. `None` if unknown.
    pub source: Option<String>,
    /// Format, size and rate, such as `MJPEG 1920x1080 at 30 fps`. Each format and size once, the
    /// largest first.
    pub modes: Vec<String>,
}

/// Cameras that GStreamer's device providers find: v4l2, and libcamera if its plugin is installed.
///
/// # Errors
/// If GStreamer does not start.
pub fn devices() -> Result<Vec<Device>, Error> {
    init()?;
    let monitor = gst::DeviceMonitor::new();
    monitor.add_filter(Some("Video/Source"), None);
    // Without this, an installed provider (libcamera's, PipeWire's) hides the one of v4l2 and
    // cameras that only v4l2 finds.
    monitor.set_show_all_devices(true);
    // A monitor that is not started asks every provider once.
    Ok(distinct(monitor.devices().iter().map(device).collect()))
}

/// Each source once, because several providers may know a camera. Keeps all without a source.
fn distinct(mut found: Vec<Device>) -> Vec<Device> {
    found.sort_by(|a, b| (&a.source, b.modes.len()).cmp(&(&b.source, a.modes.len())));
    found.dedup_by(|b, a| a.source.is_some() && a.source == b.source);
    found
}

fn device(device: &gst::Device) -> Device {
    let properties = device.properties();
    let text = |key: &str| properties.as_ref().and_then(|p| p.get::<String>(key).ok());
    let path = text("device.path").or_else(|| text("api.v4l2.path"));
    let libcamera = device.type_().name().to_ascii_lowercase().contains("libcamera");
    let source = match path {
        Some(path) => Some(format!("v4l2://{path}")),
        None if libcamera => Some(format!("libcamera:{}", device.display_name())),
        None => None,
    };
    let modes = device.caps().map(|caps| modes(&caps)).unwrap_or_default();
    Device { name: device.display_name().to_string(), source, modes }
}

/// Caps as text: each format and size once, with its highest rate; the largest first.
fn modes(caps: &gst::CapsRef) -> Vec<String> {
    let mut best: BTreeMap<(String, (i32, i32)), i32> = BTreeMap::new();
    for structure in caps.iter() {
        let rate = rates(structure).into_iter().max().unwrap_or(0);
        for format in formats(structure) {
            for size in sizes(structure) {
                let known = best.entry((format.clone(), size)).or_default();
                *known = rate.max(*known);
            }
        }
    }
    let mut modes: Vec<_> = best.into_iter().collect();
    modes.sort_by_key(|((format, (w, h)), rate)| {
        (std::cmp::Reverse((i64::from(w * h), *rate)), format.clone())
    });
    let line = |((format, (w, h)), rate)| match rate {
        0 => format!("{format} {w}x{h}"),
        rate => format!("{format} {w}x{h} at {rate} fps"),
    };
    modes.into_iter().map(line).collect()
}

fn formats(s: &gst::StructureRef) -> BTreeSet<String> {
    match s.name().as_str() {
        "video/x-raw" => {
            let several = s.get::<gst::List>("format").ok();
            let several = several.iter().flat_map(|list| list.iter()).filter_map(|v| v.get::<String>().ok());
            several.chain(s.get::<String>("format").ok()).collect()
        }
        "image/jpeg" => BTreeSet::from(["MJPEG".to_owned()]),
        "video/x-h264" => BTreeSet::from(["H.264".to_owned()]),
        "video/x-h265" => BTreeSet::from(["H.265".to_owned()]),
        other => BTreeSet::from([other.to_owned()]),
    }
}

/// The size. Of a range, the largest: a sensor with a scaler can give it.
fn sizes(s: &gst::StructureRef) -> Vec<(i32, i32)> {
    let side = |key: &str| -> Option<i32> {
        s.get::<i32>(key).ok().or_else(|| s.get::<gst::IntRange<i32>>(key).ok().map(|range| range.max()))
    };
    side("width").zip(side("height")).into_iter().collect()
}

/// Frames per second, rounded.
fn rates(s: &gst::StructureRef) -> Vec<i32> {
    let whole = |f: gst::Fraction| (f64::from(f.numer()) / f64::from(f.denom().max(1))).round() as i32;
    let list = s.get::<gst::List>("framerate").ok();
    let listed = list.iter().flat_map(|list| list.iter()).filter_map(|v| v.get::<gst::Fraction>().ok());
    let one = s.get::<gst::Fraction>("framerate").ok();
    let range = s.get::<gst::FractionRange>("framerate").ok().map(|range| range.max());
    listed.chain(one).chain(range).map(whole).filter(|fps| *fps < 1000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cameras_caps_become_modes_with_the_largest_first() {
        gst::init().unwrap();
        let caps: gst::Caps = "video/x-raw,format=YUY2,width=640,height=480,framerate={30/1,15/1};\
             video/x-raw,format=YUY2,width=640,height=480,framerate=5/1;\
             image/jpeg,width=1920,height=1080,framerate=30000/1001;\
             video/x-raw,format={NV12,I420},width=[32,2592],height=[32,1944],framerate=[0/1,2147483647/1]"
            .parse()
            .unwrap();
        assert_eq!(
            modes(&caps),
            ["I420 2592x1944", "NV12 2592x1944", "MJPEG 1920x1080 at 30 fps", "YUY2 640x480 at 30 fps"]
        );
    }

    #[test]
    fn a_camera_that_two_providers_know_is_listed_once() {
        let device = |name: &str, source: Option<&str>, modes: &[&str]| Device {
            name: name.into(),
            source: source.map(Into::into),
            modes: modes.iter().map(|m| (*m).to_owned()).collect(),
        };
        let full = device("by v4l2", Some("v4l2:///dev/video0"), &["YUY2 640x480"]);
        let other = device("other", Some("v4l2:///dev/video2"), &[]);
        let screen = device("screen", None, &[]);
        let bare = Device { modes: vec![], name: "by PipeWire".into(), ..full.clone() };
        let found = vec![screen.clone(), bare, other.clone(), full.clone(), screen.clone()];
        assert_eq!(distinct(found), [screen.clone(), screen, full, other]);
    }

    #[test]
    fn a_machine_without_cameras_is_no_error() {
        assert!(devices().is_ok());
    }
}
