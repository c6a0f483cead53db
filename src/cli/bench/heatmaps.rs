//! `posed bench heatmaps`: the network's raw output, to compare with other engines.

use super::bench_network::{BenchNetwork, NetworkArgs};
use anyhow::Context as _;
use std::path::PathBuf;

/// Arguments of `posed bench heatmaps`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed bench heatmaps --crops crops.u8 --output heatmaps.f32")]
pub struct HeatmapsArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// Crops to run, u8 [N, height, width, 3] in the model's channel order.
    #[arg(long, value_name = "FILE")]
    crops: PathBuf,
    /// File to write, f32 little endian [N, K, h, w]: K keypoints, heatmaps of h by w pixels.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Runs every crop and writes the heatmaps.
pub fn run(args: &HeatmapsArgs) -> anyhow::Result<()> {
    let mut loaded = BenchNetwork::new(&args.network)?;
    let (crop_len, batch) = (loaded.crop_len, loaded.batch);
    let crops = loaded.read_crops(&args.crops)?;
    let mut bytes = vec![];
    for crops in crops.chunks(batch * crop_len) {
        let crops = crops.chunks_exact(crop_len);
        let n = crops.len();
        for (i, crop) in crops.enumerate() {
            loaded.put(i, crop);
        }
        let heatmaps = loaded.network.run(&loaded.input, n)?;
        bytes.extend(heatmaps.iter().flat_map(|v| v.to_le_bytes()));
    }
    let file = args.output.display();
    std::fs::write(&args.output, bytes).with_context(|| format!("cannot write {file}"))
}
