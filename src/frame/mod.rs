//! A decoded frame in the decoder's own pixel format, and when it was captured.

mod format;

pub use format::{Colorimetry, Matrix, PixelFormat};

use crate::clock::Mono;
use crate::geometry::{Rotate, View};
use std::time::{Duration, SystemTime};

/// Layout of one frame, as the caps of its sample give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameInfo {
    /// Pixel layout.
    pub format: PixelFormat,
    /// Stored width in px.
    pub width: u32,
    /// Stored height in px.
    pub height: u32,
    /// Bytes from one row to the next, plane by plane.
    pub strides: [usize; 3],
    /// Pixel aspect ratio, n:d.
    pub par: (u32, u32),
    /// Colorimetry of YCbCr formats.
    pub colorimetry: Colorimetry,
}

/// Source of the capture time. It is published, so that consumers know how reliable the time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockLabel {
    /// The camera's own clock, by RTCP sender reports.
    Rtcp,
    /// Capture time of the driver.
    V4l2,
    /// Arrival on this machine.
    Receive,
}

/// Capture time of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// On the monotonic clock: ages count from here.
    pub mono: Mono,
    /// On the wall clock: this is published.
    pub wall: SystemTime,
    /// Source of both.
    pub clock: ClockLabel,
    /// Presentation time in the stream, if it has any.
    pub pts: Option<Duration>,
}

/// The bytes of a frame: a mapped GStreamer buffer, or vectors in tests.
pub trait Pixels: Send + Sync {
    /// Bytes of plane `index`; empty if there is no such plane.
    fn plane(&self, index: usize) -> &[u8];
}

impl Pixels for Vec<Vec<u8>> {
    fn plane(&self, index: usize) -> &[u8] {
        self.get(index).map_or(&[], Vec::as_slice)
    }
}

/// Why bytes and caps do not form a frame.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Width or height is out of range.
    #[error("frame of {width}x{height} px: both must be 1..=16384")]
    Size {
        /// Stored width.
        width: u32,
        /// Stored height.
        height: u32,
    },
    /// Rows would overlap.
    #[error("plane {plane}: stride {stride} is shorter than a row of {row} bytes")]
    Stride {
        /// Plane index.
        plane: usize,
        /// Bytes from row to row in the caps.
        stride: usize,
        /// Bytes a row needs.
        row: usize,
    },
    /// The plane ends early.
    #[error("plane {plane}: {got} bytes, {want} needed")]
    Short {
        /// Plane index.
        plane: usize,
        /// Bytes in the plane.
        got: usize,
        /// Bytes that the caps require.
        want: usize,
    },
}

/// One decoded frame. [`Frame::new`] checks that its planes are as long as its caps require.
pub struct Frame {
    /// Layout of this frame. It may change from one frame to the next.
    pub info: FrameInfo,
    /// Capture time.
    pub stamp: Stamp,
    /// Counts the decoded frames of this camera since the daemon started.
    pub seq: u64,
    pixels: Box<dyn Pixels>,
}

impl Frame {
    /// Checks `pixels` against `info`.
    ///
    /// # Errors
    /// If the size is out of range, a stride is shorter than its row or a plane ends early.
    pub fn new(info: FrameInfo, stamp: Stamp, seq: u64, pixels: Box<dyn Pixels>) -> Result<Frame, Error> {
        let (width, height) = (info.width as usize, info.height as usize);
        if !(1..=16384).contains(&width) || !(1..=16384).contains(&height) {
            return Err(Error::Size { width: info.width, height: info.height });
        }
        for (plane, &stride) in info.strides.iter().enumerate() {
            let Some((row, rows)) = info.format.plane_size(plane, width, height) else { continue };
            if stride < row {
                return Err(Error::Stride { plane, stride, row });
            }
            // The last row need not be padded.
            let (got, want) = (pixels.plane(plane).len(), stride * (rows - 1) + row);
            if got < want {
                return Err(Error::Short { plane, got, want });
            }
        }
        Ok(Frame { info, stamp, seq, pixels })
    }

    /// A frame of a still picture: `rgb` holds rows of packed R, G, B without padding. Its time is
    /// zero.
    ///
    /// # Errors
    /// As [`Frame::new`].
    pub fn still(width: u32, height: u32, rgb: Vec<u8>) -> Result<Frame, Error> {
        let info = FrameInfo {
            format: PixelFormat::Rgb,
            width,
            height,
            strides: [3 * width as usize, 0, 0],
            par: (1, 1),
            colorimetry: Colorimetry::default(),
        };
        let stamp =
            Stamp { mono: Mono(0), wall: SystemTime::UNIX_EPOCH, clock: ClockLabel::Receive, pts: None };
        Frame::new(info, stamp, 0, Box::new(vec![rgb]))
    }

    /// Bytes of plane `index`, with the stride in [`FrameInfo::strides`].
    pub fn plane(&self, index: usize) -> &[u8] {
        self.pixels.plane(index)
    }

    /// Maps the display frame to this one.
    pub fn view(&self, rotate: Rotate) -> View {
        View::new(self.info.width, self.info.height, self.info.par, rotate)
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame").field("info", &self.info).field("seq", &self.seq).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Stamp {
        Stamp { mono: Mono(0), wall: SystemTime::UNIX_EPOCH, clock: ClockLabel::Receive, pts: None }
    }

    fn nv12(width: u32, height: u32, stride: usize) -> FrameInfo {
        FrameInfo {
            format: PixelFormat::Nv12,
            width,
            height,
            strides: [stride, stride, 0],
            par: (1, 1),
            colorimetry: Colorimetry::default(),
        }
    }

    #[test]
    fn odd_sizes_round_chroma_up_and_the_last_row_may_be_unpadded() {
        let planes = vec![vec![0; 8 * 4 + 5], vec![0; 8 * 2 + 6]];
        assert!(Frame::new(nv12(5, 5, 8), stamp(), 0, Box::new(planes.clone())).is_ok());
        let mut short = planes;
        short[1].pop();
        let err = Frame::new(nv12(5, 5, 8), stamp(), 0, Box::new(short)).unwrap_err();
        assert_eq!(err, Error::Short { plane: 1, got: 21, want: 22 });
    }

    #[test]
    fn nonsense_caps_are_refused() {
        let none = || Box::new(Vec::<Vec<u8>>::new());
        assert!(matches!(Frame::new(nv12(0, 5, 8), stamp(), 0, none()), Err(Error::Size { .. })));
        assert!(matches!(Frame::new(nv12(9, 5, 8), stamp(), 0, none()), Err(Error::Stride { .. })));
    }
}
