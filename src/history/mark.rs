//! Events as rows keep them: one bit each.

/// An event of a second. The numbers are on disk: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Mark {
    /// A fall is suspected.
    Fall = 0,
    /// A fall is confirmed.
    FallConfirmed = 1,
    /// Somebody has been lying for long.
    LyingLong = 2,
    /// Somebody has not moved for long.
    NoMovement = 3,
    /// Somebody raised a hand.
    HandRaised = 4,
    /// Somebody called for help with both hands.
    Help = 5,
    /// Somebody changed their posture.
    Posture = 6,
    /// Somebody entered a zone, or dwells in one.
    Zone = 7,
    /// A zone is occupied from now on.
    Occupancy = 8,
    /// Somebody crossed a line.
    Line = 9,
    /// Somebody came into the empty view.
    Presence = 10,
}

impl Mark {
    /// All marks, in the order of their bits.
    pub const ALL: [Mark; 11] = [
        Mark::Fall,
        Mark::FallConfirmed,
        Mark::LyingLong,
        Mark::NoMovement,
        Mark::HandRaised,
        Mark::Help,
        Mark::Posture,
        Mark::Zone,
        Mark::Occupancy,
        Mark::Line,
        Mark::Presence,
    ];

    fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// The events of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(pub u16);

impl Marks {
    /// Adds `mark`.
    pub fn add(&mut self, mark: Mark) {
        self.0 |= mark.bit();
    }

    /// Adds all of `others`.
    pub fn join(&mut self, others: Marks) {
        self.0 |= others.0;
    }

    /// Whether `mark` is there.
    pub fn has(self, mark: Mark) -> bool {
        self.0 & mark.bit() != 0
    }
}

impl FromIterator<Mark> for Marks {
    fn from_iter<I: IntoIterator<Item = Mark>>(marks: I) -> Marks {
        let mut all = Marks::default();
        marks.into_iter().for_each(|mark| all.add(mark));
        all
    }
}
