//! A day's file: a header, then a row for each second from local midnight on.
//!
//! | bytes | content of the header |
//! |---|---|
//! | 0-7 | `posedday` |
//! | 8-11 | CRC-32 of the rest |
//! | 12-19 | Unix time of local midnight |
//! | 20-23 | local time minus UTC then, in seconds |
//! | 24-27 | width and height of the view in px |
//! | 28-31 | zero |
//!
//! A row that was never written is a hole of zeros. A damaged header costs no row: midnight follows
//! from the file's name, and only the shape of the view is lost.

use super::local::{Date, LocalDay};
use super::row::{ROW_BYTES, Row};

/// Longest day: the clock goes back by an hour.
pub const MOST_SECONDS: u32 = 25 * 3600;
/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 32;
/// Longest file.
pub const MOST_BYTES: usize = HEADER_BYTES + MOST_SECONDS as usize * ROW_BYTES;

const MAGIC: &[u8; 8] = b"posedday";

/// What a file says of its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub starts: i64,
    pub offset_s: i32,
    pub size: (u16, u16),
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[12..20].copy_from_slice(&self.starts.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.offset_s.to_le_bytes());
        bytes[24..26].copy_from_slice(&self.size.0.to_le_bytes());
        bytes[26..28].copy_from_slice(&self.size.1.to_le_bytes());
        let sum = crc32fast::hash(&bytes[12..]);
        bytes[8..12].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Header> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (sum, rest) = rest.split_first_chunk::<4>()?;
        let rest = rest.first_chunk::<{ HEADER_BYTES - 12 }>()?;
        if magic != MAGIC || crc32fast::hash(rest) != u32::from_le_bytes(*sum) {
            return None;
        }
        let (starts, rest) = rest.split_first_chunk::<8>()?;
        let (offset_s, rest) = rest.split_first_chunk::<4>()?;
        let (width, rest) = rest.split_first_chunk::<2>()?;
        let (height, _) = rest.split_first_chunk::<2>()?;
        Some(Header {
            starts: i64::from_le_bytes(*starts),
            offset_s: i32::from_le_bytes(*offset_s),
            size: (u16::from_le_bytes(*width), u16::from_le_bytes(*height)),
        })
    }
}

/// The clock changes on a half hour.
const HALF_HOUR_S: u32 = 1800;

/// Place of row `index` in the file.
pub(super) fn row_at(index: u32) -> usize {
    HEADER_BYTES + index as usize * ROW_BYTES
}

/// A day of a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// Its date.
    pub date: Date,
    /// Unix time of its local midnight.
    pub starts: i64,
    /// Its length in seconds: other than 24 hours if the clock is changed for summer.
    pub length: u32,
    /// Local time minus UTC in seconds, for each half hour.
    offsets: Vec<i32>,
    /// Width and height of the view in px; `None` if that is lost.
    pub size: Option<(u16, u16)>,
    /// One a second from midnight on; `None`: nothing was kept.
    pub rows: Vec<Option<Row>>,
    /// Rows that were damaged, and so lost.
    pub damaged: usize,
}

impl Day {
    /// Reads the file of day `date`. If its header is damaged, `offset_at` says when the day began.
    pub fn parse(date: Date, bytes: &[u8], offset_at: impl Fn(i64) -> i32) -> Day {
        let named = LocalDay::on(date, &offset_at);
        // A header that says another day is another file's.
        let near = |header: &Header| header.starts.abs_diff(named.starts) <= u64::from(MOST_SECONDS);
        let header = Header::decode(bytes).filter(near);
        let size = header.map(|header| header.size).filter(|size| size.0 > 0 && size.1 > 0);
        let Header { starts, offset_s, .. } =
            header.unwrap_or(Header { starts: named.starts, offset_s: named.offset_s, size: (0, 0) });
        let half_hours = (0..).step_by(HALF_HOUR_S as usize).take((MOST_SECONDS / HALF_HOUR_S) as usize);
        let mut offsets: Vec<i32> =
            half_hours.map(|second| offset_at(starts.saturating_add(second))).collect();
        if offsets.first() != Some(&offset_s) {
            // The file is of another time zone: its own says what people there call the time.
            offsets.fill(offset_s);
        }
        let length = date.tomorrow().map_or(0, |next| LocalDay::on(next, &offset_at).starts - named.starts);
        let length = u32::try_from(length).unwrap_or(0).clamp(MOST_SECONDS - 2 * 3600, MOST_SECONDS);
        let mut day = Day { date, starts, length, offsets, size, rows: Vec::new(), damaged: 0 };
        let rows = bytes.get(HEADER_BYTES..).unwrap_or_default().chunks(ROW_BYTES);
        for (index, bytes) in (0..MOST_SECONDS).zip(rows) {
            let row = bytes.first_chunk().and_then(|whole| Row::decode(index, whole));
            day.damaged += usize::from(row.is_none() && bytes.iter().any(|byte| *byte != 0));
            day.rows.push(row);
        }
        day
    }

    /// What a clock on the wall shows `second` seconds after midnight, in seconds after 00:00.
    pub fn local_second(&self, second: u32) -> u32 {
        let offset = |index: usize| self.offsets.get(index).or(self.offsets.last()).copied().unwrap_or(0);
        let change = offset((second / HALF_HOUR_S) as usize) - offset(0);
        u32::try_from((i64::from(second) + i64::from(change)).rem_euclid(86_400)).unwrap_or(0)
    }

    /// Rows with their seconds since midnight.
    pub fn kept(&self) -> impl Iterator<Item = (u32, &Row)> {
        (0..).zip(&self.rows).filter_map(|(second, row)| Some((second, row.as_ref()?)))
    }
}
