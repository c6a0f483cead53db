//! Which decoders there are, and whether a picture really comes out of each: for `posed doctor`.
//!
//! A plugin that is installed proves nothing: its driver may be missing, busy or broken. So each
//! decoder is given a few frames of colour bars (`samples/`), and what it gives is looked at.

use super::Error;
use super::decoder::Decoder;
use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use std::ops::Range;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// What cameras send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// H.264, AVC.
    H264,
    /// H.265, HEVC.
    H265,
    /// Motion JPEG, as USB cameras give it.
    Jpeg,
}

impl Codec {
    /// All of them.
    pub const ALL: [Codec; 3] = [Codec::H264, Codec::H265, Codec::Jpeg];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Codec::H264 => "H.264",
            Codec::H265 => "H.265",
            Codec::Jpeg => "MJPEG",
        }
    }

    fn caps(self) -> gst::Caps {
        let stream = |name: &str| gst::Caps::builder(name).field("stream-format", "byte-stream").build();
        match self {
            Codec::H264 => stream("video/x-h264"),
            Codec::H265 => stream("video/x-h265"),
            Codec::Jpeg => gst::Caps::builder("image/jpeg")
                .field("width", SIZE.0 as i32)
                .field("height", SIZE.1 as i32)
                .field("framerate", gst::Fraction::new(25, 1))
                .field("parsed", true)
                .build(),
        }
    }

    /// What goes into the pipeline, buffer by buffer.
    fn sample(self) -> Vec<&'static [u8]> {
        match self {
            Codec::H264 => vec![include_bytes!("samples/bars.h264")],
            Codec::H265 => vec![include_bytes!("samples/bars.h265")],
            // A decoder may keep the first ones back.
            Codec::Jpeg => vec![include_bytes!("samples/bars.jpg"); 4],
        }
    }

    fn parser(self) -> &'static str {
        match self {
            Codec::H264 => "h264parse ! ",
            Codec::H265 => "h265parse ! ",
            Codec::Jpeg => "",
        }
    }
}

/// One decoder that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Factory name of the element.
    pub decoder: String,
    /// Whether it is hardware.
    pub hardware: bool,
    /// GStreamer's rank; what has none (0) is never taken by itself.
    pub rank: i32,
}

/// Width and height of the samples in px.
const SIZE: (usize, usize) = (320, 240);
/// Columns of the first bar (white) and of the last (blue), and rows, all well inside of them.
const WHITE: Range<usize> = 8..36;
const BLUE: Range<usize> = 284..312;
const ROWS: Range<usize> = 20..140;

/// Decoders of `codec` that are installed, in the order in which they would be tried.
///
/// # Errors
/// If GStreamer does not start.
pub fn decoders(codec: Codec) -> Result<Vec<Proof>, Error> {
    super::init()?;
    let caps = codec.caps();
    let mut found: Vec<Proof> =
        gst::ElementFactory::factories_with_type(gst::ElementFactoryType::DECODER, gst::Rank::NONE)
            .iter()
            .filter(|factory| factory.can_sink_any_caps(&caps))
            .filter_map(|factory| {
                let Decoder { factory: decoder, hardware } = Decoder::made_by(factory)?;
                Some(Proof { decoder, hardware, rank: i32::from(factory.rank()) })
            })
            .collect();
    found.sort_by(|a, b| b.rank.cmp(&a.rank).then_with(|| a.decoder.cmp(&b.decoder)));
    Ok(found)
}

/// Decodes the sample of `codec` with `decoder`; `Err` says what came instead of the colour bars.
///
/// # Errors
/// The element's own words, or that nothing, or another picture, came `within` the time. A driver
/// that does not come back at all keeps its thread until the process ends.
pub fn prove(codec: Codec, decoder: &str, within: Duration) -> Result<(), String> {
    super::init().map_err(|e| e.to_string())?;
    let (send, result) = sync_channel(1);
    let name = decoder.to_owned();
    std::thread::Builder::new()
        .name(format!("prove-{decoder}"))
        .spawn(move || {
            // Nobody waits any more if this comes too late.
            let _ = send.send(decode(codec, &name, within));
        })
        .map_err(|e| format!("no thread: {e}"))?;
    let teardown = Duration::from_secs(2);
    result.recv_timeout(within + teardown).unwrap_or_else(|_| Err("it does not come back".into()))
}

fn decode(codec: Codec, decoder: &str, within: Duration) -> Result<(), String> {
    // NVIDIA's decoders give memory that nothing but NVIDIA's converter can read.
    let unlock = if decoder.starts_with("nvv4l2") { "nvvidconv ! " } else { "" };
    let text = format!(
        "appsrc name=in ! {}{decoder} ! {unlock}videoconvert ! appsink name=out sync=false \
         caps=video/x-raw,format=GRAY8",
        codec.parser()
    );
    let pipeline = gst::parse::launch(&text).map_err(|e| e.message().to_owned())?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| "no pipeline")?;
    let outcome = first_picture(&pipeline, codec, within);
    // What an element that failed says to being stopped is no news.
    let _ = pipeline.set_state(gst::State::Null);
    outcome
}

