//! The rewriter over networks that are built here: other members of the family, other sizes, operators that it
//! does not know, and files that somebody broke.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;
mod lpn;
mod members;

use posed::infer::{Channels, InputBuffer, InputForm, InputSpec, Network, NetworkOptions};

fn spec(size: (usize, usize)) -> InputSpec {
    let (mean, std) = ([103.53, 116.28, 123.675], [57.375, 57.12, 58.395]);
    InputSpec { name: "input".into(), height: size.0, width: size.1, channels: Channels::Bgr, mean, std }
}

fn options(kernels: &str, threads: usize, max_batch: usize) -> NetworkOptions {
    NetworkOptions { kernels: Some(kernels.into()), threads, max_batch }
}

/// `n` crops of smooth noise, u8 `[n, H, W, 3]`; the first ones are the same whatever `n` is.
fn crops(n: usize, (h, w): (usize, usize)) -> Vec<u8> {
    let crop = |seed: usize| {
        let mut rng = fastrand::Rng::with_seed(seed as u64);
        let blocks: Vec<u8> = (0..(h / 8 + 1) * (w / 8 + 1) * 3).map(|_| rng.u8(..)).collect();
        let at = |i: usize| blocks[((i / 3 / w / 8) * (w / 8 + 1) + i / 3 % w / 8) * 3 + i % 3];
        (0..h * w * 3).map(|i| at(i).saturating_add(rng.u8(..24))).collect::<Vec<u8>>()
    };
    (0..n).flat_map(crop).collect()
}

/// Crops in the form that the network reads.
fn input(net: &Network, n: usize, (h, w): (usize, usize)) -> InputBuffer {
    let mut input = net.new_input();
    for (i, v) in crops(n, (h, w)).into_iter().enumerate() {
        match (&mut input, net.input_form()) {
            (InputBuffer::Quantized(x), InputForm::Quantized { lut }) => x[i] = lut[i % 3][usize::from(v)],
            (InputBuffer::Float(x), InputForm::Float { lut }) => {
                let (crop, plane) = (i / (3 * h * w), h * w);
                x[crop * 3 * plane + i % 3 * plane + i / 3 % plane] = lut[i % 3][usize::from(v)];
            }
            _ => panic!("the buffer is of another form than the network says"),
        }
    }
    input
}
