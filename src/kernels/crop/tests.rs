use super::*;

/// Y with a U, V pair for every 2x2, R G B and R G B x, of `width` x `height` px in random bytes.
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

/// All that run here.
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

#[test]
fn upright_crops_are_alike_by_every_sampler_and_within_a_level_of_the_other_way() {
    // Kept from picture to picture, as a cropper keeps them.
    let (mut plain, mut fast) = (Upright::default(), samplers().map(|s| (s, Upright::default())));
    let mut rng = fastrand::Rng::with_seed(13);
    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30];
    for (width, height) in [(37, 23), (1, 1), (2, 1), (1, 7), (3, 3), (8, 5), (64, 40), (300, 40)] {
        with_pictures(&mut fastrand::Rng::with_seed(14), width, height, |picture| {
            for round in 0..24 {
                let mut within = |low: f32, high: f32| low + (high - low) * rng.f32();
                let step = if round == 0 { bad[0] } else { within(-6.0, 6.0) };
                let start = bad.get(round).copied().unwrap_or_else(|| within(-30.0, 60.0));
                Sampler::Generic.columns(picture, &mut plain, start, step, 32);
                fast.iter_mut().for_each(|(s, fast)| s.columns(picture, fast, start, step, 32));
                for y in [within(-3.0, 30.0), within(0.0, 20.0), bad[round % 4]] {
                    let (mut a, mut other) = (vec![1; 3 * 32], vec![3; 3 * 32]);
                    Sampler::Generic.line(picture, &mut plain, y, &mut a);
                    let name = format!("{width}x{height} {:?} {start} {step} {y}", picture.colour);
                    for (sampler, fast) in &mut fast {
                        let mut b = vec![2; 3 * 32];
                        sampler.line(picture, fast, y, &mut b);
                        assert_eq!(a, b, "{sampler:?} {name}");
                    }
                    let line = Line { start: (start, y), step: (step, 0.0) };
                    Sampler::Generic.sample(picture, &line, &mut other);
                    let off = a.iter().zip(&other).map(|(a, b)| a.abs_diff(*b)).max();
                    assert!(off <= Some(1), "{name}: {off:?} levels");
                }
            }
        });
    }
}

#[test]
fn lines_become_pixels_through_any_tables_by_every_sampler() {
    let mut rng = fastrand::Rng::with_seed(15);
    for len in (0..200).chain([256, 320]) {
        let tables: Tables = std::array::from_fn(|_| std::array::from_fn(|_| rng.u8(..)));
        // The first line holds every byte; the lines need not be of one length.
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
                let y = luma * m.y;
                for v in
                    [y + m.rv * 128.0 + m.r0, y + m.gu * 128.0 + m.gv * 128.0 + m.g0, y + m.bu * 128.0 + m.b0]
                {
                    assert!((v - want).abs() < 1e-3, "{v} {want}");
                }
            }
        }
    }
    // BT.601, limited: the coefficients that every table prints.
    let m = Ycc::new(0.299, 0.114, false);
    for (got, want) in [(m.y, 1.164), (m.rv, 1.596), (m.gu, -0.392), (m.gv, -0.813), (m.bu, 2.017)] {
        assert!((got - want).abs() < 1e-3, "{got} {want}");
    }
}