fn first_picture(pipeline: &gst::Pipeline, codec: Codec, within: Duration) -> Result<(), String> {
    let input =
        pipeline.by_name("in").and_then(|e| e.downcast::<gst_app::AppSrc>().ok()).ok_or("no appsrc")?;
    let output =
        pipeline.by_name("out").and_then(|e| e.downcast::<gst_app::AppSink>().ok()).ok_or("no appsink")?;
    let bus = pipeline.bus().ok_or("no bus")?;
    input.set_caps(Some(&codec.caps()));
    let error = || bus.pop_filtered(&[gst::MessageType::Error]).map(|message| words(&message));
    let started = pipeline.set_state(gst::State::Playing);
    if started.is_err() {
        return Err(error().unwrap_or_else(|| "it does not start".into()));
    }
    for bytes in codec.sample() {
        // Refused only by an element that has failed, which its message says.
        let _ = input.push_buffer(gst::Buffer::from_slice(bytes));
    }
    let _ = input.end_of_stream();
    // In short steps, as an error does not end the wait for a sample.
    let step = gst::ClockTime::from_mseconds(50);
    for _ in 0..within.as_millis() / 50 {
        if let Some(sample) = output.try_pull_sample(step) {
            return is_bars(&sample);
        }
        if let Some(words) = error() {
            return Err(words);
        }
        if output.is_eos() {
            return Err("it ended without a frame".into());
        }
    }
    Err(format!("no frame within {within:?}"))
}

fn words(message: &gst::Message) -> String {
    match message.view() {
        gst::MessageView::Error(e) => {
            let debug = e.debug().unwrap_or_default();
            format!("{} ({})", e.error(), debug.lines().next_back().unwrap_or_default())
        }
        _ => String::new(),
    }
}

/// White at the left and blue at the right: not the green or grey of a decoder that only pretends.
fn is_bars(sample: &gst::Sample) -> Result<(), String> {
    let (width, height) = sample.caps().and_then(size).ok_or("a frame without caps")?;
    if (width, height) != SIZE {
        return Err(format!("a frame of {width}x{height} px came, not of {}x{}", SIZE.0, SIZE.1));
    }
    let map = sample.buffer().ok_or("no buffer")?.map_readable().map_err(|e| e.to_string())?;
    let (white, blue) = (mean(&map, WHITE), mean(&map, BLUE));
    match (white, blue) {
        (Some(white), Some(blue)) if white > 140.0 && blue < 80.0 => Ok(()),
        (Some(white), Some(blue)) => {
            Err(format!("another picture came out (luma {white:.0} and {blue:.0}, not about 190 and 25)"))
        }
        _ => Err("the frame is shorter than its caps say".into()),
    }
}

fn size(caps: &gst::CapsRef) -> Option<(usize, usize)> {
    let s = caps.structure(0)?;
    let side = |name| usize::try_from(s.get::<i32>(name).ok()?).ok();
    Some((side("width")?, side("height")?))
}

/// Mean luma of `columns` in [`ROWS`]; the rows of 320 px have no padding.
fn mean(luma: &[u8], columns: Range<usize>) -> Option<f32> {
    let mut sum = 0_u32;
    for row in ROWS {
        let row = luma.get(row * SIZE.0..(row + 1) * SIZE.0)?;
        sum += row.get(columns.clone())?.iter().map(|v| u32::from(*v)).sum::<u32>();
    }
    Some(sum as f32 / (ROWS.len() * columns.len()) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn software_decoders_give_the_bars() {
        for (codec, decoder) in
            [(Codec::H264, "avdec_h264"), (Codec::H265, "avdec_h265"), (Codec::Jpeg, "jpegdec")]
        {
            let found = decoders(codec).unwrap();
            let it = found.iter().find(|d| d.decoder == decoder).expect(decoder);
            assert!(!it.hardware);
            assert_eq!(prove(codec, decoder, PATIENCE), Ok(()), "{decoder}");
        }
    }

    #[test]
    fn what_gives_no_picture_or_another_one_is_said() {
        let error = prove(Codec::H264, "nosuchdec", PATIENCE).unwrap_err();
        assert!(error.contains("nosuchdec"), "{error}");
        // Takes everything, gives nothing.
        let error = prove(Codec::Jpeg, "fakesink fakesrc num-buffers=0", PATIENCE).unwrap_err();
        assert!(!error.is_empty());
        // A green picture of the right size, as from a decoder without its firmware.
        let other = "fakesink videotestsrc num-buffers=9 pattern=green ! video/x-raw,width=320,height=240";
        let error = prove(Codec::Jpeg, other, PATIENCE).unwrap_err();
        assert!(error.contains("another picture"), "{error}");
    }
}
