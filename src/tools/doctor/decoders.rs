//! Decoders for what cameras send: each is given a few frames, and what it makes of them looked at.

use super::machine::Machine;
use super::report::{Level, Report};
use super::subprocess;
use crate::capture::{self, Codec, Proof};
use std::ffi::OsStr;
use std::time::Duration;

/// A decoder that has not given a frame by then does not work.
pub const PROOF_WITHIN: Duration = Duration::from_secs(5);

pub(super) fn examine(machine: &Machine, report: &mut Report) {
    let mut hardware = false;
    for codec in Codec::ALL {
        match capture::decoders(codec) {
            Ok(installed) => {
                // One that is there and does not work has its own line.
                hardware |= installed.iter().any(|decoder| decoder.hardware);
                try_all(codec, &installed, report);
            }
            Err(e) => {
                let remedy = "reinstall libgstreamer1.0-0 and gstreamer1.0-plugins-base";
                return report.add(Level::Fault, "decoder", e.to_string(), remedy);
            }
        }
    }
    if !hardware {
        report.add(
            Level::Note,
            "decoder",
            "no hardware decoder is installed: video is decoded by the processor",
            package(machine),
        );
    }
}

/// Tries all decoders of one codec.
fn try_all(codec: Codec, installed: &[Proof], report: &mut Report) {
    let (mut works, mut software) = (false, Vec::new());
    for Proof { decoder, hardware: is_hardware, rank } in installed {
        let outcome = if *is_hardware {
            let args = ["decoder", codec.name(), decoder].map(OsStr::new);
            subprocess::run(&args, 2 * PROOF_WITHIN).map(drop)
        } else {
            capture::prove(codec, decoder, PROOF_WITHIN)
        };
        // What has no rank is not taken by itself.
        works |= outcome.is_ok() && (!is_hardware || *rank > 0);
        match (outcome, is_hardware) {
            (Ok(()), true) if *rank == 0 => report.add(
                Level::Note,
                "decoder",
                format!(
                    "{}: {decoder} (hardware) gives frames but has no rank: it is not taken by itself",
                    codec.name()
                ),
                format!(
                    "`systemctl edit posed`: [Service] Environment=GST_PLUGIN_FEATURE_RANK={decoder}:MAX"
                ),
            ),
            (Ok(()), true) => {
                report.ok("decoder", format!("{}: {decoder} (hardware) gives frames", codec.name()));
            }
            (Ok(()), false) => software.push(decoder.as_str()),
            (Err(e), true) => report.add(
                Level::Warning,
                "decoder",
                format!("{}: {decoder} (hardware) gives no frame: {e}", codec.name()),
                "see the permissions above and `dmesg`; posed leaves it out and takes the next one",
            ),
            (Err(e), false) => report.add(
                Level::Warning,
                "decoder",
                format!("{}: {decoder} gives no frame: {e}", codec.name()),
                "reinstall its plugin (`gst-inspect-1.0` names it); posed leaves out what fails",
            ),
        }
    }
    if !software.is_empty() {
        report.ok("decoder", format!("{}: {} (software) give frames", codec.name(), software.join(", ")));
    }
    if !works {
        report.add(
            // Only a camera that sends it makes this a fault, and that is tried by itself.
            Level::Warning,
            "decoder",
            format!("{}: nothing here decodes it", codec.name()),
            "sudo apt install gstreamer1.0-libav gstreamer1.0-plugins-good gstreamer1.0-plugins-bad",
        );
    }
}

/// Which package has this board's decoders.
fn package(machine: &Machine) -> &'static str {
    let model = machine.read("/proc/device-tree/model").unwrap_or_default();
    if model.contains("Raspberry Pi 5") {
        "the Raspberry Pi 5 has one for H.265 alone: v4l2slh265dec of gstreamer1.0-plugins-bad; H.264 is the processor's work"
    } else if model.contains("Raspberry Pi") {
        "v4l2h264dec comes with gstreamer1.0-plugins-good; `ls /dev/video1*` shows whether the kernel has the codec"
    } else if machine.path("/etc/nv_tegra_release").exists() {
        "sudo apt install nvidia-l4t-gstreamer"
    } else if !machine.list("/dev/dri", "renderD").is_empty() {
        "sudo apt install gstreamer1.0-vaapi and the VA driver of the graphics chip (intel-media-va-driver, mesa-va-drivers)"
    } else {
        "none needed if the frames that you want fit the processor"
    }
}
