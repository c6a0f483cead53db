//! Colours and characters that the terminal can show.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::{Marker, border};

/// Colours of people, by their id.
const PEOPLE: [Color; 6] =
    [Color::Cyan, Color::Yellow, Color::Green, Color::Magenta, Color::LightBlue, Color::LightRed];

const PLAIN: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// Characters that the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Braille patterns: eight dots in a character.
    Braille,
    /// Half blocks: the console of Linux has no braille.
    Blocks,
    /// ASCII.
    Plain,
}

/// Colours and characters that the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// It has colours, and they are wanted.
    pub colour: bool,
    /// Its characters.
    pub glyphs: Glyphs,
}

impl Look {
    /// What the variables of the environment say, by `get`: `NO_COLOR`, `TERM`, and the locale.
    pub fn of(get: impl Fn(&str) -> Option<String>) -> Look {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let term = get("TERM").unwrap_or_default();
        let is_mono = term.starts_with("vt1") || term.starts_with("vt2") || term.ends_with("-m");
        let is_mono = is_mono || term.ends_with("-mono");
        let locale = get("LC_ALL").or_else(|| get("LC_CTYPE")).or_else(|| get("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let glyphs = match () {
            () if !locale.contains("utf-8") && !locale.contains("utf8") => Glyphs::Plain,
            () if term == "linux" => Glyphs::Blocks,
            () => Glyphs::Braille,
        };
        Look { colour: get("NO_COLOR").is_none() && !is_mono, glyphs }
    }

    /// What the canvas draws with.
    pub(super) fn marker(self) -> Marker {
        match self.glyphs {
            Glyphs::Braille => Marker::Braille,
            Glyphs::Blocks => Marker::HalfBlock,
            Glyphs::Plain => Marker::Custom('*'),
        }
    }

    /// The border of a tile.
    pub(super) fn border(self, chosen: bool) -> border::Set<'static> {
        match self.glyphs {
            Glyphs::Plain => PLAIN,
            _ if chosen => border::THICK,
            Glyphs::Blocks => border::PLAIN,
            Glyphs::Braille => border::ROUNDED,
        }
    }

    /// Stands between parts of a line.
    pub(super) fn dot(self) -> &'static str {
        if self.glyphs == Glyphs::Plain { " | " } else { " · " }
    }

    fn colour(self, colour: Color) -> Color {
        if self.colour { colour } else { Color::Reset }
    }

    fn style(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// The colour of the person with this id.
    pub(super) fn person(self, id: u64) -> Color {
        self.colour(PEOPLE[(id % PEOPLE.len() as u64) as usize])
    }

    /// The colour of the picture's edge, and of empty zones and lines.
    pub(super) fn faint(self) -> Color {
        self.colour(Color::DarkGray)
    }

    /// The colour of zones with people in them.
    pub(super) fn busy(self) -> Color {
        self.colour(Color::Blue)
    }

    /// What matters less.
    pub(super) fn dim(self) -> Style {
        if self.colour { Style::new().fg(Color::DarkGray) } else { Style::new().add_modifier(Modifier::DIM) }
    }

    /// All is well.
    pub(super) fn good(self) -> Style {
        self.style(Color::Green)
    }

    /// Something is not as it should be.
    pub(super) fn bad(self) -> Style {
        self.style(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Something is not yet as it should be.
    pub(super) fn waiting(self) -> Style {
        self.style(Color::Yellow)
    }

    /// Somebody may need help.
    pub(super) fn alarm(self) -> Style {
        self.style(Color::Red).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    /// Names.
    pub(super) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What the keys apply to.
    pub(super) fn chosen(self) -> Style {
        self.style(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// By the word for a camera's status.
    pub(super) fn status(self, status: &str) -> Style {
        match status {
            "online" => self.good(),
            "stalled" | "failed" => self.bad(),
            "connecting" | "no state yet" => self.waiting(),
            _ => self.dim(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(variables: &[(&str, &str)]) -> Look {
        Look::of(|name| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).into()))
    }

    #[test]
    fn the_environment_says_what_the_terminal_can_show() {
        let utf8 = ("LANG", "de_DE.UTF-8");
        let full = Look { colour: true, glyphs: Glyphs::Braille };
        assert_eq!(look(&[utf8, ("TERM", "xterm-256color")]), full);
        assert_eq!(look(&[utf8, ("NO_COLOR", "")]), full, "an empty NO_COLOR says nothing");
        assert!(!look(&[utf8, ("NO_COLOR", "1")]).colour);
        for mono in ["vt100", "vt220", "xterm-mono", "linux-m"] {
            assert!(!look(&[utf8, ("TERM", mono)]).colour, "{mono}");
        }
        assert_eq!(look(&[utf8, ("TERM", "linux")]).glyphs, Glyphs::Blocks);
        assert_eq!(look(&[utf8, ("LC_ALL", "C")]).glyphs, Glyphs::Plain, "LC_ALL goes before LANG");
        assert_eq!(look(&[("LC_CTYPE", "C.UTF-8")]).glyphs, Glyphs::Braille);
        assert_eq!(look(&[]).glyphs, Glyphs::Plain);
    }
}
