//! Four samples at a time with NEON, as avx2.rs does eight: a 32-bit word holds a sample and, where samples are one or
//! two bytes apart, its right neighbour too.

use super::{Colour, Group, Line, Picture, across, down};
use std::arch::aarch64::*;

/// Whether `picture` can be sampled here: rows of at least two samples, planes that a 32-bit offset
/// reaches and that hold at least one word.
pub(super) fn can(picture: &Picture<'_>) -> bool {
    picture.groups.iter().all(|g| g.width > 1 && (4..=i32::MAX as usize).contains(&g.plane.len()))
        && std::arch::is_aarch64_feature_detected!("neon")
}

pub(super) fn sample(picture: &Picture<'_>, line: &Line, out: &mut [u8]) {
    if can(picture) {
        // SAFETY: `can` has just found that this processor has NEON, all that `row` asks for.
        unsafe { row(picture, line, out) }
    }
}

#[target_feature(enable = "neon")]
fn row(picture: &Picture<'_>, line: &Line, out: &mut [u8]) {
    let count = out.len() / 3;
    let (red, rest) = out.split_at_mut(count);
    let (green, blue) = rest.split_at_mut(count);
    let all = vdupq_n_f32;
    let (zero, one) = (all(0.0), all(1.0));
    let right = all((picture.width - 1) as f32);
    let bottom = all((picture.height - 1) as f32);
    let mut i = vcvtq_f32_u32(vcombine_u32(vcreate_u32(1 << 32), vcreate_u32(2 | 3 << 32)));
    let chunks = red
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .zip(green.as_chunks_mut::<4>().0)
        .zip(blue.as_chunks_mut::<4>().0);
    for ((r, g), b) in chunks {
        let at = |start, step| vaddq_f32(all(start), vmulq_f32(all(step), i));
        let x = at(line.start.0, line.step.0);
        let y = at(line.start.1, line.step.1);
        i = vaddq_f32(i, all(4.0));
        // What is no number becomes the other operand.
        let inside_x = vminnmq_f32(vmaxnmq_f32(x, zero), right);
        let inside_y = vminnmq_f32(vmaxnmq_f32(y, zero), bottom);
        let cover = |out, inside| vmaxnmq_f32(vsubq_f32(one, vabsq_f32(vsubq_f32(out, inside))), zero);
        let cover = vmulq_f32(cover(x, inside_x), cover(y, inside_y));
        let channels = match picture.groups {
            [rgb] if picture.colour != Colour::Grey => words(rgb, inside_x, inside_y),
            [luma] => [near::<1>(luma, inside_x, inside_y)[0]; 3],
            [luma, chroma] => {
                let [y] = near(luma, inside_x, inside_y);
                let [u, v] = if chroma.step < 3 {
                    near(chroma, inside_x, inside_y)
                } else {
                    words(chroma, inside_x, inside_y)
                };
                [y, u, v]
            }
            [luma, u, v, ..] => {
                let one = |group| near::<1>(group, inside_x, inside_y)[0];
                [one(luma), one(u), one(v)]
            }
            [] => [zero; 3],
        };
        let byte = |v| {
            let v = vmaxnmq_f32(vminnmq_f32(v, all(255.0)), zero);
            bytes(vcvtq_u32_f32(vaddq_f32(vmulq_f32(v, cover), all(0.5))))
        };
        let [red, green, blue] = rgb(&picture.colour, channels);
        (*r, *g, *b) = (byte(red), byte(green), byte(blue));
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn rgb(colour: &Colour, [a, b, c]: [float32x4_t; 3]) -> [float32x4_t; 3] {
    let Colour::Ycc(m) = colour else { return [a, b, c] };
    // Multiplied, then added, never both at once: the plain code's bits.
    let times = |v, by: f32| vmulq_f32(v, vdupq_n_f32(by));
    let plus = |v, add: f32| vaddq_f32(v, vdupq_n_f32(add));
    let y = times(a, m.y);
    [
        plus(vaddq_f32(y, times(c, m.rv)), m.r0),
        plus(vaddq_f32(vaddq_f32(y, times(b, m.gu)), times(c, m.gv)), m.g0),
        plus(vaddq_f32(y, times(b, m.bu)), m.b0),
    ]
}

/// The low bytes of four numbers in 0..=255.
#[inline]
#[target_feature(enable = "neon")]
fn bytes(v: uint32x4_t) -> [u8; 4] {
    let words = vmovn_u32(v);
    vget_lane_u32::<0>(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(words, words)))).to_le_bytes()
}

/// Byte offsets of the upper and lower left samples around four points, and how near those are.
struct Taps {
    upper: uint32x4_t,
    lower: uint32x4_t,
    fx: float32x4_t,
    fy: float32x4_t,
}

