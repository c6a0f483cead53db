//! Hardware decoders that fail give way to software; these stand in for a board's.

use crate::alone::alone;
use crate::recorder::{Recorder, file, launch, options, run, start};
use gstreamer::{self as gst, prelude::*};
use posed::backoff::Backoff;
use posed::capture::{Event, Options};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How a stand-in fails at its first buffer.
#[derive(Clone, Copy, Default)]
enum Fault {
    #[default]
    Error,
    NotNegotiated,
    Silence,
    Crash,
}

mod fake {
    use super::Fault;
    use gst::glib;
    use gst::subclass::prelude::*;
    use gstreamer::{self as gst, prelude::*};
    use std::sync::{LazyLock, OnceLock};

    pub static FAULT: OnceLock<Fault> = OnceLock::new();

    /// An H.264 decoder of the highest rank that never decodes anything.
    pub struct Decoder {
        sink: gst::Pad,
        src: gst::Pad,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Decoder {
        const NAME: &'static str = "PosedFakeDecoder";
        type Type = super::FakeDecoder;
        type ParentType = gst::Element;

        fn with_class(class: &Self::Class) -> Self {
            let sink = gst::Pad::builder_from_template(&class.pad_template("sink").unwrap())
                .chain_function(|_, parent, _| {
                    let element = parent.unwrap().downcast_ref::<gst::Element>().unwrap();
                    match FAULT.get().copied().unwrap_or_default() {
                        Fault::Error => {
                            gst::element_error!(element, gst::StreamError::Decode, ("device said -12"));
                            Err(gst::FlowError::Error)
                        }
                        Fault::NotNegotiated => Err(gst::FlowError::NotNegotiated),
                        Fault::Silence => Ok(gst::FlowSuccess::Ok),
                        Fault::Crash => std::process::abort(),
                    }
                })
                // Its source pad never gets as far as caps.
                .event_function(|pad, parent, event| {
                    event.type_() == gst::EventType::Caps || gst::Pad::event_default(pad, parent, event)
                })
                .build();
            let src = gst::Pad::builder_from_template(&class.pad_template("src").unwrap()).build();
            Decoder { sink, src }
        }
    }

    impl ObjectImpl for Decoder {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().add_pad(&self.sink).unwrap();
            self.obj().add_pad(&self.src).unwrap();
        }
    }

    impl GstObjectImpl for Decoder {}

    impl ElementImpl for Decoder {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new("Fake", "Codec/Decoder/Video/Hardware", "Fails", "posed")
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                let template = |name, direction, caps: &str| {
                    let caps = gst::Caps::new_empty_simple(caps);
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).unwrap()
                };
                vec![
                    template("sink", gst::PadDirection::Sink, "video/x-h264"),
                    template("src", gst::PadDirection::Src, "video/x-raw"),
                ]
            });
            &TEMPLATES
        }
    }
}

gst::glib::wrapper! {
    pub struct FakeDecoder(ObjectSubclass<fake::Decoder>) @extends gst::Element, gst::Object;
}

fn register(fault: Fault) {
    posed::capture::init().unwrap();
    fake::FAULT.set(fault).ok().unwrap();
    gst::Element::register(None, "fakehwh264dec", gst::Rank::PRIMARY + 200, FakeDecoder::static_type())
        .unwrap();
}

/// A clip of 20 frames of H.264.
fn clip() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clip.mp4");
    launch(&format!(
        "videotestsrc num-buffers=20 ! video/x-raw,format=I420,width=160,height=90 ! \
         x264enc tune=zerolatency ! mp4mux ! filesink location={}",
        path.display()
    ));
    (dir, path)
}

fn falls_back_from(fault: Fault) {
    register(fault);
    let (_dir, path) = clip();
    let recorder = Recorder::keeps();
    // An hour's pause would be noticed: the next decoder is tried without one.
    let backoff = Backoff::new(Duration::from_secs(3600), Duration::from_secs(3600)).unwrap();
    let options = Options { backoff, ..file(&path, false, false) };
    let capture = start(options, &recorder);
    drop(recorder.wait("end", |seen| seen.count(|e| *e == Event::Ended) > 0));
    capture.stop();
    let seen = recorder.seen();
    assert_eq!(seen.frames.len(), 20);
    let [
        Event::Connecting { attempt: 1 },
        Event::Failed { reason, retry_in: Duration::ZERO },
        Event::Connecting { attempt: 2 },
        Event::Online { decoder, hardware: false, .. },
        Event::Ended,
        Event::Stopped,
    ] = &seen.events[..]
    else {
        panic!("{:#?}", seen.events)
    };
    assert_ne!(decoder, "fakehwh264dec");
    println!("{reason} -> {decoder}");
}

