//! Takes pipelines to NULL, also while their elements post errors.

use gstreamer::{self as gst, prelude::*};

/// The second try succeeds if the errors come from the stream: the first has stopped the elements
/// that read it.
const TRIES: usize = 10;

/// Takes `pipeline` of `camera` to NULL, after which it may be dropped.
///
/// One try may fail. A `decodebin` that waits for its first frame and has posted an error counts as
/// READY, so GStreamer 1.22 takes it from READY to READY on the way down and returns the bin's last
/// result. An error posted meanwhile, as `rtph264depay` posts for packets of some types, makes that
/// result a failure. The bin around it gives up, and the source plays on.
///
/// `decodebin` aborts the process if it is freed like that: it unlocks a mutex that it has not
/// locked (`gst_decode_bin_dispose` calls `unblock_pads` for pads that nothing has unblocked).
/// So a pipeline that does not go to NULL is never freed.
pub fn to_null(pipeline: &gst::Pipeline, camera: &str) {
    if (0..TRIES).any(|_| pipeline.set_state(gst::State::Null).is_ok()) {
        return;
    }
    tracing::error!(
        camera,
        "the pipeline does not stop; it stays in memory, because freeing it could end the process"
    );
    std::mem::forget(pipeline.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::log::init;
    use std::time::{Duration, Instant};

    /// Posts an error, as `rtph264depay` does for packets of some types.
    fn fail(element: &gst::Element) {
        gst::element_error!(element, gst::StreamError::Format, ("a test"));
    }

    fn decodes(element: &gst::Element) -> bool {
        element.factory().is_some_and(|factory| factory.has_type(gst::ElementFactoryType::DECODER))
    }

    /// A live pipeline with a `decodebin` that waits for its first frame, and the decoder in it.
    fn without_frames() -> (gst::Pipeline, gst::Element) {
        let text = "videotestsrc is-live=true ! jpegenc name=jpeg ! decodebin ! videoconvert ! appsink";
        let pipeline = gst::parse::launch(text).unwrap().downcast::<gst::Pipeline>().unwrap();
        let jpeg = pipeline.by_name("jpeg").and_then(|e| e.static_pad("src")).unwrap();
        jpeg.add_probe(gst::PadProbeType::BUFFER, |_, _| gst::PadProbeReturn::Drop);
        pipeline.set_state(gst::State::Playing).unwrap();
        let began = Instant::now();
        let blocked = |e: &gst::Element| e.static_pad("src").is_some_and(|pad| pad.is_blocked());
        loop {
            let mut inside = pipeline.iterate_recurse().into_iter().flatten();
            if let Some(decoder) = inside.find(|element| decodes(element) && blocked(element)) {
                return (pipeline, decoder);
            }
            assert!(began.elapsed() < Duration::from_secs(30), "decodebin adds no decoder");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn errors_on_the_way_to_null_do_not_end_the_process() {
        init().unwrap();
        let (pipeline, decoder) = without_frames();
        let bus = pipeline.bus().unwrap();
        bus.set_sync_handler(|_, message| {
            let source = message.src().and_then(|source| source.downcast_ref::<gst::Element>());
            let ready = matches!(message.view(), gst::MessageView::StateChanged(change)
                if change.old() == gst::State::Paused && change.current() == gst::State::Ready);
            source.filter(|element| ready && decodes(element)).inspect(|element| fail(element));
            // A message on the bus would keep its element alive.
            gst::BusSyncReply::Drop
        });
        fail(&decoder);
        drop(decoder);
        to_null(&pipeline, "c");
        assert_eq!(pipeline.current_state(), gst::State::Null);
        let freed = pipeline.downgrade();
        drop(pipeline);
        assert!(freed.upgrade().is_none(), "something holds the pipeline, so this test proves nothing");
    }
}
