//! A frame's bytes: mapped where the decoder wrote them, or copied on the way.

use crate::frame::{FrameInfo, Pixels};
use gstreamer::{self as gst, prelude::*};
use gstreamer_video as gst_video;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Most memories of one buffer that are mapped in place. A buffer with more is merged first.
const MAPS: usize = 4;

/// A buffer's planes, mapped where they are. The memories are mapped one by one, and each plane's
/// bytes are looked up in them with all bounds checked. `gst_video::VideoFrame` would trust the
/// caps for the length of a plane.
pub struct Mapped {
    // Dropped (unmapped) in this order: the buffer returns to its pool last.
    maps: [Option<gst::MappedMemory<gst::memory::Readable>>; MAPS],
    planes: [(usize, Range<usize>); 3],
    _buffer: gst::Buffer,
}

impl Mapped {
    /// Maps a buffer with these caps. Returns `info` with the buffer's strides.
    ///
    /// # Errors
    /// If its memory cannot be mapped, or its rows run from the bottom up.
    pub fn new(
        buffer: gst::Buffer,
        video: &gst_video::VideoInfo,
        mut info: FrameInfo,
    ) -> Result<(FrameInfo, Mapped), String> {
        let mut maps = [const { None }; MAPS];
        if buffer.n_memory() <= MAPS {
            for (map, memory) in maps.iter_mut().zip(buffer.iter_memories_owned()) {
                *map = Some(memory.into_mapped_memory_readable().map_err(|_| "its memory cannot be mapped")?);
            }
        } else {
            let all = buffer.all_memory().ok_or("its memory cannot be merged")?;
            maps[0] = Some(all.into_mapped_memory_readable().map_err(|_| "its memory cannot be mapped")?);
        }
        let meta = buffer.meta::<gst_video::VideoMeta>();
        let (strides, offsets) = match &meta {
            Some(meta) => (meta.stride(), meta.offset()),
            None => (video.stride(), video.offset()),
        };
        let mut planes = [const { (0, 0..0) }; 3];
        for (index, plane) in planes.iter_mut().enumerate() {
            let size = info.format.plane_size(index, info.width as usize, info.height as usize);
            let (Some((row, rows)), Some(&stride), Some(&offset)) =
                (size, strides.get(index), offsets.get(index))
            else {
                continue;
            };
            let stride = usize::try_from(stride).map_err(|_| format!("stride {stride}: upside down"))?;
            info.strides[index] = stride;
            *plane = find(&maps, offset, stride * rows.saturating_sub(1) + row);
        }
        Ok((info, Mapped { maps, planes, _buffer: buffer }))
    }
}

/// The index of the memory that holds byte `offset` of the buffer, and the range of `len` bytes
/// from there. The range is shorter if the memory ends first.
fn find(
    maps: &[Option<gst::MappedMemory<gst::memory::Readable>>],
    offset: usize,
    len: usize,
) -> (usize, Range<usize>) {
    let mut start = 0;
    for (index, map) in maps.iter().flatten().enumerate() {
        let end = start + map.size();
        if offset < end {
            let at = offset - start;
            return (index, at..(at + len).min(map.size()));
        }
        start = end;
    }
    (0, 0..0)
}

impl Pixels for Mapped {
    fn plane(&self, index: usize) -> &[u8] {
        let Some((map, range)) = self.planes.get(index) else { return &[] };
        let map = self.maps.get(*map).and_then(Option::as_ref);
        map.and_then(|map| map.as_slice().get(range.clone())).unwrap_or_default()
    }
}

/// Readdresses each buffer on `pad` with a copy from a pool. libcamera's buffers must be back when
/// its pipeline ends, but `appsink` or a worker may keep a frame for longer.
pub fn copy_buffers(pad: &gst::Pad) {
    let pool = Mutex::new(None);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(buffer) = info.buffer_mut() else { return gst::PadProbeReturn::Ok };
        let copied = copy(buffer, &mut pool.lock().unwrap_or_else(PoisonError::into_inner));
        // Without memory for a copy, an empty buffer goes on and counts as an unusable frame.
        *buffer = copied.unwrap_or_default();
        gst::PadProbeReturn::Ok
    });
}

/// A pool, and the size of its buffers in bytes.
type Pool = Option<(gst::BufferPool, usize)>;

fn copy(buffer: &gst::BufferRef, pool: &mut Pool) -> Result<gst::Buffer, gst::glib::BoolError> {
    let size = buffer.size();
    let pool = match pool {
        Some((pool, of)) if *of == size => pool,
        _ => &pool.insert((pool_of(size)?, size)).0,
    };
    let mut copy = pool.acquire_buffer(None).map_err(|e| gst::glib::bool_error!("no buffer: {e:?}"))?;
    let to = copy.make_mut();
    buffer.copy_into(
        to,
        gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS | gst::BufferCopyFlags::META,
        ..,
    )?;
    // `META` leaves out what describes the memory.
    if let Some(meta) = buffer.meta::<gst_video::VideoMeta>() {
        let (width, height) = (meta.width(), meta.height());
        gst_video::VideoMeta::add_full(
            to,
            meta.video_frame_flags(),
            meta.format(),
            width,
            height,
            meta.offset(),
            meta.stride(),
        )?;
    }
    let mut bytes = to.map_writable()?;
    buffer
        .copy_to_slice(0, &mut bytes)
        .map_err(|copied| gst::glib::bool_error!("only {copied} bytes could be copied"))?;
    drop(bytes);
    Ok(copy)
}

fn pool_of(size: usize) -> Result<gst::BufferPool, gst::glib::BoolError> {
    let size = u32::try_from(size).map_err(|e| gst::glib::bool_error!("{e}"))?;
    let pool = gst::BufferPool::new();
    let mut config = pool.config();
    config.set_params(None, size, 0, 0);
    pool.set_config(config)?;
    pool.set_active(true)?;
    Ok(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_equals_its_buffer_and_its_memory_is_reused() {
        gst::init().unwrap();
        let (mut pool, mut addresses) = (None, Vec::new());
        for first in [0, 100] {
            // In two memories, as some decoders do.
            let mut buffer = gst::Buffer::from_slice((first..first + 60).collect::<Vec<u8>>());
            buffer.append(gst::Buffer::from_slice((first..first + 30).collect::<Vec<u8>>()));
            let writable = buffer.get_mut().unwrap();
            writable.set_pts(gst::ClockTime::from_mseconds(40));
            gst_video::VideoMeta::add(
                writable,
                gst_video::VideoFrameFlags::empty(),
                gst_video::VideoFormat::Nv12,
                10,
                4,
            )
            .unwrap();
            let copy = copy(&buffer, &mut pool).unwrap();
            assert_eq!(copy.pts(), buffer.pts());
            let strides = |of: &gst::Buffer| of.meta::<gst_video::VideoMeta>().unwrap().stride().to_vec();
            assert_eq!(strides(&copy), strides(&buffer));
            let bytes = copy.map_readable().unwrap();
            assert_eq!(bytes[..], *buffer.map_readable().unwrap());
            addresses.push(bytes.as_ptr());
        }
        assert_eq!(addresses[0], addresses[1]);
    }
}
