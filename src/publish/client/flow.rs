//! [`Flow`]: keeps poses from growing old in queues outside of this program.
//!
//! What the socket has taken can no longer be dropped, and the network and a slow broker queue
//! more. A broker handles packets in order, so its answer to a later packet shows that it has taken
//! the poses before. Only poses that it takes within half a second may be on their way.

use crate::clock::Mono;
use std::collections::VecDeque;
use std::time::Duration;

/// How much longer than the shortest answer a pose may be on its way.
const QUEUE: Duration = Duration::from_millis(500);
/// This much may be on its way in any case: a message of a dozen people.
const SMALLEST_WINDOW: u64 = 2048;
/// The rate is that of the last second, in this many slots.
const SLOTS: usize = 10;
const SLOT_NS: u64 = 1_000_000_000 / SLOTS as u64;

/// A packet that the broker will answer, and the poses before it.
#[derive(Debug)]
struct Mark {
    /// Bytes of poses that were sent before it.
    sent: u64,
    at: Mono,
}

/// The poses of one connection that are on their way to the broker.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Bytes of all poses that were sent.
    sent: u64,
    /// Those that the broker has taken.
    taken: u64,
    marks: VecDeque<Mark>,
    /// Bytes taken in each part of the last second.
    slots: [u64; SLOTS],
    /// Number of the newest slot.
    newest: u64,
    /// Shortest time to an answer.
    shortest: Option<Duration>,
}

impl Flow {
    /// A message of poses is sent.
    pub(super) fn poses(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// A packet is sent that the broker answers.
    pub(super) fn mark(&mut self, now: Mono) {
        self.marks.push_back(Mark { sent: self.sent, at: now });
    }

    /// The broker has answered the oldest of these packets.
    pub(super) fn answered(&mut self, now: Mono) {
        let Some(Mark { sent, at }) = self.marks.pop_front() else { return };
        self.advance(now);
        if let Some(slot) = self.slots.get_mut(self.newest as usize % SLOTS) {
            *slot += sent - self.taken;
        }
        self.taken = sent;
        let took = now.since(at);
        self.shortest = Some(self.shortest.map_or(took, |shortest| shortest.min(took)));
    }

    /// Whether more poses may be sent.
    pub(super) fn is_open(&mut self, now: Mono) -> bool {
        self.sent - self.taken < self.window(now)
    }

    /// Whether only a further packet can show what the broker has taken.
    pub(super) fn needs_mark(&mut self, now: Mono) -> bool {
        let marked = self.marks.back().map_or(self.taken, |mark| mark.sent);
        let (unmarked, window) = (self.sent - marked, self.window(now));
        let is_stuck = self.marks.is_empty() && self.sent - self.taken >= window;
        unmarked > 0 && (unmarked >= window / 2 || is_stuck)
    }

    /// Bytes that may be on their way.
    fn window(&mut self, now: Mono) -> u64 {
        self.advance(now);
        let rate = self.slots.iter().sum::<u64>() as f64;
        let time = QUEUE + self.shortest.unwrap_or_default();
        ((rate * time.as_secs_f64()) as u64).max(SMALLEST_WINDOW)
    }

    /// Empties the slots that have passed.
    fn advance(&mut self, now: Mono) {
        let slot = now.0 / SLOT_NS;
        let passed = slot.saturating_sub(self.newest).min(SLOTS as u64);
        for n in 0..passed {
            self.slots[(slot - n) as usize % SLOTS] = 0;
        }
        self.newest = self.newest.max(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    /// A link of `rate` bytes a second behind which everything is answered `delay` later.
    struct Link {
        flow: Flow,
        now: Mono,
        rate: f64,
        delay: Duration,
        /// When the link is free again.
        free: Mono,
        answers: VecDeque<Mono>,
        sent: u64,
        oldest: Duration,
    }

    impl Link {
        fn new(rate: f64, delay: Duration) -> Link {
            let (flow, now) = (Flow::default(), Mono(5_000_000_000));
            Link {
                flow,
                now,
                rate,
                delay,
                free: now,
                answers: VecDeque::new(),
                sent: 0,
                oldest: Duration::ZERO,
            }
        }

        fn pass(&mut self, bytes: usize) -> Mono {
            self.free = self.free.max(self.now) + Duration::from_secs_f64(bytes as f64 / self.rate);
            self.free + self.delay
        }

        /// Messages of `bytes` come every `interval` for `time`.
        fn run(&mut self, bytes: usize, interval: Duration, time: Duration) {
            let end = self.now + time;
            let mut due = self.now;
            while self.now < end {
                while self.answers.pop_front_if(|at| *at <= self.now).is_some() {
                    self.flow.answered(self.now);
                }
                if self.now >= due {
                    due = due + interval;
                    if self.flow.is_open(self.now) {
                        self.flow.poses(bytes);
                        self.sent += bytes as u64;
                        let arrives = self.pass(bytes);
                        self.oldest = self.oldest.max(arrives.since(self.now));
                    }
                }
                if self.flow.needs_mark(self.now) {
                    self.flow.mark(self.now);
                    let answer = self.pass(20);
                    self.answers.push_back(answer);
                }
                self.now = self.now + MS;
            }
        }
    }

    proptest! {
        #[test]
        fn poses_are_young_and_the_link_is_used(
            rate in 1e3f64..1e6, delay_ms in 1u32..300, bytes in 100usize..1500, interval_ms in 2u32..200,
        ) {
            let mut link = Link::new(rate, delay_ms * MS);
            let produced = bytes as f64 / f64::from(interval_ms) * 1000.0;
            link.run(bytes, interval_ms * MS, 20_000 * MS);
            let (before, seconds) = (link.sent, 20.0);
            link.oldest = Duration::ZERO;
            link.run(bytes, interval_ms * MS, 20_000 * MS);
            let used = (link.sent - before) as f64 / seconds;
            prop_assert!(used >= 0.5 * produced.min(rate), "{used} of {produced} at {rate}");
            let longest = 2.0 * QUEUE.as_secs_f64() + 2.0 * f64::from(delay_ms) / 1000.0
                + (SMALLEST_WINDOW as f64 + 2.0 * bytes as f64) / rate;
            prop_assert!(link.oldest.as_secs_f64() <= longest, "{:?}", link.oldest);
        }
    }

    #[test]
    fn a_link_that_becomes_slow_is_not_filled() {
        let mut link = Link::new(1e6, MS);
        link.run(500, 5 * MS, 5000 * MS);
        assert!(link.oldest < 100 * MS, "{:?}", link.oldest);
        link.rate = 8000.0;
        link.run(500, 5 * MS, 20_000 * MS);
        // What was on its way at the change takes longest.
        assert!(link.oldest < 8000 * MS, "{:?}", link.oldest);
        link.oldest = Duration::ZERO;
        link.run(500, 5 * MS, 5000 * MS);
        assert!(link.oldest < 1000 * MS, "{:?}", link.oldest);
    }

    #[test]
    fn without_an_answer_nothing_more_is_sent() {
        let (mut flow, now) = (Flow::default(), Mono(5_000_000_000));
        flow.poses(3000);
        assert!(!flow.is_open(now) && flow.needs_mark(now));
        flow.mark(now);
        assert!(!flow.needs_mark(now + 60_000 * MS) && !flow.is_open(now + 60_000 * MS));
        flow.answered(now + 61_000 * MS);
        assert!(flow.is_open(now + 61_000 * MS));
    }
}
