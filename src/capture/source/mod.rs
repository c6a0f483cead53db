//! [`Source`]: what a camera's `source` says.

mod address;
mod mask;
mod mode;
mod parse;
mod percent;

pub use address::Credentials;
pub(super) use address::{host_and_port, with_login};
pub(super) use mask::mask;
pub use mask::secret_parameters;
pub use mode::Mode;
pub(super) use mode::{camera_caps, exact_caps};

use crate::frame::ClockLabel;
use std::path::PathBuf;

/// Endings of a path whose video is played at its own speed. Any other video over HTTP is live.
const PLAYED: [&str; 9] = ["m3u8", "mp4", "m4v", "mov", "mkv", "webm", "ts", "flv", "avi"];

/// Where frames come from.
#[derive(Clone, PartialEq)]
pub enum Source {
    /// A video file, or a picture.
    File {
        /// Its path.
        path: PathBuf,
        /// Start again at the end.
        looped: bool,
        /// Play at the file's own speed instead of as fast as it decodes.
        paced: bool,
    },
    /// An IP camera.
    Rtsp {
        /// `rtsp://`, `rtsps://` or one of their variants, without user name and password.
        url: String,
        /// For the camera; sent by digest or basic authentication, as the camera asks.
        credentials: Option<Credentials>,
    },
    /// MJPEG, HLS or a picture over HTTP.
    Http {
        /// `http://` or `https://`, without user name and password.
        url: String,
        /// For the camera.
        credentials: Option<Credentials>,
    },
    /// A camera of the kernel's video4linux2: raw, MJPEG or H.264.
    V4l2 {
        /// Device node, e.g. `/dev/video0`.
        device: PathBuf,
        /// What to ask it for.
        mode: Mode,
    },
    /// A CSI camera.
    Libcamera {
        /// Camera id; the first camera if `None`.
        name: Option<String>,
        /// What to ask it for.
        mode: Mode,
    },
    /// A live test pattern.
    Test {
        /// `videotestsrc` pattern.
        pattern: String,
        /// What to make; 640x480 at 30 frames a second where `None`.
        mode: Mode,
    },
    /// Any `gst-launch` text. Ours is added at the end unless it has its own `appsink`.
    Pipeline {
        /// The text.
        text: String,
    },
}

impl Source {
    /// Whether the connection to it is encrypted.
    pub fn is_tls(&self) -> bool {
        match self {
            Source::Rtsp { url, .. } => url.starts_with("rtsps"),
            Source::Http { url, .. } => url.starts_with("https"),
            _ => false,
        }
    }

    /// The scheme of an RTSP address that names the transport, such as `rtspt`.
    pub fn fixed_transport(&self) -> Option<&str> {
        let Source::Rtsp { url, .. } = self else { return None };
        url.split(':').next().filter(|scheme| !matches!(*scheme, "rtsp" | "rtsps"))
    }

    /// Whether it is a camera of this machine, with modes to choose from.
    pub fn is_device(&self) -> bool {
        matches!(self, Source::V4l2 { .. } | Source::Libcamera { .. })
    }

    /// Whether it is played by its own timestamps: a paced file, or recorded video over HTTP.
    pub(super) fn is_played(&self) -> bool {
        match self {
            Source::File { paced, .. } => *paced,
            Source::Http { url, .. } => {
                let path = url.split('?').next().unwrap_or_default();
                let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
                PLAYED.iter().any(|played| ending.eq_ignore_ascii_case(played))
            }
            _ => false,
        }
    }

    /// The GStreamer element that it needs, unless its user names the elements.
    pub(super) fn element(&self) -> Option<&'static str> {
        Some(match self {
            Source::File { .. } => "filesrc",
            Source::Rtsp { .. } => "rtspsrc",
            Source::Http { .. } => "souphttpsrc",
            Source::V4l2 { .. } => "v4l2src",
            Source::Libcamera { .. } => "libcamerasrc",
            Source::Test { .. } => "videotestsrc",
            Source::Pipeline { .. } => return None,
        })
    }

    /// Its login at the camera, if it has one.
    pub(super) fn credentials(&self) -> Option<&Credentials> {
        match self {
            Source::Rtsp { credentials, .. } | Source::Http { credentials, .. } => credentials.as_ref(),
            _ => None,
        }
    }

    /// Address of a network camera.
    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Source::Rtsp { url, .. } | Source::Http { url, .. } => Some(url),
            _ => None,
        }
    }

    /// The clock that stamps its buffers.
    pub(super) fn clock_label(&self) -> ClockLabel {
        // libcamera's timestamps, too, are the kernel's capture times.
        if self.is_device() { ClockLabel::V4l2 } else { ClockLabel::Receive }
    }
}

impl std::fmt::Debug for Source {
    /// Without credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::File { path, looped, paced } => f
                .debug_struct("File")
                .field("path", path)
                .field("looped", looped)
                .field("paced", paced)
                .finish(),
            Source::Rtsp { url, .. } => f.debug_tuple("Rtsp").field(&mask(url)).finish(),
            Source::Http { url, .. } => f.debug_tuple("Http").field(&mask(url)).finish(),
            Source::V4l2 { device, mode } => f.debug_tuple("V4l2").field(device).field(mode).finish(),
            Source::Libcamera { name, mode } => f.debug_tuple("Libcamera").field(name).field(mode).finish(),
            Source::Test { pattern, mode } => f.debug_tuple("Test").field(pattern).field(mode).finish(),
            Source::Pipeline { text } => f.debug_tuple("Pipeline").field(&mask(text)).finish(),
        }
    }
}