#[inline]
#[target_feature(enable = "neon")]
fn taps(group: &Group<'_>, x: float32x4_t, y: float32x4_t) -> Taps {
    let (scale, offset) = down(group.halved.1);
    let (all, int) = (vdupq_n_f32, vdupq_n_u32);
    let (w, h) = (group.width as u32, group.height as u32);
    let x = vminnmq_f32(vmulq_f32(x, all(across(group.halved.0))), all((w - 1) as f32));
    let y = vaddq_f32(vmulq_f32(y, all(scale)), all(offset));
    let y = vminnmq_f32(vmaxnmq_f32(y, all(0.0)), all((h - 1) as f32));
    let column = vminq_u32(vcvtq_u32_f32(x), int(w - 2));
    let row = vcvtq_u32_f32(y);
    let next = vminq_u32(vaddq_u32(row, int(1)), int(h - 1));
    let stride = int(group.stride as u32);
    let left = vmulq_u32(column, int(group.step as u32));
    Taps {
        upper: vmlaq_u32(left, row, stride),
        lower: vmlaq_u32(left, next, stride),
        fx: vsubq_f32(x, vcvtq_f32_u32(column)),
        fy: vsubq_f32(y, vcvtq_f32_u32(row)),
    }
}

/// Channels whose samples are one or two bytes apart: one word has both neighbours.
#[inline]
#[target_feature(enable = "neon")]
fn near<const N: usize>(group: &Group<'_>, x: float32x4_t, y: float32x4_t) -> [float32x4_t; N] {
    let at = taps(group, x, y);
    let upper = gather(group.plane, at.upper);
    let lower = gather(group.plane, at.lower);
    let mut out = [vdupq_n_f32(0.0); N];
    for (&offset, channel) in group.offsets.iter().zip(&mut out) {
        let (left, right) = (offset, offset + group.step);
        let four = [byte(upper, left), byte(upper, right), byte(lower, left), byte(lower, right)];
        *channel = blend(four, &at);
    }
    out
}

/// Channels whose samples are three or four bytes apart: a word each.
#[inline]
#[target_feature(enable = "neon")]
fn words<const N: usize>(group: &Group<'_>, x: float32x4_t, y: float32x4_t) -> [float32x4_t; N] {
    let at = taps(group, x, y);
    let step = vdupq_n_u32(group.step as u32);
    let word = |offset| gather(group.plane, offset);
    let four =
        [word(at.upper), word(vaddq_u32(at.upper, step)), word(at.lower), word(vaddq_u32(at.lower, step))];
    let mut out = [vdupq_n_f32(0.0); N];
    for (&offset, channel) in group.offsets.iter().zip(&mut out) {
        let [a, b, c, d] = four;
        *channel = blend([byte(a, offset), byte(b, offset), byte(c, offset), byte(d, offset)], &at);
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
fn blend([a, b, c, d]: [float32x4_t; 4], at: &Taps) -> float32x4_t {
    let lerp = |a, b, f| vaddq_f32(a, vmulq_f32(vsubq_f32(b, a), f));
    lerp(lerp(a, b, at.fx), lerp(c, d, at.fx), at.fy)
}

/// Byte `index` of each word, as a number.
#[inline]
#[target_feature(enable = "neon")]
fn byte(words: uint32x4_t, index: usize) -> float32x4_t {
    let shifted = vshlq_u32(words, vdupq_n_s32(-8 * index as i32));
    vcvtq_f32_u32(vandq_u32(shifted, vdupq_n_u32(0xff)))
}

/// The little-endian words that begin at `offsets`; bytes past the end of `plane` read as zero, so an
/// offset near the end still finds the bytes that are there.
#[inline]
#[target_feature(enable = "neon")]
fn gather(plane: &[u8], offsets: uint32x4_t) -> uint32x4_t {
    // `can` holds: the plane has 4..=i32::MAX bytes.
    let safe = vminq_u32(offsets, vdupq_n_u32(plane.len() as u32 - 4));
    // SAFETY: the minimum puts every offset into 0..=len - 4, whatever it was; the four bytes from there
    // are in `plane`.
    let word = |at: u32| unsafe { plane.as_ptr().add(at as usize).cast::<u32>().read_unaligned() };
    let words = vdupq_n_u32(word(vgetq_lane_u32::<0>(safe)));
    let words = vsetq_lane_u32::<1>(word(vgetq_lane_u32::<1>(safe)), words);
    let words = vsetq_lane_u32::<2>(word(vgetq_lane_u32::<2>(safe)), words);
    let words = vsetq_lane_u32::<3>(word(vgetq_lane_u32::<3>(safe)), words);
    // Shifted left by less than nothing, that is right.
    let behind = vshlq_n_u32::<3>(vsubq_u32(offsets, safe));
    vshlq_u32(words, vnegq_s32(vreinterpretq_s32_u32(behind)))
}
