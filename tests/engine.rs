//! The engine with a real model: batches, kernels, thread counts, and damaged files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{input, input_spec, shared};
use posed::infer::{InputForm, InputSpec, Network, NetworkOptions};

/// Height and width of the crops, in px.
const SIZE: (usize, usize) = (128, 96);

#[test]
fn a_model_runs_over_a_batch() {
    let Some(path) = shared("bootstrap/lpn50-128x96.int8.onnx") else { return };
    let opts = NetworkOptions { max_batch: 2, ..Default::default() };
    let mut net = Network::load(&path, &input_spec(SIZE), &opts).unwrap();
    let (k, h, w) = net.output_shape();
    assert_eq!((k, h, w), (17, 32, 24));
    let crop: Vec<u8> = (0..3 * SIZE.0 * SIZE.1).map(|i| (i * 7 % 251) as u8).collect();
    let input = input(&net, &[&crop[..], &crop[..]].concat(), SIZE);
    let out = net.run(&input, 2).unwrap();
    let (a, b) = out.split_at(k * h * w);
    assert_eq!(a, b);
    assert!(a.iter().any(|v| *v > 0.0));
    assert!(net.run(&input, 3).is_err());
}

/// Crops of coarse blocks with noise, so that the attention has something to weigh.
fn crops(n: usize, (h, w): (usize, usize)) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(3);
    let mut out = vec![];
    for _ in 0..n {
        let blocks: Vec<u8> = (0..(h / 16) * (w / 16) * 3).map(|_| rng.u8(..)).collect();
        for i in 0..h * w * 3 {
            let (y, x, c) = (i / 3 / w / 16, i / 3 % w / 16, i % 3);
            out.push(blocks[(y * (w / 16) + x) * 3 + c].saturating_add(rng.u8(..30)));
        }
    }
    out
}

/// Heatmaps of `n` crops.
fn heatmaps(path: &std::path::Path, kernels: Option<&str>, threads: usize, n: usize) -> Vec<f32> {
    let opts = NetworkOptions { kernels: kernels.map(Into::into), threads, max_batch: n };
    let mut net = Network::load(path, &input_spec(SIZE), &opts).unwrap();
    let input = input(&net, &crops(n, SIZE), SIZE);
    net.run(&input, n).unwrap().to_vec()
}

#[test]
fn all_kernels_and_thread_counts_give_the_same_bits() {
    let Some(path) = shared("bootstrap/lpn50-128x96.int8.onnx") else { return };
    let want = heatmaps(&path, Some("generic"), 1, 3);
    assert!(want.iter().any(|v| *v > 0.0));
    for isa in posed::kernels::Isa::available() {
        for threads in [1, 2, 3] {
            let got = heatmaps(&path, Some(isa.name()), threads, 3);
            assert!(got == want, "{} with {threads} threads differs", isa.name());
        }
    }
}

#[test]
fn the_rewriter_takes_all_of_lpn() {
    let Some(path) = shared("bootstrap/lpn50-128x96.int8.onnx") else { return };
    let net = Network::load(&path, &input_spec(SIZE), &NetworkOptions::default()).unwrap();
    assert!(net.explain().whole, "{}", net.explain());
    assert_eq!(net.explain().taken["attention pooling"], 16);
    assert!(matches!(net.input_form(), InputForm::Quantized { .. }));
}

#[test]
fn unknown_kernels_are_refused_and_the_available_ones_named() {
    let Some(path) = shared("bootstrap/lpn50-128x96.int8.onnx") else { return };
    let opts = NetworkOptions { kernels: Some("abacus".into()), ..Default::default() };
    let Err(e) = Network::load(&path, &input_spec(SIZE), &opts) else {
        panic!("unknown kernels were accepted")
    };
    assert!(e.to_string().contains("abacus") && e.to_string().contains("generic"), "{e}");
}

/// A damaged file is an error or still a network, never a panic.
#[test]
fn damaged_files_are_errors() {
    let Some(path) = shared("bootstrap/lpn50-128x96.int8.onnx") else { return };
    let file = std::fs::read(path).unwrap();
    let opts = NetworkOptions::default();
    let load = |bytes: &[u8], spec: &InputSpec| Network::from_bytes(bytes, spec, &opts).map(|_| ());
    assert!(load(&[], &input_spec(SIZE)).is_err());
    for cut in [1, 100, 10_000, file.len() / 2, file.len() - 1] {
        assert!(load(&file[..cut], &input_spec(SIZE)).is_err(), "cut at {cut}");
    }
    assert!(load(&file, &InputSpec { name: "picture".into(), ..input_spec(SIZE) }).is_err());
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..6 {
        let mut bytes = file.clone();
        for _ in 0..20 {
            // The last third of the file holds names and shapes, the rest weights.
            let at = rng.usize(file.len() * 2 / 3..file.len());
            bytes[at] = rng.u8(..);
        }
        let _ = load(&bytes, &input_spec(SIZE));
    }
}
