//! The spool's folder: segments of records, and the number up to which the broker has acknowledged.
//!
//! A segment `00000000000000000042.log` holds the records from number 42 on. A segment is deleted
//! when all its records are acknowledged. `acknowledged` holds that number twice, each copy with
//! its checksum; copies are written in turn, so that a power cut can damage only the older one.

use super::record::Record;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A segment of this size gets no further record.
const SEGMENT_BYTES: usize = 64 * 1024;
/// Name of the file with the acknowledged number.
const ACKNOWLEDGED: &str = "acknowledged";
/// Bytes of one copy of that number: the number and its checksum.
const COPY: usize = 12;

/// What a folder held when it was opened.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Records that the broker has not acknowledged, in order.
    pub records: Vec<Record>,
    /// Bytes of torn or damaged records.
    pub damaged_bytes: usize,
    /// The number after the last one that was used.
    pub next_seq: u64,
}

/// The numbers of a segment's records: from `first` to before `end`.
#[derive(Debug, Clone, Copy)]
struct Segment {
    first: u64,
    end: u64,
}

/// An open folder.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    /// Segments, oldest first.
    segments: Vec<Segment>,
    /// The last segment and its length; `None` if the next record starts one.
    open: Option<(File, usize)>,
    acknowledged: File,
    /// Which copy of the acknowledged number is written next.
    copy: u64,
    /// Kept between calls, so that no record allocates.
    buffer: Vec<u8>,
}

impl Disk {
    /// Opens or creates `dir`, and reads what is there.
    pub(super) fn open(dir: &Path) -> io::Result<(Disk, Found)> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join(ACKNOWLEDGED);
        let acknowledged =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let (done, copy) = read_acknowledged(&acknowledged)?;
        let mut firsts: Vec<u64> = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let name = entry?.file_name();
            firsts.extend(name.to_str().and_then(|name| name.strip_suffix(".log")?.parse::<u64>().ok()));
        }
        firsts.sort_unstable();
        let mut found = Found { next_seq: done, ..Found::default() };
        let mut segments = Vec::new();
        for first in firsts {
            let (records, damaged) = Record::decode_all(&std::fs::read(segment_path(dir, first))?);
            let end = records.iter().map(|record| record.seq.saturating_add(1)).fold(first, u64::max);
            segments.push(Segment { first, end });
            found.damaged_bytes += damaged;
            found.next_seq = found.next_seq.max(end);
            found.records.extend(records.into_iter().filter(|record| record.seq >= done));
        }
        // Only a foreign hand leaves numbers out of order; none may be lost by it.
        found.records.sort_by_key(|record| record.seq);
        let dir = dir.to_owned();
        let mut disk = Disk { dir, segments, open: None, acknowledged, copy, buffer: Vec::new() };
        disk.delete_before(done);
        Ok((disk, found))
    }

    /// Appends `record`; `sync` waits until it is on the medium.
    pub(super) fn append(&mut self, record: &Record, sync: bool) -> io::Result<()> {
        self.buffer.clear();
        if !record.encode(&mut self.buffer) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the topic or payload is too long"));
        }
        let full = self.open.as_ref().is_none_or(|(_, len)| len + self.buffer.len() > SEGMENT_BYTES);
        if full {
            self.start_segment(record.seq)?;
        }
        let Some((file, len)) = &mut self.open else { return Ok(()) };
        if let Err(e) = file.write_all(&self.buffer) {
            // What was written of the record would hide the next one from a reader of this length.
            let _ = file.set_len(*len as u64);
            self.open = None;
            return Err(e);
        }
        *len += self.buffer.len();
        if let Some(segment) = self.segments.last_mut() {
            segment.end = record.seq.saturating_add(1);
        }
        if sync { file.sync_data() } else { Ok(()) }
    }

    /// The broker has acknowledged all records below `seq`.
    pub(super) fn acknowledge(&mut self, seq: u64) -> io::Result<()> {
        let mut copy = [0; COPY];
        copy[..8].copy_from_slice(&seq.to_le_bytes());
        copy[8..].copy_from_slice(&crc32fast::hash(&seq.to_le_bytes()).to_le_bytes());
        self.acknowledged.write_all_at(&copy, self.copy * COPY as u64)?;
        self.copy = 1 - self.copy;
        self.delete_before(seq);
        Ok(())
    }

    fn start_segment(&mut self, first: u64) -> io::Result<()> {
        self.open = None;
        let path = segment_path(&self.dir, first);
        // A file of this name holds no readable record: they all have lower numbers.
        let file = File::create(&path)?;
        // So that the file's name, too, outlives a power cut.
        File::open(&self.dir)?.sync_all()?;
        self.segments.retain(|segment| segment.first != first);
        self.segments.push(Segment { first, end: first });
        self.open = Some((file, 0));
        Ok(())
    }

    /// Deletes segments without a record from `seq` on. The open one stays.
    fn delete_before(&mut self, seq: u64) {
        let closed = self.segments.len() - usize::from(self.open.is_some());
        let done = self.segments.iter().take(closed).take_while(|segment| segment.end <= seq).count();
        for segment in self.segments.drain(..done) {
            // A segment that cannot be deleted is skipped at the next start.
            let _ = std::fs::remove_file(segment_path(&self.dir, segment.first));
        }
    }
}

fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.log"))
}

/// The acknowledged number, and the copy that is to be written next.
fn read_acknowledged(file: &File) -> io::Result<(u64, u64)> {
    let mut best = (0, 0);
    for copy in 0..2 {
        let mut bytes = [0; COPY];
        let read = file.read_at(&mut bytes, copy * COPY as u64)?;
        let (seq, checksum) = bytes.split_at(8);
        let sound = read == COPY && crc32fast::hash(seq).to_le_bytes() == *checksum;
        let seq = seq.first_chunk().copied().map_or(0, u64::from_le_bytes);
        if sound && seq >= best.0 {
            best = (seq, 1 - copy);
        }
    }
    Ok(best)
}
