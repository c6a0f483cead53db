//! Members of the family that the rewriter must take whole, and one that it must leave in part.

use super::lpn::Member;
use super::{crops, input, options, spec};
use posed::infer::{Explain, Network};
use posed::kernels::Isa;
use tract_onnx::prelude::*;

const DEEP: [usize; 4] = [3, 4, 23, 3];
const DEEPEST: [usize; 4] = [3, 8, 36, 3];

/// Heatmaps of `n` crops.
fn heatmaps(member: &Member, kernels: &str, threads: usize, n: usize) -> (Vec<f32>, Explain) {
    let mut net =
        Network::from_bytes(&member.bytes(), &spec(member.size), &options(kernels, threads, n)).unwrap();
    let input = input(&net, n, member.size);
    let explain = net.explain().clone();
    (net.run(&input, n).unwrap().to_vec(), explain)
}

/// Heatmaps of one crop as tract computes them, without our operators.
fn tracts(member: &Member) -> Vec<f32> {
    let (h, w) = member.size;
    let model =
        tract_onnx::onnx().with_ignore_value_info(true).model_for_read(&mut &*member.bytes()).unwrap();
    let model = model.with_input_fact(0, f32::fact([1, 3, h, w]).into()).unwrap();
    let model = model.into_typed().unwrap().into_decluttered().unwrap().into_runnable().unwrap();
    let (spec, crop) = (spec(member.size), crops(1, member.size));
    let x: Vec<f32> =
        (0..3 * h * w).map(|i| spec.normalised(i / (h * w), crop[i % (h * w) * 3 + i / (h * w)])).collect();
    let out = model.run(tvec!(Tensor::from_shape(&[1, 3, h, w], &x).unwrap().into())).unwrap();
    out[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
}

/// Checks that the values equal tract's, except a few that were rounded the other way.
fn close(ours: &[f32], tracts: &[f32], step: f32) {
    assert_eq!(ours.len(), tracts.len());
    let spread = tracts.iter().fold(0f32, |m, v| m.max(v.abs()));
    assert!(spread > 8.0 * step, "the heatmaps are almost flat: at most {spread}");
    let near = ours.iter().zip(tracts).filter(|(a, b)| (*a - *b).abs() <= 2.5 * step).count();
    assert!(near * 100 >= ours.len() * 98, "{near} of {} are near", ours.len());
}

#[test]
fn every_member_is_taken_whole_and_computed_alike_by_all_kernels() {
    let narrow = Member { widths: [24, 40, 72, 96], head: 48, ..Member::tiny() };
    let members = [
        Member::tiny(),
        Member { size: (128, 96), seed: 2, ..narrow.clone() },
        Member { size: (256, 192), seed: 3, ..Member::tiny() },
        Member { blocks: DEEP, seed: 4, ..narrow.clone() },
        Member { blocks: DEEPEST, seed: 5, ..Member::tiny() },
        Member { widths: [64, 128, 256, 512], head: 256, seed: 6, ..Member::tiny() },
    ];
    for member in members {
        let (want, explain) = heatmaps(&member, "generic", 1, 1);
        assert!(explain.whole, "{member:?}\n{explain}");
        for isa in Isa::available() {
            assert!(heatmaps(&member, isa.name(), 1, 1).0 == want, "{isa:?} differs: {member:?}");
        }
    }
}

/// LPN-101 and LPN-152 as published, but with random weights.
#[test]
fn the_deep_members_at_full_width_are_taken_whole_and_compute_what_tract_computes() {
    let full =
        Member { widths: [64, 128, 256, 512], head: 256, branch: 0.2, size: (128, 96), ..Member::tiny() };
    for (blocks, seed) in [(DEEP, 8), (DEEPEST, 9)] {
        let member = Member { blocks, seed, ..full.clone() };
        let (want, explain) = heatmaps(&member, "generic", 1, 1);
        assert!(explain.whole, "{explain}");
        assert_eq!(explain.taken["attention pooling"], blocks.iter().sum::<usize>());
        let kernels = Isa::best().name();
        let mut net =
            Network::from_bytes(&member.bytes(), &spec(member.size), &options(kernels, 2, 8)).unwrap();
        let input = input(&net, 8, member.size);
        let all = net.run(&input, 8).unwrap().to_vec();
        assert!(all[..want.len()] == want, "{kernels} differs: {blocks:?}");
        for n in 1..8 {
            assert!(net.run(&input, n).unwrap() == &all[..n * want.len()], "{n} of {blocks:?}");
        }
        let tracts = tracts(&member);
        let alike = correlation(&want, &tracts);
        assert!(alike > 0.98, "{blocks:?}: ours and tract's heatmaps correlate by {alike}");
    }
}

/// Pearson correlation. After a hundred random layers, one byte that is rounded the other way
/// changes every value, so values cannot be compared one by one.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean = |x: &[f32]| x.iter().map(|v| f64::from(*v)).sum::<f64>() / x.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |x: &[f32], mean_x: f64, y: &[f32], mean_y: f64| {
        x.iter().zip(y).map(|(x, y)| (f64::from(*x) - mean_x) * (f64::from(*y) - mean_y)).sum::<f64>()
    };
    sum(a, mean_a, b, mean_b) / (sum(a, mean_a, a, mean_a) * sum(b, mean_b, b, mean_b)).sqrt()
}

#[test]
fn a_network_computes_what_tract_computes() {
    for member in [Member::tiny(), Member { widths: [24, 40, 72, 96], head: 48, seed: 7, ..Member::tiny() }] {
        close(&heatmaps(&member, Isa::best().name(), 1, 1).0, &tracts(&member), 0.03);
    }
}

#[test]
fn batches_of_one_to_eight_are_crops_one_by_one() {
    let member = Member::tiny();
    let len = 17 * 16 * 12;
    let (all, _) = heatmaps(&member, Isa::best().name(), 1, 8);
    for threads in [1, 2, 3] {
        for n in 1..=8 {
            assert!(
                heatmaps(&member, Isa::best().name(), threads, n).0 == all[..n * len],
                "{n} by {threads}"
            );
        }
    }
}

#[test]
fn an_unknown_operator_stays_tracts_and_the_rest_is_ours() {
    for op in ["Tanh", "Abs"] {
        let member = Member { stranger: Some(op), ..Member::tiny() };
        let net =
            Network::from_bytes(&member.bytes(), &spec(member.size), &options("generic", 1, 1)).unwrap();
        let explain = net.explain();
        assert!(!explain.whole && explain.operators == 2, "{explain}");
        assert!(explain.left.iter().any(|(kind, _)| kind == op), "{explain}");
        assert_eq!(explain.taken["attention pooling"], 4);
        let (want, _) = heatmaps(&member, "generic", 1, 1);
        for isa in Isa::available() {
            assert!(heatmaps(&member, isa.name(), 1, 1).0 == want, "{isa:?} differs with {op}");
        }
        close(&want, &tracts(&member), 0.03);
    }
}
