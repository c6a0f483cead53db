use super::*;

/// Calls `then` with pictures of random bytes in seven layouts: grey, Y with U and V, and RGB.
fn with_pictures(rng: &mut fastrand::Rng, width: usize, height: usize, mut then: impl FnMut(&Picture<'_>)) {
    let stride = 4 * width + rng.usize(0..9);
    let bytes: Vec<u8> = (0..stride * height).map(|_| rng.u8(..)).collect();
    let exact = &bytes[..stride * (height - 1) + 4 * width];
    let plane = |step, offsets, halved: (bool, bool)| {
        let half = |n: usize, halved| if halved { n.div_ceil(2) } else { n };
        let (width, height) = (half(width, halved.0), half(height, halved.1));
        let end = (height - 1) * stride + (width - 1) * step + 1 + offsets_end(offsets);
        Group { plane: &exact[..end], stride, step, offsets, width, height, halved }
    };
    let ycc = Colour::Ycc(Ycc::new(0.2126, 0.0722, rng.bool()));
    let luma = plane(1, &[0], (false, false));
    let both = (true, true);
    let across = (true, false);
    let cases: [(&[Group<'_>], Colour); 7] = [
        (&[luma], Colour::Grey),
        (&[luma, plane(2, &[0, 1], both)], ycc),
        (&[luma, plane(2, &[1, 0], both)], ycc),
        (&[luma, plane(1, &[0], both), plane(1, &[0], both)], ycc),
        (&[plane(2, &[0], (false, false)), plane(4, &[1, 3], across)], ycc),
        (&[plane(3, &[2, 1, 0], (false, false))], Colour::Rgb),
        (&[plane(4, &[0, 1, 2], (false, false))], Colour::Rgb),
    ];
    for (groups, colour) in cases {
        then(&Picture { width, height, groups, colour });
    }
}

/// The best samplers of this processor within three limits.
fn samplers() -> [Sampler; 3] {
    [Some(Isa::Generic), Some(Isa::Avx2), None].map(Sampler::new)
}

fn offsets_end(offsets: &[usize]) -> usize {
    offsets.iter().max().copied().unwrap()
}

#[test]
fn every_sampler_gives_the_same_bytes() {
    let mut rng = fastrand::Rng::with_seed(11);
    let mut within = |low: f32, high: f32| low + (high - low) * rng.f32();
    let mut lines = vec![];
    for _ in 0..60 {
        let step = (within(-6.0, 6.0), within(-1.0, 1.0));
        lines.push(Line { start: (within(-30.0, 60.0), within(-10.0, 40.0)), step });
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
        lines.push(Line { start: (bad, 3.0), step: (1.0, 0.0) });
        lines.push(Line { start: (0.0, 3.0), step: (0.5, bad) });
    }
    let mut rng = fastrand::Rng::with_seed(12);
    for (width, height) in [(1, 1), (2, 1), (1, 7), (3, 3), (8, 5), (37, 23)] {
        with_pictures(&mut rng, width, height, |picture| {
            for line in &lines {
                let (mut plain, mut fast) = (vec![1; 3 * 24], vec![2; 3 * 24]);
                Sampler::Generic.sample(picture, line, &mut plain);
                Sampler::new(None).sample(picture, line, &mut fast);
                assert_eq!(plain, fast, "{width}x{height} {:?} {line:?}", picture.colour);
            }
        });
    }
}

/// Every sampler with the columns that it keeps from picture to picture, as a cropper does.
struct UprightCrops {
    generic: Upright,
    others: [(Sampler, Upright); 3],
}

impl UprightCrops {
    /// Samples one line by every sampler. Upright crops are equal to the byte, and within a level
    /// of the crop that is sampled point by point.
    fn check(&mut self, picture: &Picture<'_>, (start, step, y): (f32, f32, f32)) {
        let name = format!("{}x{} {:?} {start} {step} {y}", picture.width, picture.height, picture.colour);
        let (mut want, mut got, mut by_point) = (vec![1; 3 * 32], vec![2; 3 * 32], vec![3; 3 * 32]);
        Sampler::Generic.line(picture, &mut self.generic, y, &mut want);
        for (sampler, upright) in &mut self.others {
            sampler.line(picture, upright, y, &mut got);
            assert_eq!(want, got, "{sampler:?} {name}");
        }
        let line = Line { start: (start, y), step: (step, 0.0) };
        Sampler::Generic.sample(picture, &line, &mut by_point);
        let off = want.iter().zip(&by_point).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(1), "{name}: {off:?} levels");
    }

    /// Prepares every sampler for crops of 32 columns.
    fn columns(&mut self, picture: &Picture<'_>, start: f32, step: f32) {
        Sampler::Generic.columns(picture, &mut self.generic, start, step, 32);
        self.others.iter_mut().for_each(|(s, upright)| s.columns(picture, upright, start, step, 32));
    }
}

#[test]
fn upright_crops_are_equal_by_every_sampler_and_close_to_crops_by_point() {
    let others = samplers().map(|sampler| (sampler, Upright::default()));
    let mut crops = UprightCrops { generic: Upright::default(), others };
    let mut rng = fastrand::Rng::with_seed(13);
    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30];
    for (width, height) in [(37, 23), (1, 1), (2, 1), (1, 7), (3, 3), (8, 5), (64, 40), (300, 40)] {
        with_pictures(&mut fastrand::Rng::with_seed(14), width, height, |picture| {
            for round in 0..24 {
                let mut within = |low: f32, high: f32| low + (high - low) * rng.f32();
                let step = if round == 0 { bad[0] } else { within(-6.0, 6.0) };
                let start = bad.get(round).copied().unwrap_or_else(|| within(-30.0, 60.0));
                let rows = [within(-3.0, 30.0), within(0.0, 20.0), bad[round % 4]];
                crops.columns(picture, start, step);
                rows.into_iter().for_each(|y| crops.check(picture, (start, step, y)));
            }
        });
    }
}

#[test]
fn lines_become_pixels_through_any_tables_by_every_sampler() {
    let mut rng = fastrand::Rng::with_seed(15);
    for len in (0..200).chain([256, 320]) {
        let tables: Tables = std::array::from_fn(|_| std::array::from_fn(|_| rng.u8(..)));
        // The first line holds every byte. The lines may differ in length.
        let first: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let [second, third] =
            [0, len % 3].map(|more| (0..len + more).map(|_| rng.u8(..)).collect::<Vec<u8>>());
        let lines = [&first[..], &second, &third];
        let mut want = vec![7; 3 * len + 5];
        for i in 0..len {
            for c in 0..3 {
                want[3 * i + c] = tables[c][usize::from(lines[c][i])];
            }
        }
        for sampler in samplers() {
            let mut out = vec![7; 3 * len + 5];
            sampler.interleave(lines, &tables, &mut out);
            assert_eq!(out, want, "{sampler:?} {len}");
        }
    }
}

#[test]
fn far_outside_is_black_and_the_edge_fades() {
    let plane = [200; 16];
    let groups = [Group {
        plane: &plane,
        stride: 4,
        step: 1,
        offsets: &[0],
        width: 4,
        height: 4,
        halved: (false, false),
    }];
    let picture = Picture { width: 4, height: 4, groups: &groups, colour: Colour::Grey };
    let mut out = [9; 24];
    let line = Line { start: (-1.5, 1.0), step: (0.75, 0.0) };
    Sampler::new(None).sample(&picture, &line, &mut out);
    // x = -1.5, -0.75, 0, 0.75, 1.5, 2.25, 3, 3.75
    assert_eq!(out[..8], [0, 50, 200, 200, 200, 200, 200, 50]);
    assert_eq!(out[..8], out[8..16]);
}

#[test]
fn the_corners_of_both_matrices() {
    for (kr, kb) in [(0.299, 0.114), (0.2126, 0.0722)] {
        for full in [false, true] {
            let m = Ycc::new(kr, kb, full);
            let (black, white) = if full { (0.0, 255.0) } else { (16.0, 235.0) };
            for (luma, want) in [(black, 0.0f32), (white, 255.0)] {
                let (y, chroma) = (luma * m.y, 128.0);
                let (r, g) = (y + m.rv * chroma + m.r0, y + m.gu * chroma + m.gv * chroma + m.g0);
                let rgb = [r, g, y + m.bu * chroma + m.b0];
                assert!(rgb.iter().all(|v| (v - want).abs() < 1e-3), "{rgb:?} {want}");
            }
        }
    }
    // BT.601, limited range: the well-known coefficients.
    let m = Ycc::new(0.299, 0.114, false);
    for (got, want) in [(m.y, 1.164), (m.rv, 1.596), (m.gu, -0.392), (m.gv, -0.813), (m.bu, 2.017)] {
        assert!((got - want).abs() < 1e-3, "{got} {want}");
    }
}
