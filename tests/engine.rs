//! The engine against real models: the same file, the same crops, other ways to compute them.

use posed::infer::{InputBuffer, InputForm, InputSpec, Network, NetworkOptions};
use std::path::PathBuf;

/// The data pack beside the checkout, or `None` (said on stderr) where there is none.
fn shared(file: &str) -> Option<PathBuf> {
    let root = std::env::var_os("POSED_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let path = root.join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}

fn spec(height: usize, width: usize) -> InputSpec {
    InputSpec {
        name: "input".into(),
        height,
        width,
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

#[test]
fn explain_dump() {
    let Some(path) = shared("bootstrap/lpn50-128x96.int8.onnx") else { return };
    let net = Network::load(&path, &spec(128, 96), &NetworkOptions::default()).unwrap();
    println!("{}", net.explain());
}
