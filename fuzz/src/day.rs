//! A day's file of the history.

use posed::history::{Day, MOST_SECONDS, Row, parse_date};
use posed::tools::plot::Format;
use posed::tools::report;

/// A day's file that others wrote. The first byte chooses between raw bytes and rows with sound
/// checksums. What is read back as rows is read again from a file that posed writes of them, and a
/// sheet can be drawn of it.
pub fn history(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let bytes = if mode % 2 == 0 { rest.to_vec() } else { seconds(rest) };
    let date = parse_date("2026-10-25").unwrap();
    // A clock that goes back by an hour, as far as the first byte says.
    let offset_at = |second: i64| if second > 1_792_880_000 { 3600 } else { i32::from(*mode) * 60 };
    let day = Day::parse(date, &bytes, offset_at);
    assert!(day.rows.len() <= MOST_SECONDS as usize && day.damaged <= day.rows.len());
    for (second, row) in day.kept() {
        assert_eq!(Row::decode(second, &row.encode(second)), Some(*row));
        assert!(day.local_second(second) < 86_400);
        assert!(row.feet_place().is_none_or(|place| place.iter().all(|v| (0.0..=1.0).contains(v))));
    }
    if mode % 8 > 1 {
        // A drawing takes a hundred times as long as the rest.
        return;
    }
    let sheet = report::Sheet { camera: "hall".into(), day };
    let drawn = report::draw(&[sheet], Format::Svg).unwrap();
    assert!(!String::from_utf8(drawn).unwrap().contains("NaN"));
}

/// A day's file with sound checksums; the bytes choose its header and its rows. The layout is that
/// of `history/file.rs` and `history/row.rs`.
fn seconds(mut data: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 32];
    if let Some((head, rest)) = data.split_first_chunk::<12>() {
        // Near the day's midnight, else the header is another day's.
        let starts = 1_792_879_200 + i64::from(i16::from_le_bytes([head[0], head[1]]));
        out[12..20].copy_from_slice(&starts.to_le_bytes());
        out[20..28].copy_from_slice(&head[4..]);
        data = rest;
    }
    out[..8].copy_from_slice(b"posedday");
    let sum = crc32fast::hash(&out[12..]);
    out[8..12].copy_from_slice(&sum.to_le_bytes());
    for (index, row) in (0_u32..).zip(data.chunks_exact(8)) {
        let mut body = [0; 8];
        body.copy_from_slice(row);
        body[0] |= 0x80;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&index.to_le_bytes());
        hasher.update(&body);
        let [a, b, c, d] = hasher.finalize().to_le_bytes();
        out.extend_from_slice(&[a ^ d, b, c]);
        out.extend_from_slice(&body);
    }
    out
}
