//! The reference: one sample at a time.

use super::{Colour, Group, Line, Picture, across, down};

pub(super) fn sample(picture: &Picture<'_>, line: &Line, out: &mut [u8]) {
    let count = out.len() / 3;
    let (red, rest) = out.split_at_mut(count);
    let (green, blue) = rest.split_at_mut(count);
    for (i, ((r, g), b)) in red.iter_mut().zip(green).zip(blue).enumerate() {
        let at = |start: f32, step: f32| start + step * i as f32;
        let rgb = pixel(picture, at(line.start.0, line.step.0), at(line.start.1, line.step.1));
        [*r, *g, *b] = rgb;
    }
}

fn pixel(picture: &Picture<'_>, x: f32, y: f32) -> [u8; 3] {
    let inside_x = limit(x, (picture.width - 1) as f32);
    let inside_y = limit(y, (picture.height - 1) as f32);
    let cover = |out: f32, inside: f32| positive(1.0 - (out - inside).abs());
    let cover = cover(x, inside_x) * cover(y, inside_y);
    let mut channels = [0.0; 3];
    let mut filled = channels.iter_mut();
    for group in picture.groups {
        let taps = Taps::new(group, inside_x, inside_y);
        for (&offset, channel) in group.offsets.iter().zip(filled.by_ref()) {
            *channel = taps.channel(group, offset);
        }
    }
    rgb(&picture.colour, channels).map(|v| {
        let v = positive(if v < 255.0 { v } else { 255.0 });
        (v * cover + 0.5) as u8
    })
}

/// `v` limited to 0..=`top`; 0 if it is a NaN.
pub(super) fn limit(v: f32, top: f32) -> f32 {
    let v = positive(v);
    if v < top { v } else { top }
}

pub(super) fn positive(v: f32) -> f32 {
    if v > 0.0 { v } else { 0.0 }
}

fn rgb(colour: &Colour, [a, b, c]: [f32; 3]) -> [f32; 3] {
    match colour {
        Colour::Rgb => [a, b, c],
        Colour::Grey => [a; 3],
        Colour::Ycc(m) => {
            let y = a * m.y;
            [(y + c * m.rv) + m.r0, ((y + b * m.gu) + c * m.gv) + m.g0, (y + b * m.bu) + m.b0]
        }
    }
}

/// The four samples around a point: their places, and the weights of the right and lower ones.
struct Taps {
    left: usize,
    right: usize,
    down: usize,
    fx: f32,
    fy: f32,
}

impl Taps {
    fn new(group: &Group<'_>, x: f32, y: f32) -> Taps {
        let (scale, offset) = down(group.halved.1);
        let x = limit(x * across(group.halved.0), (group.width - 1) as f32);
        let y = limit(y * scale + offset, (group.height - 1) as f32);
        // A point at the last sample of a row takes the last pair, and the right one counts fully.
        let column = (x as usize).min(group.width.max(2) - 2);
        let row = y as usize;
        let left = row * group.stride + column * group.step;
        Taps {
            left,
            right: left + if group.width > 1 { group.step } else { 0 },
            down: if row + 1 < group.height { group.stride } else { 0 },
            fx: x - column as f32,
            fy: y - row as f32,
        }
    }

    fn channel(&self, group: &Group<'_>, offset: usize) -> f32 {
        // The plane has all four, or else `consistent` is wrong: then a wrong byte beats a panic.
        let at = |i: usize| f32::from(group.plane.get(i + offset).copied().unwrap_or(0));
        let lerp = |a: f32, b: f32, f: f32| a + (b - a) * f;
        let top = lerp(at(self.left), at(self.right), self.fx);
        let bottom = lerp(at(self.left + self.down), at(self.right + self.down), self.fx);
        lerp(top, bottom, self.fy)
    }
}
