//! One second of one camera, and its 11 bytes on disk.
//!
//! | bytes | content |
//! |---|---|
//! | 0-2 | checksum over the row's number and bytes 3-10 |
//! | 3 | 128 + people |
//! | 4 | activity |
//! | 5-6 | people standing, sitting, lying and crouching: four bits each |
//! | 7-8 | events: one bit each |
//! | 9, 10 | feet of one person: x and y; 0: not seen |
//!
//! Zeros are a second of which nothing was kept.

use super::mark::Marks;

/// Bytes of a row.
pub const ROW_BYTES: usize = 11;
/// Postures that are counted: standing, sitting, lying and crouching.
pub const POSTURES: usize = 4;

/// Set in byte 3 of each row, so that no row is all zeros.
const KEPT: u8 = 0x80;
/// Most people of one posture.
const MOST_OF_POSTURE: u8 = 15;
/// Steps of [`Row::activity`] for a movement of one body length a second.
const ACTIVITY_STEPS: f32 = 64.0;
/// Steps of the view's width and height.
const VIEW_STEPS: f32 = 254.0;

/// One second in front of a camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Most people at once, at most 127.
    pub people: u8,
    /// How much they moved, all together, in 64ths of a body length a second.
    pub activity: u8,
    /// How many of them stood, sat, lay and crouched, at most 15 each.
    pub postures: [u8; POSTURES],
    /// What happened.
    pub marks: Marks,
    /// Where one of them stood: 1 to 255 from the view's left to its right, and from its top to its
    /// bottom.
    pub feet: Option<[u8; 2]>,
}

impl Row {
    /// The step of [`Row::activity`] for `lengths` body lengths a second.
    pub fn activity_of(lengths: f32) -> u8 {
        // A cast saturates, and makes NaN zero.
        (lengths * ACTIVITY_STEPS).round() as u8
    }

    /// Body lengths a second.
    pub fn activity_lengths(&self) -> f32 {
        f32::from(self.activity) / ACTIVITY_STEPS
    }

    /// The steps of [`Row::feet`] for fractions of the view.
    pub fn feet_of(place: [f32; 2]) -> [u8; 2] {
        place.map(|v| 1 + (v.clamp(0.0, 1.0) * VIEW_STEPS).round() as u8)
    }

    /// Fractions of the view.
    pub fn feet_place(&self) -> Option<[f32; 2]> {
        self.feet.map(|feet| feet.map(|v| (f32::from(v) - 1.0) / VIEW_STEPS))
    }

    /// The bytes of row number `index`.
    pub fn encode(&self, index: u32) -> [u8; ROW_BYTES] {
        let mut bytes = [0; ROW_BYTES];
        let [standing, sitting, lying, crouching] = self.postures.map(|n| n.min(MOST_OF_POSTURE));
        bytes[3] = KEPT | self.people.min(!KEPT);
        bytes[4] = self.activity;
        bytes[5] = standing | sitting << 4;
        bytes[6] = lying | crouching << 4;
        bytes[7..9].copy_from_slice(&self.marks.0.to_le_bytes());
        bytes[9..].copy_from_slice(&self.feet.unwrap_or_default());
        let sum = checksum(index, &bytes);
        bytes[..3].copy_from_slice(&sum);
        bytes
    }

    /// The row that `bytes` hold, if they are intact and of row number `index`.
    pub fn decode(index: u32, bytes: &[u8; ROW_BYTES]) -> Option<Row> {
        let &[a, b, c, people, activity, upright, low, marks_low, marks_high, x, y] = bytes;
        if people & KEPT == 0 || checksum(index, bytes) != [a, b, c] {
            return None;
        }
        Some(Row {
            people: people & !KEPT,
            activity,
            postures: [upright & 15, upright >> 4, low & 15, low >> 4],
            marks: Marks(u16::from_le_bytes([marks_low, marks_high])),
            feet: (x != 0 && y != 0).then_some([x, y]),
        })
    }
}

/// The number counts too: a row that slid to another place is damaged.
fn checksum(index: u32, bytes: &[u8; ROW_BYTES]) -> [u8; 3] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&index.to_le_bytes());
    hasher.update(&bytes[3..]);
    let [a, b, c, d] = hasher.finalize().to_le_bytes();
    [a ^ d, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Mark;

    fn row() -> Row {
        Row {
            people: 3,
            activity: 200,
            postures: [1, 2, 0, 15],
            marks: [Mark::Fall, Mark::Presence].into_iter().collect(),
            feet: Some(Row::feet_of([0.0, 1.0])),
        }
    }

    #[test]
    fn a_row_comes_back_and_numbers_too_large_are_cut() {
        for row in [row(), Row::default()] {
            assert_eq!(Row::decode(77, &row.encode(77)), Some(row));
        }
        let most = Row { people: 255, postures: [99; POSTURES], ..row() };
        let cut = Row::decode(0, &most.encode(0)).unwrap();
        assert_eq!((cut.people, cut.postures), (127, [15; POSTURES]));
        assert_eq!(row().feet_place(), Some([0.0, 1.0]));
        assert_eq!((Row::activity_of(1e9), Row::activity_of(-1.0), Row::activity_of(f32::NAN)), (255, 0, 0));
    }

    #[test]
    fn no_changed_byte_and_no_other_place_passes_for_a_row() {
        let bytes = row().encode(5);
        for at in 0..ROW_BYTES {
            for bit in 0..8 {
                let mut damaged = bytes;
                damaged[at] ^= 1 << bit;
                assert_eq!(Row::decode(5, &damaged), None, "bit {bit} of byte {at}");
            }
        }
        assert_eq!(Row::decode(6, &bytes), None);
        assert_eq!(Row::decode(0, &[0; ROW_BYTES]), None);
    }
}
