//! Which decoders are installed, and whether each gives correct frames: for `posed doctor`.
//!
//! An installed plugin may lack its driver, or the driver may be busy or broken. So each decoder
//! gets a few frames of colour bars (`samples/`), and the test looks for the bars in its output.

use super::Decoder;
use crate::capture::error::Error;
use crate::capture::log::init;
use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use std::ops::Range;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// A codec that cameras send.
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
    /// Every codec.
    pub const ALL: [Codec; 3] = [Codec::H264, Codec::H265, Codec::Jpeg];

    /// The usual way to write it.
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

    /// The coded colour bars, one slice a buffer.
    fn sample(self) -> Vec<&'static [u8]> {
        match self {
            Codec::H264 => vec![include_bytes!("samples/bars.h264")],
            Codec::H265 => vec![include_bytes!("samples/bars.h265")],
            // A decoder may hold back the first frames.
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

/// One installed decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledDecoder {
    /// Factory name of the element.
    pub decoder: String,
    /// Whether it decodes in hardware.
    pub hardware: bool,
    /// GStreamer's rank. `decodebin` never picks a decoder of rank 0.
    pub rank: i32,
}

/// Width and height of the samples in px.
const SIZE: (usize, usize) = (320, 240);
/// Columns inside the first bar (white) and the last bar (blue), and rows inside both.
const WHITE: Range<usize> = 8..36;
const BLUE: Range<usize> = 284..312;
const ROWS: Range<usize> = 20..140;

/// Installed decoders of `codec`, in the order in which `decodebin` tries them.
///
/// # Errors
/// If GStreamer does not start.
pub fn decoders(codec: Codec) -> Result<Vec<InstalledDecoder>, Error> {
    init()?;
    let caps = codec.caps();
    let mut found: Vec<InstalledDecoder> =
        gst::ElementFactory::factories_with_type(gst::ElementFactoryType::DECODER, gst::Rank::NONE)
            .iter()
            .filter(|factory| factory.can_sink_any_caps(&caps))
            .filter_map(|factory| {
                let Decoder { factory: decoder, hardware } = Decoder::made_by(factory)?;
                Some(InstalledDecoder { decoder, hardware, rank: i32::from(factory.rank()) })
            })
            .collect();
    found.sort_by(|a, b| b.rank.cmp(&a.rank).then_with(|| a.decoder.cmp(&b.decoder)));
    Ok(found)
}

/// Decodes the sample of `codec` with `decoder` and checks for the colour bars.
///
/// # Errors
/// The element's own message, or that no frame or a wrong frame came `within` the time. A driver
/// that never returns keeps its thread until the process ends.
pub fn probe_decoder(codec: Codec, decoder: &str, within: Duration) -> Result<(), String> {
    init().map_err(|e| e.to_string())?;
    let (send, result) = sync_channel(1);
    let name = decoder.to_owned();
    std::thread::Builder::new()
        .name(format!("probe-{decoder}"))
        .spawn(move || {
            // Fails only if the result comes too late.
            let _ = send.send(decode(codec, &name, within));
        })
        .map_err(|e| format!("cannot start a thread: {e}"))?;
    let teardown = Duration::from_secs(2);
    result.recv_timeout(within + teardown).unwrap_or_else(|_| Err("the driver does not return".into()))
}

fn decode(codec: Codec, decoder: &str, within: Duration) -> Result<(), String> {
    // Only NVIDIA's converter can read the memory of NVIDIA's decoders.
    let convert = if decoder.starts_with("nvv4l2") { "nvvidconv ! " } else { "" };
    let text = format!(
        "appsrc name=in ! {}{decoder} ! {convert}videoconvert ! appsink name=out sync=false \
         caps=video/x-raw,format=GRAY8",
        codec.parser()
    );
    let pipeline = gst::parse::launch(&text).map_err(|e| e.message().to_owned())?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| "not a pipeline")?;
    let outcome = first_frame(&pipeline, codec, within);
    // The outcome is known: an error while stopping says nothing new.
    let _ = pipeline.set_state(gst::State::Null);
    outcome
}

fn first_frame(pipeline: &gst::Pipeline, codec: Codec, within: Duration) -> Result<(), String> {
    let input =
        pipeline.by_name("in").and_then(|e| e.downcast::<gst_app::AppSrc>().ok()).ok_or("no appsrc")?;
    let output =
        pipeline.by_name("out").and_then(|e| e.downcast::<gst_app::AppSink>().ok()).ok_or("no appsink")?;
    let bus = pipeline.bus().ok_or("no bus")?;
    input.set_caps(Some(&codec.caps()));
    let error = || bus.pop_filtered(&[gst::MessageType::Error]).map(|message| words(&message));
    let started = pipeline.set_state(gst::State::Playing);
    if started.is_err() {
        return Err(error().unwrap_or_else(|| "the pipeline does not start".into()));
    }
    for bytes in codec.sample() {
        // Only a failed element refuses it, and its message says why.
        let _ = input.push_buffer(gst::Buffer::from_slice(bytes));
    }
    let _ = input.end_of_stream();
    // In short steps: an error does not end the wait for a sample.
    let step = gst::ClockTime::from_mseconds(50);
    for _ in 0..within.as_millis() / 50 {
        if let Some(sample) = output.try_pull_sample(step) {
            return is_bars(&sample);
        }
        if let Some(words) = error() {
            return Err(words);
        }
        if output.is_eos() {
            return Err("the stream ended without a frame".into());
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

/// White at the left and blue at the right, not the plain green or grey of a broken decoder.
fn is_bars(sample: &gst::Sample) -> Result<(), String> {
    let (width, height) = sample.caps().and_then(size).ok_or("a frame without caps")?;
    if (width, height) != SIZE {
        return Err(format!("the frame is {width}x{height} px, not {}x{}", SIZE.0, SIZE.1));
    }
    let map = sample.buffer().ok_or("a frame without a buffer")?.map_readable().map_err(|e| e.to_string())?;
    let (white, blue) = (mean(&map, WHITE), mean(&map, BLUE));
    match (white, blue) {
        (Some(white), Some(blue)) if white > 140.0 && blue < 80.0 => Ok(()),
        (Some(white), Some(blue)) => Err(format!(
            "its frame is not the colour bars (luma {white:.0} and {blue:.0}, not about 190 and 25)"
        )),
        _ => Err("the frame is shorter than its caps say".into()),
    }
}

fn size(caps: &gst::CapsRef) -> Option<(usize, usize)> {
    let s = caps.structure(0)?;
    let side = |name| usize::try_from(s.get::<i32>(name).ok()?).ok();
    Some((side("width")?, side("height")?))
}

/// Mean luma of `columns` in [`ROWS`]. Rows of 320 px have no padding.
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
            assert_eq!(probe_decoder(codec, decoder, PATIENCE), Ok(()), "{decoder}");
        }
    }

    #[test]
    fn a_decoder_without_a_frame_or_with_a_wrong_frame_is_reported() {
        let error = probe_decoder(Codec::H264, "nosuchdec", PATIENCE).unwrap_err();
        assert!(error.contains("nosuchdec"), "{error}");
        // Takes all input and gives no output.
        let error = probe_decoder(Codec::Jpeg, "fakesink fakesrc num-buffers=0", PATIENCE).unwrap_err();
        assert!(!error.is_empty());
        // A green frame of the right size, as from a decoder without its firmware.
        let other = "fakesink videotestsrc num-buffers=9 pattern=green ! video/x-raw,width=320,height=240";
        let error = probe_decoder(Codec::Jpeg, other, PATIENCE).unwrap_err();
        assert!(error.contains("not the colour bars"), "{error}");
    }
}
