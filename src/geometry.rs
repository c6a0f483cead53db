//! Points, boxes and affine maps between crop, display and stored pixels. The crate docs define
//! these coordinate frames.

/// Axis-aligned bounding box: top-left corner and size, in px of the frame that the context names.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BBox {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width, positive.
    pub w: f32,
    /// Height, positive.
    pub h: f32,
}

impl BBox {
    /// Centre (x, y).
    pub fn centre(&self) -> (f32, f32) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// Area in square px; zero for an empty box.
    pub fn area(&self) -> f32 {
        self.w.max(0.0) * self.h.max(0.0)
    }

    /// Whether every number is finite and the size is positive.
    pub fn is_valid(&self) -> bool {
        [self.x, self.y, self.w, self.h].iter().all(|v| v.is_finite()) && self.w > 0.0 && self.h > 0.0
    }

    /// This box, moved by (x, y) px.
    #[must_use]
    pub fn moved(&self, [dx, dy]: [f32; 2]) -> BBox {
        BBox { x: self.x + dx, y: self.y + dy, ..*self }
    }

    /// Area of the intersection, in square px.
    pub fn overlap(&self, other: &BBox) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        w.max(0.0) * h.max(0.0)
    }

    /// Share of this box's area that lies in `other`, 0..=1.
    pub fn share_in(&self, other: &BBox) -> f32 {
        let area = self.area();
        if area > 0.0 { self.overlap(other) / area } else { 0.0 }
    }

    /// The smallest box that contains both.
    pub fn hull(&self, other: &BBox) -> BBox {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let w = (self.x + self.w).max(other.x + other.w) - x;
        BBox { x, y, w, h: (self.y + self.h).max(other.y + other.h) - y }
    }

    /// Intersection over union, 0..=1.
    pub fn iou(&self, other: &BBox) -> f32 {
        let both = self.overlap(other);
        let either = self.area() + other.area() - both;
        if either > 0.0 { both / either } else { 0.0 }
    }

    /// The smallest box with the same centre and the aspect ratio `aspect` (width / height) that
    /// contains this box, scaled by `margin` (1.25 in the LPN paper's pre-processing).
    pub fn widened(&self, aspect: f32, margin: f32) -> BBox {
        let (cx, cy) = self.centre();
        let w = self.w.max(self.h * aspect) * margin;
        let h = w / aspect;
        BBox { x: cx - w / 2.0, y: cy - h / 2.0, w, h }
    }
}

/// x' = a·x + b·y + c,  y' = d·x + e·y + f
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Row for x': [a, b, c].
    pub x: [f32; 3],
    /// Row for y': [d, e, f].
    pub y: [f32; 3],
}

impl Affine {
    /// The identity.
    pub const IDENTITY: Affine = Affine { x: [1.0, 0.0, 0.0], y: [0.0, 1.0, 0.0] };

    /// Maps a point.
    pub fn apply(&self, (px, py): (f32, f32)) -> (f32, f32) {
        (self.x[0] * px + self.x[1] * py + self.x[2], self.y[0] * px + self.y[1] * py + self.y[2])
    }

    /// The map that applies `self` first, then `next`.
    pub fn then(&self, next: &Affine) -> Affine {
        let row = |r: &[f32; 3]| {
            [
                r[0] * self.x[0] + r[1] * self.y[0],
                r[0] * self.x[1] + r[1] * self.y[1],
                r[0] * self.x[2] + r[1] * self.y[2] + r[2],
            ]
        };
        Affine { x: row(&next.x), y: row(&next.y) }
    }

    /// Map from crop px to frame px, for a crop of `width` x `height` px around `bbox`. As in the
    /// published LPN evaluation, the box is widened to the crop's aspect ratio and scaled by
    /// `margin`, and the crop's centre (w/2, h/2) is the box's centre.
    pub fn crop_to_frame(bbox: &BBox, margin: f32, width: usize, height: usize) -> Affine {
        let (w, h) = (width as f32, height as f32);
        let (cx, cy) = bbox.centre();
        let scale = bbox.widened(w / h, margin).w / w;
        Affine { x: [scale, 0.0, cx - w / 2.0 * scale], y: [0.0, scale, cy - h / 2.0 * scale] }
    }
}

