//! The rewriter with networks that are built here: members of the family in many sizes, operators
//! that it does not know, and broken files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod lpn;
mod members;
mod mutate;

use common::input_spec as spec;
use posed::infer::{InputBuffer, Network, NetworkOptions};

fn options(kernels: &str, threads: usize, max_batch: usize) -> NetworkOptions {
    NetworkOptions { kernels: Some(kernels.into()), threads, max_batch }
}

/// `n` crops of smooth noise, u8 `[n, H, W, 3]`. Crop `i` is the same for every `n`.
fn crops(n: usize, (h, w): (usize, usize)) -> Vec<u8> {
    let crop = |seed: usize| {
        let mut rng = fastrand::Rng::with_seed(seed as u64);
        let blocks: Vec<u8> = (0..(h / 8 + 1) * (w / 8 + 1) * 3).map(|_| rng.u8(..)).collect();
        let at = |i: usize| blocks[((i / 3 / w / 8) * (w / 8 + 1) + i / 3 % w / 8) * 3 + i % 3];
        (0..h * w * 3).map(|i| at(i).saturating_add(rng.u8(..24))).collect::<Vec<u8>>()
    };
    (0..n).flat_map(crop).collect()
}

/// `n` crops in an input buffer of `net`.
fn input(net: &Network, n: usize, size: (usize, usize)) -> InputBuffer {
    common::input(net, &crops(n, size), size)
}
