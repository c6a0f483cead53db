//! One message on disk: a header of 30 bytes, the topic, the payload.
//!
//! ```text
//! magic u32 | checksum u32 | seq u64 | written u64 ms since 1970 | topic u16 | payload u32
//! ```
//! All numbers are little endian. The checksum (CRC-32) covers all that follows it.

/// A message of the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number. Numbers only grow, over restarts too.
    pub seq: u64,
    /// When it was written, in ms since 1970.
    pub written_ms: u64,
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// "psd1": what a record starts with.
const MAGIC: u32 = u32::from_le_bytes(*b"psd1");
/// Bytes before the topic.
pub(super) const HEADER: usize = 30;
/// Bytes that the checksum does not cover: magic and checksum.
const UNCHECKED: usize = 8;

impl Record {
    /// Bytes that the record takes on disk.
    pub fn len_on_disk(&self) -> usize {
        HEADER + self.topic.len() + self.payload.len()
    }

    /// Appends the record to `out`. False if topic or payload are too long for the format.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> bool {
        let lengths = u16::try_from(self.topic.len()).ok().zip(u32::try_from(self.payload.len()).ok());
        let Some((topic, payload)) = lengths else { return false };
        let begin = out.len();
        out.extend_from_slice(&MAGIC.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.written_ms.to_le_bytes());
        out.extend_from_slice(&topic.to_le_bytes());
        out.extend_from_slice(&payload.to_le_bytes());
        out.extend_from_slice(self.topic.as_bytes());
        out.extend_from_slice(&self.payload);
        let checksum = crc32fast::hash(&out[begin + UNCHECKED..]);
        out[begin + 4..begin + UNCHECKED].copy_from_slice(&checksum.to_le_bytes());
        true
    }

    /// Reads the record at the start of `bytes`, and how long it is; `None` if it is torn or
    /// damaged.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Record, usize)> {
        let header = bytes.get(..HEADER)?;
        let u32_at = |at: usize| header[at..].first_chunk().copied().map(u32::from_le_bytes);
        let u64_at = |at: usize| header[at..].first_chunk().copied().map(u64::from_le_bytes);
        let topic = usize::from(u16::from_le_bytes(header[24..].first_chunk().copied()?));
        let payload = usize::try_from(u32_at(26)?).ok()?;
        let end = HEADER.checked_add(topic)?.checked_add(payload)?;
        let whole = bytes.get(..end)?;
        let sound = u32_at(0)? == MAGIC && u32_at(4)? == crc32fast::hash(&whole[UNCHECKED..]);
        let text = std::str::from_utf8(&whole[HEADER..HEADER + topic]).ok()?;
        let record = Record {
            seq: u64_at(8)?,
            written_ms: u64_at(16)?,
            topic: text.to_owned(),
            payload: whole[HEADER + topic..].to_vec(),
        };
        sound.then_some((record, end))
    }

    /// Reads all records of a segment. A damaged record is skipped: reading goes on at the next
    /// magic number. Returns the records and how many bytes were skipped.
    pub(super) fn decode_all(mut bytes: &[u8]) -> (Vec<Record>, usize) {
        let (mut records, mut skipped) = (Vec::new(), 0);
        while !bytes.is_empty() {
            if let Some((record, len)) = Record::decode(bytes) {
                records.push(record);
                bytes = &bytes[len..];
                continue;
            }
            let magic = MAGIC.to_le_bytes();
            let next = bytes.windows(4).skip(1).position(|window| window == magic);
            let step = next.map_or(bytes.len(), |at| at + 1);
            skipped += step;
            bytes = &bytes[step..];
        }
        (records, skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(seq: u64) -> Record {
        let payload = format!("{{\"id\":\"{seq}\"}}").into_bytes();
        Record { seq, written_ms: 1_700_000_000_000 + seq, topic: "posed/hall/events".into(), payload }
    }

    #[test]
    fn a_segment_cut_at_any_byte_loses_only_its_torn_record() {
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        for seq in 0..5 {
            assert!(record(seq).encode(&mut bytes));
            ends.push(bytes.len());
        }
        for cut in 0..=bytes.len() {
            let (records, skipped) = Record::decode_all(&bytes[..cut]);
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!(records, (0..whole as u64).map(record).collect::<Vec<_>>(), "cut at {cut}");
            assert_eq!(skipped, cut - ends[whole]);
        }
    }

    #[test]
    fn a_damaged_byte_costs_only_its_record() {
        let mut bytes = Vec::new();
        (0..3).for_each(|seq| assert!(record(seq).encode(&mut bytes)));
        let len = record(0).len_on_disk();
        assert_eq!(len * 3, bytes.len());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x20;
            let (records, skipped) = Record::decode_all(&damaged);
            let want: Vec<_> = (0..3).filter(|seq| *seq != at as u64 / len as u64).map(record).collect();
            assert_eq!((records, skipped), (want, len), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (records, skipped) = Record::decode_all(&bytes);
            let read: usize = records.iter().map(Record::len_on_disk).sum();
            prop_assert_eq!(read + skipped, bytes.len());
        }

        #[test]
        fn a_record_comes_back_as_it_was(
            seq: u64, written_ms: u64, topic in "[a-z/]{0,40}", payload in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let record = Record { seq, written_ms, topic, payload };
            let mut bytes = Vec::new();
            prop_assert!(record.encode(&mut bytes));
            prop_assert_eq!(Record::decode(&bytes), Some((record, bytes.len())));
        }
    }
}
