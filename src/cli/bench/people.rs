//! `posed bench people`: times crop, network and decoding of people in a 1080p frame.

use super::bench_network::EngineArgs;
use super::draw;
use crate::cli::output;
use crate::clock::{Mono, SystemClock};
use crate::frame::{ClockLabel, Colorimetry, Frame, FrameInfo, PixelFormat, Stamp};
use crate::geometry::{BBox, Rotate};
use crate::pose::{Estimator, Options, PoseTiming};
use crate::tools::charts::{Sample, Scale, quantile};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Width and height of the frames, in pixels.
const SIZE: (u32, u32) = (1920, 1080);

/// Frames used in turn. Together they are larger than any cache, so each run reads from memory.
const FRAMES: u64 = 24;

/// Arguments of `posed bench people`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed bench people 2 --batch 2")]
pub struct PeopleArgs {
    /// People in the frame.
    #[arg(value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    people: u8,
    #[command(flatten)]
    engine: EngineArgs,
    /// Frames to time, after a tenth as many to warm up.
    #[arg(long, value_name = "N", default_value_t = 100)]
    runs: usize,
    /// Also draw how the times are spread into this file (.svg, .png or .html).
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Estimates the poses of each frame and prints the median times for one person.
pub fn run(args: &PeopleArgs) -> anyhow::Result<()> {
    draw::check(args.plot.as_deref())?;
    let (people, runs) = (usize::from(args.people), args.runs.max(1));
    let options = Options { network: args.engine.options(), flip_test: false };
    let mut estimator = Estimator::load(&args.engine.model()?, &options, SystemClock::shared())?;
    let frames = (0..FRAMES).map(noise).collect::<anyhow::Result<Vec<Frame>>>()?;
    let boxes = boxes(people);
    let mut poses = vec![];
    let mut times: Vec<PoseTiming> = vec![];
    let warm_up = runs.div_ceil(10);
    for (run, frame) in frames.iter().cycle().take(runs + warm_up).enumerate() {
        let timing = estimator.estimate(frame, &frame.view(Rotate::None), &boxes, &mut poses)?;
        if run >= warm_up {
            times.push(timing);
        }
    }
    let sample = |name: &str, of: fn(&PoseTiming) -> Duration| {
        let values = times.iter().map(|timing| of(timing).as_secs_f64() * 1e3 / people as f64);
        Sample { name: name.to_owned(), values: values.collect() }
    };
    let stages =
        [sample("crop", |t| t.crop), sample("network", |t| t.network), sample("decoding", |t| t.decode)];
    let [crop, network, decode] = [0, 1, 2].map(|stage: usize| quantile(&stages[stage].values, 0.5));
    let (w, h) = SIZE;
    let both = crop + decode;
    let text = format!(
        "{people} people in {w}x{h} NV12 frames read from memory, median of {runs} runs, ms for each person:\n\
         crop {crop:.3}, network {network:.3}, decoding {decode:.3}; crop and decoding {both:.3}\n"
    );
    output::print(&text)?;
    let title = format!("One of {people} people in a {w}x{h} frame");
    // The network takes most of the time, so each stage has its own scale.
    draw::spreads(args.plot.as_deref(), &title, &stages, Scale::Own)
}

/// Boxes of people side by side, each of another size, at most two thirds of the frame tall.
fn boxes(people: usize) -> Vec<BBox> {
    let person = |i: usize| {
        let h = 720.0 - 60.0 * (i % 8) as f32;
        BBox { x: 60.0 + 220.0 * (i % 8) as f32, y: 200.0, w: h * 0.4, h }
    };
    (0..people).map(person).collect()
}

/// A frame of pseudo-random pixels, the same for each seed. Rows are padded, as by decoders.
fn noise(seed: u64) -> anyhow::Result<Frame> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (width, height, stride) = (SIZE.0, SIZE.1, 2048);
    let mut plane = |rows: u32| (0..stride * rows as usize).map(|_| rng.u8(..)).collect::<Vec<u8>>();
    let planes = vec![plane(height), plane(height / 2)];
    let info = FrameInfo {
        format: PixelFormat::Nv12,
        width,
        height,
        strides: [stride, stride, 0],
        par: (1, 1),
        colorimetry: Colorimetry::default(),
    };
    let stamp = Stamp { mono: Mono(0), wall: SystemTime::UNIX_EPOCH, clock: ClockLabel::Receive, pts: None };
    Ok(Frame::new(info, stamp, 0, Box::new(planes))?)
}
