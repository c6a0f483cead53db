//! What is on the screen, and what keys do to it.

/// A key that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// `q`, or Ctrl-C.
    Quit,
    /// Escape: one step back.
    Back,
    /// Tab, or an arrow to the right.
    Next,
    /// Shift and tab, or an arrow to the left.
    Previous,
    /// An arrow down.
    Down,
    /// An arrow up.
    Up,
    /// Enter: one camera large, or all.
    Enter,
    /// `?`.
    Help,
}

/// What is on the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The chosen camera; `None`: the first.
    chosen: Option<String>,
    /// One camera is shown large.
    pub large: bool,
    /// The help is shown.
    pub help: bool,
    /// Tiles in a row when it was last drawn.
    pub columns: usize,
}

impl Choice {
    /// Position of the chosen camera among `names`.
    pub fn position(&self, names: &[&str]) -> usize {
        names.iter().position(|name| Some(*name) == self.chosen.as_deref()).unwrap_or(0)
    }

    /// Does what `key` asks for, with the cameras `names` on the screen. Returns `false` to quit.
    pub fn press(&mut self, key: Key, names: &[&str]) -> bool {
        // In a row of its own, a large camera has its neighbours above and below.
        let (row, around) = if self.large { (1, true) } else { (self.columns.max(1) as isize, false) };
        match key {
            Key::Quit => return false,
            Key::Back if self.help => self.help = false,
            Key::Back => self.large = false,
            Key::Help => self.help = !self.help,
            Key::Enter if self.help => self.help = false,
            Key::Enter => self.large = !self.large && !names.is_empty(),
            Key::Next => self.step(names, 1, true),
            Key::Previous => self.step(names, -1, true),
            Key::Down => self.step(names, row, around),
            Key::Up => self.step(names, -row, around),
        }
        true
    }

    /// Chooses the camera `by` places on. Without `around`, a step over the end does nothing.
    fn step(&mut self, names: &[&str], by: isize, around: bool) {
        let to = self.position(names) as isize + by;
        let to = if around { to.checked_rem_euclid(names.len() as isize).unwrap_or(0) } else { to };
        if let Some(name) = usize::try_from(to).ok().and_then(|to| names.get(to)) {
            self.chosen = Some((*name).to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

    fn after(choice: &mut Choice, keys: &[Key]) -> usize {
        keys.iter().for_each(|key| assert!(choice.press(*key, &NAMES)));
        choice.position(&NAMES)
    }

    #[test]
    fn arrows_choose_a_camera_and_stop_at_the_ends_of_columns() {
        let mut choice = Choice { columns: 2, ..Choice::default() };
        assert_eq!(after(&mut choice, &[Key::Down]), 2);
        assert_eq!(after(&mut choice, &[Key::Next]), 3);
        assert_eq!(after(&mut choice, &[Key::Down]), 3, "there is none below");
        assert_eq!(after(&mut choice, &[Key::Up, Key::Up]), 1);
        assert_eq!(after(&mut choice, &[Key::Previous, Key::Previous]), 4, "tab goes around");
        // A camera that is removed leaves the first chosen.
        assert_eq!(choice.position(&["x", "y"]), 0);
        assert_eq!(choice.position(&[]), 0);
    }

    #[test]
    fn keys_open_and_close_what_is_shown() {
        let mut choice = Choice::default();
        after(&mut choice, &[Key::Enter, Key::Help]);
        assert!(choice.large && choice.help);
        after(&mut choice, &[Key::Back]);
        assert!(choice.large && !choice.help);
        after(&mut choice, &[Key::Down]);
        assert_eq!(choice.position(&NAMES), 1, "a large camera has neighbours");
        after(&mut choice, &[Key::Back]);
        assert!(!choice.large);
        assert!(!choice.press(Key::Quit, &NAMES));
        assert!(choice.press(Key::Enter, &[]) && !choice.large, "there is nothing to show large");
        assert!(choice.press(Key::Next, &[]));
    }
}
