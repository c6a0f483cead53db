//! Video decoders: each decodes a few known frames, and the result is compared.

use super::diagnosis::{Diagnosis, Level};
use super::machine::Machine;
use super::subprocess;
use crate::capture::{self, Codec, InstalledDecoder};
use std::ffi::OsStr;
use std::time::Duration;

/// Limit for a decoder to give a frame.
pub const PROOF_WITHIN: Duration = Duration::from_secs(5);

pub(super) fn examine(machine: &Machine, report: &mut Diagnosis) {
    let mut hardware = false;
    for codec in Codec::ALL {
        match capture::decoders(codec) {
            Ok(installed) => {
                // A decoder that fails is reported on a line of its own.
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
            "no hardware decoder is installed: the processor decodes video",
            package(machine),
        );
    }
}

/// Tries all decoders of one codec.
fn try_all(codec: Codec, installed: &[InstalledDecoder], report: &mut Diagnosis) {
    let (mut works, mut software) = (false, Vec::new());
    for InstalledDecoder { decoder, hardware: is_hardware, rank } in installed {
        let outcome = if *is_hardware {
            let args = ["decoder", codec.name(), decoder].map(OsStr::new);
            subprocess::run(&args, 2 * PROOF_WITHIN).map(drop)
        } else {
            capture::probe_decoder(codec, decoder, PROOF_WITHIN)
        };
        // GStreamer never picks a decoder of rank 0 by itself.
        works |= outcome.is_ok() && (!is_hardware || *rank > 0);
        match (outcome, is_hardware) {
            (Ok(()), true) if *rank == 0 => report.add(
                Level::Note,
                "decoder",
                format!(
                    "{}: {decoder} (hardware) gives frames, but its rank is 0: GStreamer does not pick it",
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
                "see the permissions above and `dmesg`; posed skips it and uses the next one",
            ),
            (Err(e), false) => report.add(
                Level::Warning,
                "decoder",
                format!("{}: {decoder} gives no frame: {e}", codec.name()),
                "reinstall its plugin (`gst-inspect-1.0` names it); posed skips it",
            ),
        }
    }
    if !software.is_empty() {
        report.ok("decoder", format!("{}: {} (software) give frames", codec.name(), software.join(", ")));
    }
    if !works {
        report.add(
            // It is a fault only for a camera of this codec, and cameras are tried separately.
            Level::Warning,
            "decoder",
            format!("{}: no installed decoder works", codec.name()),
            "sudo apt install gstreamer1.0-libav gstreamer1.0-plugins-good gstreamer1.0-plugins-bad",
        );
    }
}

/// Where this board's hardware decoders come from.
fn package(machine: &Machine) -> &'static str {
    let model = machine.read("/proc/device-tree/model").unwrap_or_default();
    if model.contains("Raspberry Pi 5") {
        "the Raspberry Pi 5 has a hardware decoder for H.265 only: v4l2slh265dec of gstreamer1.0-plugins-bad"
    } else if model.contains("Raspberry Pi") {
        "install gstreamer1.0-plugins-good for v4l2h264dec; `ls /dev/video1*` shows whether the kernel has the codec"
    } else if machine.path("/etc/nv_tegra_release").exists() {
        "sudo apt install nvidia-l4t-gstreamer"
    } else if !machine.list("/dev/dri", "renderD").is_empty() {
        "sudo apt install gstreamer1.0-vaapi and the VA driver of the graphics chip (intel-media-va-driver, mesa-va-drivers)"
    } else {
        "nothing, if the processor reaches the frame rate you want"
    }
}
