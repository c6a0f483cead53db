//! The one-euro filter (Casiez, Roussel, Vogel, CHI 2012) on a point of the frame: a low-pass
//! filter with a cutoff that rises with speed. A point at rest is steady, a moving one does not
//! lag.
//!
//! Positions are in px. Only the speed is in box sizes a second, so near and far people are
//! smoothed alike, and a change of box size moves no point.
//!
//! One thing differs from the paper: speeds that noise alone explains count less (see
//! [`Smoothing::rest_sizes_per_s`]). Without this, no choice of the other three parameters is both
//! steady at 10 frames/s and quick at 30: the speed of the noise opens the filter to the noise.

use std::f32::consts::TAU;

/// How much to smooth. The defaults leave at most a quarter of a still person's jitter (noise up to
/// 1.2 % of the body height) and lag a fast wrist by less than two frames, at 10 to 30 frames/s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoothing {
    /// Cutoff at rest in Hz; lower is steadier.
    pub min_cutoff_hz: f32,
    /// Hz that the cutoff gains per box size a second of speed; higher lags less.
    pub beta: f32,
    /// Cutoff of the speed estimate itself in Hz.
    pub d_cutoff_hz: f32,
    /// Speed s counts as s·s² / (s² + rest²), where rest is this many box sizes a second: half at
    /// rest, and nearly nothing well below it. Zero gives the paper's filter.
    pub rest_sizes_per_s: f32,
}

impl Default for Smoothing {
    fn default() -> Self {
        Smoothing { min_cutoff_hz: 0.15, beta: 25.0, d_cutoff_hz: 0.4, rest_sizes_per_s: 0.35 }
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
    /// Starts over: the next point is returned unchanged.
    pub(super) fn reset(&mut self) {
        self.last = None;
    }

    /// Smooths the point `raw`, seen `dt_s` after the last one, of a person `size_px` large.
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
        let square = sizes_per_s * sizes_per_s;
        let noise = how.rest_sizes_per_s * how.rest_sizes_per_s;
        let moving = square / (square + noise).max(f32::MIN_POSITIVE);
        let follow = gain(how.min_cutoff_hz + how.beta * sizes_per_s * moving, dt_s);
        for axis in 0..2 {
            smooth[axis] += follow * (raw[axis] - smooth[axis]);
        }
        self.last = Some(State { raw, smooth, speed });
        smooth
    }
}

/// Weight of the newest sample in a first-order low-pass filter.
fn gain(cutoff_hz: f32, dt_s: f32) -> f32 {
    let r = TAU * cutoff_hz.max(0.0) * dt_s;
    r / (r + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `raw` along x at 20 Hz and returns the last point.
    fn run(how: &Smoothing, raw: impl Iterator<Item = f32>) -> f32 {
        let mut filter = OneEuro::default();
        raw.map(|x| filter.step(how, [x, 0.0], 0.05, 100.0)[0]).last().unwrap()
    }

    #[test]
    fn it_starts_at_the_first_point_and_ends_at_the_last() {
        let how = Smoothing::default();
        assert_eq!(run(&how, [7.0].into_iter()), 7.0);
        assert!((run(&how, (0..400).map(|i| if i < 5 { 0.0 } else { 50.0 })) - 50.0).abs() < 0.5);
    }

    #[test]
    fn without_a_rest_speed_it_equals_the_paper() {
        // By hand: dx = 4/0.05 = 80 px/s, a_d = tau·1·0.05/(1+…), cutoff = 1 + 2·|dx|/100.
        let how = Smoothing { min_cutoff_hz: 1.0, beta: 2.0, d_cutoff_hz: 1.0, rest_sizes_per_s: 0.0 };
        let alpha = |cutoff: f32| 1.0 / (1.0 + 1.0 / (TAU * cutoff * 0.05));
        let want = 4.0 * alpha(1.0 + 2.0 * alpha(1.0) * 80.0 / 100.0);
        assert!((run(&how, [0.0, 4.0].into_iter()) - want).abs() < 1e-4);
    }

    #[test]
    fn equal_timestamps_give_finite_points() {
        let mut filter = OneEuro::default();
        for x in [0.0, 5.0, -5.0, 1e6] {
            assert!(filter.step(&Smoothing::default(), [x, x], 0.0, 0.0).iter().all(|v| v.is_finite()));
        }
    }
}
