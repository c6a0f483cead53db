//! Frames that a decoder or a driver flags as damaged; an element stands in for it.

use crate::alone::alone;
use crate::recorder::{Recorder, options, start};
use gstreamer::{self as gst, prelude::*};
use posed::capture::{Event, FrameDrop};

/// Frames that the element damages: the first ones, and some later.
fn is_damaged(number: u64) -> bool {
    number < 4 || (10..15).contains(&number)
}

mod element {
    use gst::glib;
    use gst::subclass::prelude::*;
    use gstreamer::{self as gst, prelude::*};
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Passes buffers on, and flags some.
    pub struct Damage {
        sink: gst::Pad,
        src: gst::Pad,
        count: AtomicU64,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Damage {
        const NAME: &'static str = "PosedDamage";
        type Type = super::DamageElement;
        type ParentType = gst::Element;

        fn with_class(class: &Self::Class) -> Self {
            let flags = gst::PadFlags::PROXY_CAPS | gst::PadFlags::PROXY_ALLOCATION;
            let sink = gst::Pad::builder_from_template(&class.pad_template("sink").unwrap())
                .flags(flags)
                .chain_function(|_, parent, mut buffer| {
                    let element = parent.unwrap().downcast_ref::<super::DamageElement>().unwrap();
                    let this = element.imp();
                    if super::is_damaged(this.count.fetch_add(1, Ordering::Relaxed)) {
                        buffer.make_mut().set_flags(gst::BufferFlags::CORRUPTED);
                    }
                    this.src.push(buffer)
                })
                .build();
            let template = class.pad_template("src").unwrap();
            let src = gst::Pad::builder_from_template(&template).flags(flags).build();
            Damage { sink, src, count: AtomicU64::new(0) }
        }
    }

    impl ObjectImpl for Damage {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().add_pad(&self.sink).unwrap();
            self.obj().add_pad(&self.src).unwrap();
        }
    }

    impl GstObjectImpl for Damage {}

    impl ElementImpl for Damage {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> =
                LazyLock::new(|| gst::subclass::ElementMetadata::new("Damage", "Filter", "Flags", "posed"));
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                let template = |name, direction| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &gst::Caps::new_any())
                        .unwrap()
                };
                vec![template("sink", gst::PadDirection::Sink), template("src", gst::PadDirection::Src)]
            });
            &TEMPLATES
        }
    }
}

gst::glib::wrapper! {
    pub struct DamageElement(ObjectSubclass<element::Damage>) @extends gst::Element, gst::Object;
}

#[test]
fn damaged_frames_are_dropped_counted_and_no_reason_to_be_online() {
    if !alone("damage::damaged_frames_are_dropped_counted_and_no_reason_to_be_online") {
        return;
    }
    posed::capture::init().unwrap();
    gst::Element::register(None, "poseddamage", gst::Rank::NONE, DamageElement::static_type()).unwrap();
    let recorder = Recorder::keeps();
    let capture = start(options("pipeline:videotestsrc is-live=true ! poseddamage"), &recorder);
    drop(recorder.wait("frames", |seen| seen.frame_count >= 12));
    capture.stop();
    let seen = recorder.seen();
    assert_eq!(seen.dropped, [FrameDrop::Corrupted; 9]);
    assert!(seen.frames.iter().all(|frame| !is_damaged(frame.seq)));
    let [Event::Connecting { .. }, Event::AwaitingKeyFrame, Event::Online { .. }, Event::Stopped] =
        &seen.events[..]
    else {
        panic!("{:?}", seen.events)
    };
}
