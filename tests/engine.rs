//! The engine against real models: the same file, the same crops, other ways to compute them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::shared;
use posed::infer::{Channels, InputBuffer, InputForm, InputSpec, Network, NetworkOptions};

fn spec(height: usize, width: usize) -> InputSpec {
    InputSpec {
        name: "input".into(),
        height,
        width,
        channels: Channels::Bgr,
        mean: [103.53, 116.28, 123.675],
        std: [57.375, 57.12, 58.395],
    }
}

#[test]
fn a_model_runs_over_a_batch() {
    let Some(path) = shared("bootstrap/lpn50-128x96.int8.onnx") else { return };
    let opts = NetworkOptions { max_batch: 2, ..Default::default() };
    let mut net = Network::load(&path, &spec(128, 96), &opts).unwrap();
    let (k, h, w) = net.output_shape();
    assert_eq!((k, h, w), (17, 32, 24));
    let mut input = net.new_input();
    let len = 3 * 128 * 96;
    for i in 0..len {
        let v = (i * 7 % 251) as u8;
        match (&mut input, net.input_form()) {
            (InputBuffer::Float(x), InputForm::Float { lut }) => {
                let at = lut[i / (128 * 96)][usize::from(v)];
                (x[i], x[len + i]) = (at, at);
            }
            (InputBuffer::Quantized(x), InputForm::Quantized { lut }) => {
                let at = lut[i % 3][usize::from(v)];
                (x[i], x[len + i]) = (at, at);
            }
            _ => panic!("the buffer is of another form than the network says"),
        }
    }
    let out = net.run(&input, 2).unwrap();
    let (a, b) = out.split_at(k * h * w);
    assert_eq!(a, b);
    assert!(a.iter().any(|v| *v > 0.0));
    assert!(net.run(&input, 3).is_err());
}

/// Crops of coarse blocks with noise: something for the attention to look at.
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

/// Heatmaps of `n` crops, through whatever form the network reads.
fn heatmaps(path: &std::path::Path, kernels: Option<&str>, threads: usize, n: usize) -> Vec<f32> {
    let size = (128, 96);
    let opts = NetworkOptions { kernels: kernels.map(Into::into), threads, max_batch: n };
    let mut net = Network::load(path, &spec(size.0, size.1), &opts).unwrap();
    let mut input = net.new_input();
    let plane = size.0 * size.1;
    for (i, v) in crops(n, size).into_iter().enumerate() {
        match (&mut input, net.input_form()) {
            (InputBuffer::Quantized(x), InputForm::Quantized { lut }) => x[i] = lut[i % 3][usize::from(v)],
            (InputBuffer::Float(x), InputForm::Float { lut }) => {
                let crop = i / (3 * plane);
                x[crop * 3 * plane + i % 3 * plane + i / 3 % plane] = lut[i % 3][usize::from(v)];
            }
            _ => panic!("the buffer is of another form than the network says"),
        }
    }
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
    let net = Network::load(&path, &spec(128, 96), &NetworkOptions::default()).unwrap();
    assert!(net.explain().whole, "{}", net.explain());
    assert_eq!(net.explain().taken["attention pooling"], 16);
    assert!(matches!(net.input_form(), InputForm::Quantized { .. }));
}

#[test]
fn unknown_kernels_are_refused_with_those_there_are() {
    let Some(path) = shared("bootstrap/lpn50-128x96.int8.onnx") else { return };
    let opts = NetworkOptions { kernels: Some("abacus".into()), ..Default::default() };
    let Err(e) = Network::load(&path, &spec(128, 96), &opts) else { panic!("abacus kernels were found") };
    assert!(e.to_string().contains("abacus") && e.to_string().contains("generic"), "{e}");
}

/// Damaged and hostile files: an error, or a network; never a panic.
#[test]
fn damaged_files_are_errors() {
    let Some(path) = shared("bootstrap/lpn50-128x96.int8.onnx") else { return };
    let file = std::fs::read(path).unwrap();
    let opts = NetworkOptions::default();
    let load = |bytes: &[u8], spec: &InputSpec| Network::from_bytes(bytes, spec, &opts).map(|_| ());
    assert!(load(&[], &spec(128, 96)).is_err());
    for cut in [1, 100, 10_000, file.len() / 2, file.len() - 1] {
        assert!(load(&file[..cut], &spec(128, 96)).is_err(), "cut at {cut}");
    }
    assert!(load(&file, &InputSpec { name: "picture".into(), ..spec(128, 96) }).is_err());
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..6 {
        let mut bytes = file.clone();
        for _ in 0..20 {
            // The names and shapes of the graph stand in the last third, weights before.
            let at = rng.usize(file.len() * 2 / 3..file.len());
            bytes[at] = rng.u8(..);
        }
        let _ = load(&bytes, &spec(128, 96));
    }
}