/// Clockwise rotation that makes a camera's frames upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotate {
    /// Already upright.
    #[default]
    None,
    /// 90 degrees clockwise.
    Cw90,
    /// 180 degrees.
    Half,
    /// 270 degrees clockwise.
    Cw270,
}

/// The display frame (upright, square pixels: published coordinates) and its map to the stored one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Display width in px.
    pub width: u32,
    /// Display height in px.
    pub height: u32,
    /// Display px -> stored px.
    pub to_stored: Affine,
}

impl View {
    /// The view of a buffer of `width` x `height` px with the pixel aspect ratio `par`
    /// (width:height), rotated by `rotate`. A ratio that contains a zero counts as 1:1.
    pub fn new(width: u32, height: u32, par: (u32, u32), rotate: Rotate) -> View {
        let stretch = if par.0 == 0 || par.1 == 0 { 1.0 } else { par.0 as f32 / par.1 as f32 };
        // Before the rotation: the height stays, the width is scaled to square pixels.
        let square_w = (width as f32 * stretch).round().max(1.0) as u32;
        let shrink = width as f32 / square_w as f32;
        let to_stored = Affine { x: [shrink, 0.0, 0.5 * shrink - 0.5], y: [0.0, 1.0, 0.0] };
        let (right, bottom) = (square_w as f32 - 1.0, height as f32 - 1.0);
        let turn = match rotate {
            Rotate::None => Affine::IDENTITY,
            Rotate::Cw90 => Affine { x: [0.0, 1.0, 0.0], y: [-1.0, 0.0, bottom] },
            Rotate::Half => Affine { x: [-1.0, 0.0, right], y: [0.0, -1.0, bottom] },
            Rotate::Cw270 => Affine { x: [0.0, -1.0, right], y: [1.0, 0.0, 0.0] },
        };
        let turned = matches!(rotate, Rotate::Cw90 | Rotate::Cw270);
        let (width, height) = if turned { (height, square_w) } else { (square_w, height) };
        View { width, height, to_stored: turn.then(&to_stored) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: (f32, f32), b: (f32, f32)) -> bool {
        (a.0 - b.0).abs() < 1e-3 && (a.1 - b.1).abs() < 1e-3
    }

    #[test]
    fn a_rotation_maps_corners_to_corners() {
        // 640x480 rotated clockwise: the bottom-left corner becomes the top-left one.
        let view = View::new(640, 480, (1, 1), Rotate::Cw90);
        assert_eq!((view.width, view.height), (480, 640));
        assert!(close(view.to_stored.apply((0.0, 0.0)), (0.0, 479.0)));
        assert!(close(view.to_stored.apply((479.0, 639.0)), (639.0, 0.0)));
        let view = View::new(640, 480, (1, 1), Rotate::Cw270);
        assert!(close(view.to_stored.apply((0.0, 0.0)), (639.0, 0.0)));
        let view = View::new(640, 480, (1, 1), Rotate::Half);
        assert!(close(view.to_stored.apply((0.0, 0.0)), (639.0, 479.0)));
    }

    #[test]
    fn anamorphic_pixels_become_square() {
        let view = View::new(704, 576, (16, 11), Rotate::None);
        assert_eq!((view.width, view.height), (1024, 576));
        // A stretch keeps pixel edges in place, not pixel centres.
        assert!(close(view.to_stored.apply((-0.5, 0.0)), (-0.5, 0.0)));
        assert!(close(view.to_stored.apply((1023.5, 575.0)), (703.5, 575.0)));
    }

    #[test]
    fn the_crop_is_centred_on_the_box_and_contains_it() {
        let tall = BBox { x: 100.0, y: 50.0, w: 30.0, h: 200.0 };
        let map = Affine::crop_to_frame(&tall, 1.25, 192, 256);
        assert!(close(map.apply((96.0, 128.0)), (115.0, 150.0)));
        assert!((map.x[0] - 200.0 * 0.75 * 1.25 / 192.0).abs() < 1e-6);
    }

    #[test]
    fn iou_of_equal_overlapping_and_separate_boxes() {
        let a = BBox { x: 0.0, y: 0.0, w: 2.0, h: 2.0 };
        assert_eq!(a.iou(&a), 1.0);
        assert!((a.iou(&BBox { x: 1.0, ..a }) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(a.iou(&BBox { x: 5.0, ..a }), 0.0);
        assert_eq!(BBox::default().iou(&BBox::default()), 0.0);
    }
}
