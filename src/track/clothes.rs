//! [`Clothes`]: the colours a person wears. They tell people apart when their paths cross.

/// Colours farther apart than this, in levels of 255, almost certainly belong to different clothes.
const FAR: f32 = 36.0;
/// Weight of brightness against hue. Below 1, because a shadow does not change the clothes.
const BRIGHTNESS: f32 = 0.4;

/// Mean R, G, B of a part of the body, 0..=255.
pub type Rgb = [f32; 3];

/// Mean colours of the trunk and of a thigh; `None` where the part was not visible.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clothes {
    /// Between shoulders and hips.
    pub trunk: Option<Rgb>,
    /// Between a hip and its knee.
    pub legs: Option<Rgb>,
}

impl Clothes {
    /// How likely both belong to the same person, 0..=1; `None` if they have no part in common.
    pub fn likeness(&self, other: &Clothes) -> Option<f32> {
        let pairs = [self.trunk.zip(other.trunk), self.legs.zip(other.legs)];
        let pairs = pairs.iter().flatten();
        let (sum, count) = pairs.fold((0.0, 0.0), |(sum, n), (a, b)| (sum + alike(a, b), n + 1.0));
        (count > 0.0).then(|| sum / count)
    }

    /// Moves towards `seen` by `share`, 0..=1. A part without a colour takes the one seen.
    pub fn follow(&mut self, seen: &Clothes, share: f32) {
        follow(&mut self.trunk, seen.trunk, share);
        follow(&mut self.legs, seen.legs, share);
    }
}

fn follow(own: &mut Option<Rgb>, seen: Option<Rgb>, share: f32) {
    let Some(seen) = seen else { return };
    match own {
        Some(own) => own.iter_mut().zip(seen).for_each(|(own, seen)| *own += share * (seen - *own)),
        None => *own = Some(seen),
    }
}

fn alike(a: &Rgb, b: &Rgb) -> f32 {
    let grey = |c: &Rgb| 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
    let (la, lb) = (grey(a), grey(b));
    let hue = |i: usize| (a[i] - la) - (b[i] - lb);
    let bright = BRIGHTNESS * (la - lb);
    let distance2 = hue(0) * hue(0) + hue(2) * hue(2) + bright * bright;
    (-distance2 / (2.0 * (FAR / 2.0) * (FAR / 2.0))).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Rgb = [200.0, 30.0, 40.0];
    const BLUE: Rgb = [20.0, 40.0, 160.0];

    fn shirt(colour: Rgb) -> Clothes {
        Clothes { trunk: Some(colour), legs: None }
    }

    #[test]
    fn a_shadow_is_the_same_shirt_and_another_colour_is_not() {
        let alike = |a, b| shirt(a).likeness(&shirt(b)).unwrap();
        assert!(alike(RED, RED) == 1.0 && alike(RED, BLUE) < 0.01);
        assert!(alike(RED, [185.0, 15.0, 25.0]) > 0.8);
        assert_eq!(shirt(RED).likeness(&Clothes { trunk: None, legs: Some([1.0; 3]) }), None);
    }

    #[test]
    fn colours_move_towards_what_is_seen_and_an_unknown_part_takes_it() {
        let mut own = shirt(RED);
        own.follow(&Clothes { trunk: Some([0.0; 3]), legs: Some([9.0; 3]) }, 0.5);
        assert_eq!(own, Clothes { trunk: Some([100.0, 15.0, 20.0]), legs: Some([9.0; 3]) });
    }
}
