//! The live view of `posed watch`: what the broker says, in a terminal or as lines.
//!
//! `heard` checks and bounds each message, `watched` keeps the newest of everything, `draw` and
//! `lines` show it. Only `screen` knows the terminal.

mod camera;
mod choice;
pub mod draw;
mod heard;
mod lines;
mod screen;
mod watched;
mod wire;
mod words;

pub use choice::{Choice, Key};
pub use draw::{Glyphs, Look};
pub use heard::is_name;
pub use lines::Lines;
pub use watched::{Outline, Watched};

use crate::clock::{Clock, Mono, SharedClock};
use crate::publish::Subscriber;
use crate::telemetry::progress::Progress;
use screen::{Screen, UserInput};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use words::LocalTime;

/// Longest wait for a message: keys and signals are looked at as often.
const TICK: Duration = Duration::from_millis(25);
/// Shortest and longest time between two pictures.
const PICTURES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// Most messages that are taken between two looks at the keys.
const AT_ONCE: usize = 2000;
/// The live view has no watchdog; this is only what its stage is told.
const TURN_LIMIT: Duration = Duration::from_secs(60);

/// What ends the live view, besides a key.
pub struct Until<'a> {
    /// Set by a signal.
    pub stop: &'a AtomicBool,
    /// A time.
    pub time: Option<Mono>,
}

impl Until<'_> {
    fn is_over(&self, now: Mono) -> bool {
        self.stop.load(Ordering::Relaxed) || self.time.is_some_and(|time| now >= time)
    }
}

/// Shows what `subscriber` hears on the terminal, until a key or `until` ends it.
///
/// # Errors
/// If the terminal cannot be used, or has gone.
pub fn show(
    subscriber: &Subscriber,
    mut watched: Watched,
    look: Look,
    until: &Until<'_>,
    clock: &SharedClock,
) -> io::Result<()> {
    let mut screen = Screen::open()?;
    // A stage of its own, so that a test can make it panic.
    let beat = Progress::default().stage("watch", TURN_LIMIT, clock.clone());
    let mut choice = Choice::default();
    let mut drawn: Option<Mono> = None;
    let mut is_new = true;
    while !until.is_over(clock.now()) {
        beat.busy();
        is_new |= listen(subscriber, &mut watched, clock.as_ref(), |_, _| {}) > 0;
        while let Some(input) = screen.input()? {
            is_new = true;
            let names: Vec<&str> = watched.cameras().map(|(name, _)| name).collect();
            if matches!(input, UserInput::Key(key) if !choice.press(key, &names)) {
                return Ok(());
            }
        }
        let since = drawn.map_or(PICTURES.1, |at| clock.now().since(at));
        if since >= PICTURES.1 || is_new && since >= PICTURES.0 {
            screen.terminal.draw(|frame| draw::draw(frame, &watched, &mut choice, look, clock.as_ref()))?;
            (drawn, is_new) = (Some(clock.now()), false);
        }
    }
    Ok(())
}

/// Writes what `subscriber` hears to `out` as lines, until `until`. Every `every`, a line says what
/// each camera does.
///
/// # Errors
/// If the lines cannot be written.
pub fn print(
    subscriber: &Subscriber,
    mut watched: Watched,
    every: Duration,
    until: &Until<'_>,
    clock: &SharedClock,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut lines = Lines::new(every, clock.now());
    while !until.is_over(clock.now()) {
        let wall = clock.wall();
        let time = LocalTime::of(wall, clock.utc_offset_s(wall));
        let mut said = Vec::new();
        listen(subscriber, &mut watched, clock.as_ref(), |camera, event| {
            said.push(lines::event(camera, event, time));
        });
        said.extend(lines.changes(&watched, clock.now(), time));
        for line in said {
            // One write a line, so that a signal cuts none.
            out.write_all(format!("{line}\n").as_bytes())?;
        }
        out.flush()?;
    }
    Ok(())
}

/// Waits a moment for a message, and takes all that have arrived. Returns their number.
fn listen(
    subscriber: &Subscriber,
    watched: &mut Watched,
    clock: &dyn Clock,
    mut on_event: impl FnMut(&str, &heard::Happening),
) -> usize {
    let mut taken = 0;
    let mut patience = TICK;
    while let Some(message) = subscriber.message(patience) {
        if let Some((camera, event)) = watched.hear(&message, clock.now()) {
            on_event(camera, event);
        }
        (taken, patience) = (taken + 1, Duration::ZERO);
        if taken >= AT_ONCE {
            break;
        }
    }
    let link = subscriber.link();
    let lost = subscriber.lost();
    let changed = link != watched.link || lost != watched.lost;
    (watched.link, watched.lost) = (link, lost);
    taken + usize::from(changed)
}
