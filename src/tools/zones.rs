//! Draws the zones and lines of a camera into a picture, so that people see what they configured.

use crate::events::{Line, Zone};
use image::{Rgb, RgbImage};

/// Colours of the zones in turn, with their names.
const COLOURS: [(Rgb<u8>, &str); 6] = [
    (Rgb([255, 220, 0]), "yellow"),
    (Rgb([0, 200, 255]), "blue"),
    (Rgb([255, 80, 160]), "pink"),
    (Rgb([110, 230, 80]), "green"),
    (Rgb([255, 140, 30]), "orange"),
    (Rgb([190, 130, 255]), "violet"),
];
/// Width of drawn lines as a share of the picture's longer side.
const WIDTH: f32 = 0.004;
/// How much of a zone's colour covers its inside.
const TINT: f32 = 0.2;
/// Length of the arrow that points to the side that is `in`, in widths of a line.
const ARROW: f32 = 10.0;

/// Draws zones and lines; returns a line of text for each that names its colour.
pub fn draw(picture: &mut RgbImage, zones: &[Zone], lines: &[Line]) -> Vec<String> {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let px = |[x, y]: [f32; 2]| [x * width - 0.5, y * height - 0.5];
    let pen = (WIDTH * width.max(height)).max(1.0);
    let mut colours = COLOURS.iter().cycle();
    let mut legend = Vec::new();
    for zone in zones {
        let Some((colour, name)) = colours.next() else { break };
        tint(picture, zone, *colour);
        let after = zone.polygon.iter().cycle().skip(1);
        zone.polygon.iter().zip(after).for_each(|(&a, &b)| stroke(picture, px(a), px(b), pen, *colour));
        legend.push(format!("zone {} is {name}", zone.name));
    }
    for line in lines {
        let Some((colour, name)) = colours.next() else { break };
        let (from, to) = (px(line.from), px(line.to));
        stroke(picture, from, to, pen, *colour);
        arrow(picture, from, to, pen, *colour);
        legend.push(format!("line {} is {name}; its arrow points in", line.name));
    }
    legend
}

/// An arrow from the middle of a line to its right.
fn arrow(picture: &mut RgbImage, from: [f32; 2], to: [f32; 2], pen: f32, colour: Rgb<u8>) {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let length = dx.hypot(dy).max(1e-3);
    let (along, right) = ([dx / length, dy / length], [-dy / length, dx / length]);
    let middle = [(from[0] + to[0]) / 2.0, (from[1] + to[1]) / 2.0];
    let at = |r: f32, a: f32| [0, 1].map(|i| middle[i] + pen * ARROW * (r * right[i] + a * along[i]));
    let tip = at(1.0, 0.0);
    for start in [middle, at(0.6, 0.3), at(0.6, -0.3)] {
        stroke(picture, start, tip, pen, colour);
    }
}

fn tint(picture: &mut RgbImage, zone: &Zone, colour: Rgb<u8>) {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if zone.contains([(x as f32 + 0.5) / width, (y as f32 + 0.5) / height]) {
            mix(pixel, colour, TINT);
        }
    }
}

/// A line with round ends, `pen` px wide.
fn stroke(picture: &mut RgbImage, a: [f32; 2], b: [f32; 2], pen: f32, colour: Rgb<u8>) {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let length2 = (dx * dx + dy * dy).max(1e-6);
    // Float casts saturate, so what lies outside the picture is cut off.
    let span = |a: f32, b: f32| (a.min(b) - pen).max(0.0) as u32..(a.max(b) + pen + 1.0).max(0.0) as u32;
    let (columns, rows) = (span(a[0], b[0]), span(a[1], b[1]));
    for y in rows.start..rows.end.min(picture.height()) {
        for x in columns.start..columns.end.min(picture.width()) {
            let (px, py) = (x as f32 - a[0], y as f32 - a[1]);
            let along = ((px * dx + py * dy) / length2).clamp(0.0, 1.0);
            let inside = pen / 2.0 - (px - along * dx).hypot(py - along * dy);
            mix(picture.get_pixel_mut(x, y), colour, (inside + 0.5).clamp(0.0, 1.0));
        }
    }
}

fn mix(pixel: &mut Rgb<u8>, colour: Rgb<u8>, share: f32) {
    for (old, new) in pixel.0.iter_mut().zip(colour.0) {
        *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * share).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::By;

    #[test]
    fn zones_are_tinted_and_lines_have_an_arrow_to_their_right() {
        let mut picture = RgbImage::new(200, 100);
        let zone = Zone::new("bed", vec![[0.6, 0.2], [0.9, 0.2], [0.9, 0.8], [0.6, 0.8]]);
        let line = Line { name: "door".into(), from: [0.25, 0.9], to: [0.25, 0.1], by: By::Feet };
        let legend = draw(&mut picture, &[zone], &[line]);
        assert_eq!(legend, ["zone bed is yellow", "line door is blue; its arrow points in"]);
        assert_eq!(*picture.get_pixel(150, 50), Rgb([51, 44, 0]));
        assert_eq!(*picture.get_pixel(10, 50), Rgb([0; 3]));
        // The line goes up: its right is the picture's right.
        assert!(picture.get_pixel(56, 50).0[2] > 100 && picture.get_pixel(43, 50).0[2] == 0);
    }

    #[test]
    fn what_lies_outside_the_picture_is_cut_off() {
        for far in [-1e9, 1e9, f32::NAN, f32::INFINITY] {
            let zone = Zone::new("far", vec![[far, 0.0], [0.5, far], [0.2, 0.9]]);
            let line = Line { name: "far".into(), from: [far, far], to: [0.1, far], by: By::Feet };
            draw(&mut RgbImage::new(16, 16), &[zone], &[line]);
        }
    }
}
