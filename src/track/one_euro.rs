//! The one-euro filter (Casiez, Roussel, Vogel, CHI 2012) on a point of the picture: a low-pass
//! whose cutoff rises with speed, so that what rests is steady and what moves does not lag.
//!
//! Positions stay in px; only the speed that opens the filter is measured in box sizes a second, so
//! that near and far people are smoothed alike and a change of box size moves nothing.

use std::f32::consts::TAU;

/// How much to smooth. The defaults were measured by `tests/track` at 10..=30 frames/s: what they
/// promise there is at most a quarter of a still person's jitter and at most two frames of lag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoothing {
    /// Cutoff at rest in Hz; lower is steadier.
    pub min_cutoff_hz: f32,
    /// Hz that the cutoff gains per box size a second of speed; higher lags less.
    pub beta: f32,
    /// Cutoff of the speed estimate itself in Hz.
    pub d_cutoff_hz: f32,
}

impl Default for Smoothing {
    fn default() -> Self {
        Smoothing { min_cutoff_hz: 0.15, beta: 6.0, d_cutoff_hz: 1.0 }
    }
}

/// Filter state of one point.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OneEuro {
    last: Option<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    raw: [f32; 2],
    smooth: [f32; 2],
    speed: [f32; 2],
}

impl OneEuro {
    /// Forgets the past: the next point comes out as it goes in.
    pub(super) fn reset(&mut self) {
        self.last = None;
    }

    /// Takes the point `raw` seen `dt_s` after the one before on a person `size_px` large, and
    /// gives it smoothed. Time that stands still changes nothing but the position asked for.
    pub(super) fn step(&mut self, how: &Smoothing, raw: [f32; 2], dt_s: f32, size_px: f32) -> [f32; 2] {
        let Some(State { raw: before, mut smooth, mut speed }) = self.last else {
            self.last = Some(State { raw, smooth: raw, speed: [0.0; 2] });
            return raw;
        };
        let dt_s = dt_s.max(1e-4);
        let follow = gain(how.d_cutoff_hz, dt_s);
        for axis in 0..2 {
            speed[axis] += follow * ((raw[axis] - before[axis]) / dt_s - speed[axis]);
        }
        let sizes_per_s = speed[0].hypot(speed[1]) / size_px.max(1.0);
        let follow = gain(how.min_cutoff_hz + how.beta * sizes_per_s, dt_s);
        for axis in 0..2 {
            smooth[axis] += follow * (raw[axis] - smooth[axis]);
        }
        self.last = Some(State { raw, smooth, speed });
        smooth
    }
}

/// Weight of the newest sample in a first-order low-pass.
fn gain(cutoff_hz: f32, dt_s: f32) -> f32 {
    let r = TAU * cutoff_hz.max(0.0) * dt_s;
    r / (r + 1.0)
}
