//! Takes a clip through the stages at their own speed. No frame is dropped and time is the clip's,
//! so that a clip gives the same people on any machine.

use super::{Nets, Scene};
use crate::capture::{self, Capture, Event, FrameDrop, Options, Sink};
use crate::clock::{Mono, SharedClock};
use crate::frame::Frame;
use crate::telemetry::progress::Progress;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::SystemTime;

/// Why a clip was not processed to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The clip cannot be opened.
    #[error(transparent)]
    Capture(#[from] capture::Error),
    /// The clip cannot be decoded to its end.
    #[error("the clip: {0}")]
    Clip(String),
    /// A network failed.
    #[error(transparent)]
    Scene(#[from] super::Error),
}

/// Hands each frame over and waits until it is taken, so that the decoder does not run ahead.
struct Handover(SyncSender<Next>);

/// What comes next from a clip.
enum Next {
    Frame(Frame),
    End(Result<(), String>),
}

impl Sink for Handover {
    fn frame(&self, frame: Frame) {
        // Fails only when `follow` has returned early.
        let _ = self.0.send(Next::Frame(frame));
    }

    fn dropped(&self, reason: FrameDrop) {
        if reason == FrameDrop::Unusable {
            let _ = self.0.send(Next::End(Err("its frames cannot be used".into())));
        }
    }

    fn event(&self, event: Event) {
        let end = match event {
            Event::Ended => Ok(()),
            Event::Failed { reason, .. } => Err(reason),
            Event::Stalled { after, .. } => Err(format!("no frame for {after:.1?}")),
            _ => return,
        };
        let _ = self.0.send(Next::End(end));
    }
}

/// Takes each frame of the clip of `options` (a file that neither loops nor is paced) through
/// `scene`, then calls `see`. Times count from the start of the clip: `stamp.mono` from zero,
/// `stamp.wall` from 1970, so that events carry the clip's time too.
///
/// # Errors
/// If the clip cannot be read to its end or a network fails.
pub fn follow(
    options: Options,
    scene: &mut Scene,
    nets: &mut Nets,
    clock: SharedClock,
    mut see: impl FnMut(&Frame, &Scene),
) -> Result<(), Error> {
    let (send, frames) = sync_channel(0);
    let capture = Capture::start(options, clock, Arc::new(Handover(send)), &Progress::default())?;
    let mut work = || loop {
        match frames.recv() {
            Ok(Next::Frame(mut frame)) => {
                let since = frame.stamp.pts.unwrap_or_default();
                frame.stamp.mono = Mono::default() + since;
                frame.stamp.wall = SystemTime::UNIX_EPOCH + since;
                scene.update(&frame, nets)?;
                see(&frame, scene);
            }
            Ok(Next::End(end)) => return end.map_err(Error::Clip),
            Err(_) => return Err(Error::Clip("the capture has gone".into())),
        }
    };
    let worked = work();
    // Before `stop`: the streaming thread may wait for its frame to be taken.
    drop(frames);
    capture.stop();
    worked
}
