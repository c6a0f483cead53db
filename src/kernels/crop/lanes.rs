//! Several samples at a time: a gathered 32-bit word holds a sample and, where samples are one or two bytes
//! apart, its right neighbour too. Written once over the few operations in which vector units differ.

use super::{Colour, Group, Line, Picture, across, down};

/// Whether `picture` can be sampled here: rows of at least two samples, planes that a 32-bit offset
/// reaches and that hold at least one word.
pub(super) fn can(picture: &Picture<'_>) -> bool {
    picture.groups.iter().all(|g| g.width > 1 && (4..=i32::MAX as usize).contains(&g.plane.len()))
}

/// A vector unit.
///
/// # Safety
/// The processor has it: so much every method asks of its caller, and nothing more.
#[allow(clippy::missing_safety_doc, reason = "said above")]
pub(super) trait Lanes {
    /// f32 in every lane.
    type Floats: Copy;
    /// 32 bits in every lane, less than 2^31.
    type Words: Copy;
    /// A byte of every lane.
    type Bytes: AsRef<[u8]>;
    /// Lanes of a vector; divides 8.
    const LANES: usize;

    unsafe fn floats(v: f32) -> Self::Floats;
    unsafe fn words(v: u32) -> Self::Words;
    /// 0, 1, 2...
    unsafe fn numbered() -> Self::Floats;
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    unsafe fn sub(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    unsafe fn abs(a: Self::Floats) -> Self::Floats;
    /// The smaller; `b` where `a` is no number.
    unsafe fn min(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// The larger; `b` where `a` is no number.
    unsafe fn max(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// Towards zero; what is there is not negative.
    unsafe fn whole(a: Self::Floats) -> Self::Words;
    unsafe fn number(a: Self::Words) -> Self::Floats;
    unsafe fn add_words(a: Self::Words, b: Self::Words) -> Self::Words;
    unsafe fn mul_words(a: Self::Words, b: Self::Words) -> Self::Words;
    unsafe fn min_words(a: Self::Words, b: Self::Words) -> Self::Words;
    /// Byte `index` of each word, as a number.
    unsafe fn byte(words: Self::Words, index: usize) -> Self::Floats;
    /// The low byte of each word, which is less than 256.
    unsafe fn bytes(words: Self::Words) -> Self::Bytes;
    /// The little-endian words that begin at `offsets` of a plane that [`can`] be sampled; bytes past its
    /// end read as zero, so an offset near the end still finds the bytes that are there, and one past it
    /// finds nothing.
    unsafe fn gather(plane: &[u8], offsets: Self::Words) -> Self::Words;
}

/// Samples a line, as generic.rs does.
///
/// # Safety
/// The processor has `L`; `picture` [`can`] be sampled.
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
    unsafe {
        let all = |v| L::floats(v);
        let (zero, one) = (all(0.0), all(1.0));
        let right = all((picture.width - 1) as f32);
        let bottom = all((picture.height - 1) as f32);
        let mut i = L::numbered();
        for ((r, g), b) in chunks {
            let at = |start, step| L::add(all(start), L::mul(all(step), i));
            let x = at(line.start.0, line.step.0);
            let y = at(line.start.1, line.step.1);
            i = L::add(i, all(L::LANES as f32));
            let inside_x = L::min(L::max(x, zero), right);
            let inside_y = L::min(L::max(y, zero), bottom);
            let cover = |out, inside| L::max(L::sub(one, L::abs(L::sub(out, inside))), zero);
            let cover = L::mul(cover(x, inside_x), cover(y, inside_y));
            let channels = match picture.groups {
                [rgb] if picture.colour != Colour::Grey => apart::<L, 3>(rgb, inside_x, inside_y),
                [luma] => [near::<L, 1>(luma, inside_x, inside_y)[0]; 3],
                [luma, chroma] => {
                    let [y] = near::<L, 1>(luma, inside_x, inside_y);
                    let [u, v] = if chroma.step < 3 {
                        near::<L, 2>(chroma, inside_x, inside_y)
                    } else {
                        apart::<L, 2>(chroma, inside_x, inside_y)
                    };
                    [y, u, v]
                }
                [luma, u, v, ..] => {
                    let one = |group| near::<L, 1>(group, inside_x, inside_y)[0];
                    [one(luma), one(u), one(v)]
                }
                [] => [zero; 3],
            };
            let byte = |v| {
                let v = L::max(L::min(v, all(255.0)), zero);
                L::bytes(L::whole(L::add(L::mul(v, cover), all(0.5))))
            };
            let rgb = rgb::<L>(&picture.colour, channels);
            r.copy_from_slice(byte(rgb[0]).as_ref());
            g.copy_from_slice(byte(rgb[1]).as_ref());
            b.copy_from_slice(byte(rgb[2]).as_ref());
        }
    }
}

#[inline(always)]
unsafe fn rgb<L: Lanes>(colour: &Colour, [a, b, c]: [L::Floats; 3]) -> [L::Floats; 3] {
    let Colour::Ycc(m) = colour else { return [a, b, c] };
    // SAFETY: the caller's processor.
    unsafe {
        // Multiplied, then added, never both at once: the plain code's bits.
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

/// Byte offsets of the upper and lower left samples around points, and how near those are.
struct Taps<L: Lanes> {
    upper: L::Words,
    lower: L::Words,
    fx: L::Floats,
    fy: L::Floats,
}

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

/// Channels whose samples are one or two bytes apart: one word has both neighbours.
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

/// Channels whose samples are three or four bytes apart: a word each.
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

#[inline(always)]
unsafe fn blend<L: Lanes>(at: &Taps<L>, [a, b, c, d]: [L::Floats; 4]) -> L::Floats {
    // SAFETY: the caller's processor.
    unsafe {
        let lerp = |a, b, f| L::add(a, L::mul(L::sub(b, a), f));
        lerp(lerp(a, b, at.fx), lerp(c, d, at.fx), at.fy)
    }
}