#[test]
fn a_decoder_that_errs_gives_way() {
    if alone("decoders::a_decoder_that_errs_gives_way") {
        falls_back_from(Fault::Error);
    }
}

#[test]
fn a_decoder_that_negotiates_nothing_gives_way() {
    if alone("decoders::a_decoder_that_negotiates_nothing_gives_way") {
        falls_back_from(Fault::NotNegotiated);
    }
}

#[test]
fn a_decoder_that_swallows_a_file_gives_way() {
    if alone("decoders::a_decoder_that_swallows_a_file_gives_way") {
        falls_back_from(Fault::Silence);
    }
}

#[test]
fn a_decoder_that_swallows_a_stream_gives_way() {
    if !alone("decoders::a_decoder_that_swallows_a_stream_gives_way") {
        return;
    }
    register(Fault::Silence);
    let source = "pipeline:videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=90 ! \
                  x264enc tune=zerolatency ! h264parse ! decodebin";
    let recorder = Recorder::counts();
    // Long enough for software to give a frame on a busy machine.
    let capture = start(Options { connect_timeout: Duration::from_secs(3), ..options(source) }, &recorder);
    drop(recorder.wait("frames", |seen| seen.frame_count >= 5));
    capture.stop();
    let seen = recorder.seen();
    assert!(seen.reasons().contains("no frame within 3s"), "{:?}", seen.events);
    assert_eq!(seen.online(), 1);
}

/// Runs itself twice: the first process dies of the decoder, the second does without it.
#[test]
fn a_decoder_that_takes_the_process_along_is_left_out_by_the_next() {
    const CLIP: &str = "POSED_TEST_CLIP";
    const NAME: &str = "decoders::a_decoder_that_takes_the_process_along_is_left_out_by_the_next";
    if let Some(path) = std::env::var_os(CLIP).map(PathBuf::from) {
        register(Fault::Crash);
        let crash_markers = path.parent().map(PathBuf::from);
        assert_eq!(run(Options { crash_markers, ..file(&path, false, false) }).frames.len(), 20);
        return;
    }
    let (dir, path) = clip();
    let process = || {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args([NAME, "--exact", "--test-threads=1"]).env(CLIP, &path).output().unwrap().status
    };
    let note = dir.path().join("decoder-on-trial-test");
    assert_eq!(process().signal(), Some(6));
    assert_eq!(std::fs::read_to_string(&note).unwrap(), "fakehwh264dec");
    assert!(process().success());
    assert!(!note.exists());
}

#[test]
fn a_decoder_that_the_user_insists_on_is_retried_at_leisure() {
    if !alone("decoders::a_decoder_that_the_user_insists_on_is_retried_at_leisure") {
        return;
    }
    register(Fault::Error);
    let source = "pipeline:videotestsrc is-live=true ! x264enc tune=zerolatency ! fakehwh264dec";
    let hour = Backoff::new(Duration::from_secs(3600), Duration::from_secs(3600)).unwrap();
    let recorder = Recorder::counts();
    let capture = start(Options { backoff: hour, ..options(source) }, &recorder);
    let pauses = |e: &Event| matches!(e, Event::Failed { retry_in, .. } if !retry_in.is_zero());
    drop(recorder.wait("pause", |seen| seen.count(pauses) > 0));
    capture.stop();
    assert!(recorder.seen().events.len() <= 5, "{:?}", recorder.seen().events);
}

/// As a USB camera gives them: the decoder is found, and named.
#[test]
fn compressed_cameras_are_decoded() {
    for (encode, decoder) in [("jpegenc", "jpegdec"), ("x264enc tune=zerolatency", "264")] {
        let source = format!(
            "pipeline:videotestsrc num-buffers=5 ! video/x-raw,format=I420,width=160,height=90 ! {encode} ! decodebin"
        );
        let seen = run(options(&source));
        assert_eq!(seen.frames.len(), 5, "{:?}", seen.events);
        let named =
            |e: &Event| matches!(e, Event::Online { decoder: d, hardware: false, .. } if d.contains(decoder));
        assert_eq!(seen.count(named), 1, "{:?}", seen.events);
    }
}
