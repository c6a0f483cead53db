//! Several samples at a time, written once over the operations in which vector units differ.
//!
//! A gathered 32-bit word holds a sample, and its right neighbour if that is near enough.

use super::{Colour, Group, Line, Picture, across, down};

/// Whether `picture` can be sampled here: its rows have at least two samples, and its planes hold
/// at least one word and no more than a 32-bit offset reaches.
pub(super) fn can(picture: &Picture<'_>) -> bool {
    picture.groups.iter().all(|g| g.width > 1 && (4..=i32::MAX as usize).contains(&g.plane.len()))
}

/// A vector unit.
///
/// # Safety
/// For every method: the processor has the unit.
#[allow(clippy::missing_safety_doc, reason = "one contract for all methods, above")]
pub(super) trait Lanes {
    /// An f32 in every lane.
    type Floats: Copy;
    /// A number below 2^31 in every lane.
    type Words: Copy;
    /// A byte for every lane.
    type Bytes: AsRef<[u8]>;
    /// Lanes of a vector; a divisor of 8.
    const LANES: usize;

    unsafe fn floats(v: f32) -> Self::Floats;
    unsafe fn words(v: u32) -> Self::Words;
    /// 0, 1, 2...
    unsafe fn numbered() -> Self::Floats;
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    unsafe fn sub(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    unsafe fn abs(a: Self::Floats) -> Self::Floats;
    /// The smaller; `b` if `a` is a NaN.
    unsafe fn min(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// The larger; `b` if `a` is a NaN.
    unsafe fn max(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// The integers below numbers that are not negative.
    unsafe fn whole(a: Self::Floats) -> Self::Words;
    unsafe fn number(a: Self::Words) -> Self::Floats;
    unsafe fn add_words(a: Self::Words, b: Self::Words) -> Self::Words;
    unsafe fn mul_words(a: Self::Words, b: Self::Words) -> Self::Words;
    unsafe fn min_words(a: Self::Words, b: Self::Words) -> Self::Words;
    /// Byte `index` of each word, as a number.
    unsafe fn byte(words: Self::Words, index: usize) -> Self::Floats;
    /// The words, all less than 256, as bytes.
    unsafe fn bytes(words: Self::Words) -> Self::Bytes;
    /// The little-endian words at `offsets` of a plane that [`can`] be sampled. Bytes after its
    /// end are zero.
    unsafe fn gather(plane: &[u8], offsets: Self::Words) -> Self::Words;
}

/// Samples a line. Results are those of `generic.rs`.
///
/// # Safety
/// The processor has `L`, and `picture` [`can`] be sampled.
#[inline(always)]
pub(super) unsafe fn row<L: Lanes>(picture: &Picture<'_>, line: &Line, out: &mut [u8]) {
    let count = out.len() / 3;
    let (red, rest) = out.split_at_mut(count);
    let (green, blue) = rest.split_at_mut(count);
    let chunks = red
        .chunks_exact_mut(L::LANES)
        .zip(green.chunks_exact_mut(L::LANES))
        .zip(blue.chunks_exact_mut(L::LANES));
    // SAFETY: the caller's processor.
    let (mut i, last) = unsafe {
        let last = [picture.width, picture.height].map(|n| (n - 1) as f32);
        (L::numbered(), [L::floats(last[0]), L::floats(last[1])])
    };
    for ((r, g), b) in chunks {
        // SAFETY: the caller's contract.
        unsafe {
            let at = |start, step| L::add(L::floats(start), L::mul(L::floats(step), i));
            let (x, y) = (at(line.start.0, line.step.0), at(line.start.1, line.step.1));
            i = L::add(i, L::floats(L::LANES as f32));
            let rgb = pixels::<L>(picture, last, x, y);
            r.copy_from_slice(rgb[0].as_ref());
            g.copy_from_slice(rgb[1].as_ref());
            b.copy_from_slice(rgb[2].as_ref());
        }
    }
}

/// R, G and B at points of the picture; `last` is its last column and row.
#[inline(always)]
unsafe fn pixels<L: Lanes>(
    picture: &Picture<'_>,
    last: [L::Floats; 2],
    x: L::Floats,
    y: L::Floats,
) -> [L::Bytes; 3] {
    // SAFETY: the caller's contract.
    unsafe {
        let all = |v| L::floats(v);
        let (zero, one) = (all(0.0), all(1.0));
        let inside_x = L::min(L::max(x, zero), last[0]);
        let inside_y = L::min(L::max(y, zero), last[1]);
        let cover = |out, inside| L::max(L::sub(one, L::abs(L::sub(out, inside))), zero);
        let cover = L::mul(cover(x, inside_x), cover(y, inside_y));
        let byte = |v| {
            let v = L::max(L::min(v, all(255.0)), zero);
            L::bytes(L::whole(L::add(L::mul(v, cover), all(0.5))))
        };
        let [r, g, b] = rgb::<L>(&picture.colour, channels::<L>(picture, inside_x, inside_y));
        [byte(r), byte(g), byte(b)]
    }
}

/// The picture's channels at points inside it.
#[inline(always)]
unsafe fn channels<L: Lanes>(picture: &Picture<'_>, x: L::Floats, y: L::Floats) -> [L::Floats; 3] {
    // SAFETY: the caller's contract.
    unsafe {
        match picture.groups {
            [rgb] if picture.colour != Colour::Grey => apart::<L, 3>(rgb, x, y),
            [luma] => [near::<L, 1>(luma, x, y)[0]; 3],
            [luma, chroma] => {
                let [luma] = near::<L, 1>(luma, x, y);
                let close = chroma.step < 3;
                let [u, v] = if close { near::<L, 2>(chroma, x, y) } else { apart::<L, 2>(chroma, x, y) };
                [luma, u, v]
            }
            [luma, u, v, ..] => {
                let one = |group| near::<L, 1>(group, x, y)[0];
                [one(luma), one(u), one(v)]
            }
            [] => [L::floats(0.0); 3],
        }
    }
}

/// R, G and B from the picture's channels.
#[inline(always)]
unsafe fn rgb<L: Lanes>(colour: &Colour, [a, b, c]: [L::Floats; 3]) -> [L::Floats; 3] {
    let Colour::Ycc(m) = colour else { return [a, b, c] };
    // SAFETY: the caller's processor.
    unsafe {
        // Not fused, so that the bits are those of the generic code.
        let times = |v, by: f32| L::mul(v, L::floats(by));
        let plus = |v, add: f32| L::add(v, L::floats(add));
        let y = times(a, m.y);
        [
            plus(L::add(y, times(c, m.rv)), m.r0),
            plus(L::add(L::add(y, times(b, m.gu)), times(c, m.gv)), m.g0),
            plus(L::add(y, times(b, m.bu)), m.b0),
        ]
    }
}

/// The samples around points: byte offsets of the upper and the lower left sample, and the weights
/// of the right and the lower samples.
struct Taps<L: Lanes> {
    upper: L::Words,
    lower: L::Words,
    fx: L::Floats,
    fy: L::Floats,
}

/// The samples of a group around points of the picture.
#[inline(always)]
unsafe fn taps<L: Lanes>(group: &Group<'_>, x: L::Floats, y: L::Floats) -> Taps<L> {
    let (scale, offset) = down(group.halved.1);
    let (w, h) = (group.width as u32, group.height as u32);
    // SAFETY: the caller's processor.
    unsafe {
        let (all, int) = (|v| L::floats(v), |v| L::words(v));
        let x = L::min(L::mul(x, all(across(group.halved.0))), all((w - 1) as f32));
        let y = L::add(L::mul(y, all(scale)), all(offset));
        let y = L::min(L::max(y, all(0.0)), all((h - 1) as f32));
        let column = L::min_words(L::whole(x), int(w - 2));
        let row = L::whole(y);
        let next = L::min_words(L::add_words(row, int(1)), int(h - 1));
        let stride = int(group.stride as u32);
        let left = L::mul_words(column, int(group.step as u32));
        Taps {
            upper: L::add_words(L::mul_words(row, stride), left),
            lower: L::add_words(L::mul_words(next, stride), left),
            fx: L::sub(x, L::number(column)),
            fy: L::sub(y, L::number(row)),
        }
    }
}

/// Samples that are one or two bytes apart: one word has both neighbours.
#[inline(always)]
unsafe fn near<L: Lanes, const N: usize>(group: &Group<'_>, x: L::Floats, y: L::Floats) -> [L::Floats; N] {
    // SAFETY: the caller's processor.
    unsafe {
        let at = taps::<L>(group, x, y);
        let upper = L::gather(group.plane, at.upper);
        let lower = L::gather(group.plane, at.lower);
        let mut out = [L::floats(0.0); N];
        for (&offset, channel) in group.offsets.iter().zip(&mut out) {
            let (left, right) = (offset, offset + group.step);
            let (a, b) = (L::byte(upper, left), L::byte(upper, right));
            *channel = blend(&at, [a, b, L::byte(lower, left), L::byte(lower, right)]);
        }
        out
    }
}

/// Samples that are three or four bytes apart: each has a word of its own.
#[inline(always)]
unsafe fn apart<L: Lanes, const N: usize>(group: &Group<'_>, x: L::Floats, y: L::Floats) -> [L::Floats; N] {
    // SAFETY: the caller's processor.
    unsafe {
        let at = taps::<L>(group, x, y);
        let step = L::words(group.step as u32);
        let word = |offset| L::gather(group.plane, offset);
        let [a, b] = [word(at.upper), word(L::add_words(at.upper, step))];
        let [c, d] = [word(at.lower), word(L::add_words(at.lower, step))];
        let mut out = [L::floats(0.0); N];
        for (&offset, channel) in group.offsets.iter().zip(&mut out) {
            let byte = |words| L::byte(words, offset);
            *channel = blend(&at, [byte(a), byte(b), byte(c), byte(d)]);
        }
        out
    }
}

/// Interpolates between the upper two and the lower two samples.
#[inline(always)]
unsafe fn blend<L: Lanes>(at: &Taps<L>, [a, b, c, d]: [L::Floats; 4]) -> L::Floats {
    // SAFETY: the caller's processor.
    unsafe {
        let lerp = |a, b, f| L::add(a, L::mul(L::sub(b, a), f));
        lerp(lerp(a, b, at.fx), lerp(c, d, at.fx), at.fy)
    }
}
