//! The screen, at many sizes and on terminals that can show little.

use super::scene::{house, message, silence};
use crate::common::assert_golden;
use posed::clock::{Clock as _, FakeClock};
use posed::publish::Link;
use posed::tools::watch::{Choice, Glyphs, Key, Look, Watched, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

pub const FULL: Look = Look { colour: true, glyphs: Glyphs::Braille };

/// Draws `watched` onto a screen of `size`.
pub fn screen(
    watched: &Watched,
    choice: &mut Choice,
    look: Look,
    clock: &FakeClock,
    size: (u16, u16),
) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|frame| draw::draw(frame, watched, choice, look, clock)).unwrap();
    terminal.backend().buffer().clone()
}

/// The characters of the screen, a line a row.
pub fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let row = |cells: &[ratatui::buffer::Cell]| {
        let row: String = cells.iter().map(|cell| cell.symbol()).collect();
        row.trim_end().to_owned() + "\n"
    };
    buffer.content.chunks(width).map(row).collect()
}

fn shown(keys: &[Key], look: Look, size: (u16, u16)) -> Buffer {
    let (watched, clock) = house();
    let mut choice = Choice::default();
    let names: Vec<&str> = watched.cameras().map(|(name, _)| name).collect();
    keys.iter().for_each(|key| assert!(choice.press(*key, &names)));
    screen(&watched, &mut choice, look, &clock, size)
}

#[test]
fn the_screen_is_as_it_was_approved() {
    let plain = Look { colour: false, glyphs: Glyphs::Plain };
    let blocks = Look { colour: true, glyphs: Glyphs::Blocks };
    let large = [Key::Next, Key::Enter];
    let mut all = String::new();
    for (name, keys, look, size) in [
        ("all cameras", &[][..], FULL, (120, 36)),
        ("one camera large", &large, FULL, (140, 40)),
        ("one camera large on a narrow screen", &large, FULL, (72, 34)),
        ("another camera chosen", &[Key::Previous, Key::Enter], FULL, (100, 14)),
        ("the keys", &[Key::Help], FULL, (80, 24)),
        ("a page of a small screen", &[Key::Next], FULL, (40, 14)),
        ("ascii", &large, plain, (100, 30)),
        ("half blocks", &large, blocks, (100, 30)),
    ] {
        all += &format!("--- {name}\n{}\n", text(&shown(keys, look, size)));
    }
    let (mut watched, clock) = silence();
    for link in [Link::Connecting, Link::Away("Connection refused".into()), Link::Connected] {
        watched.link = link;
        all += &format!(
            "--- no camera\n{}\n",
            text(&screen(&watched, &mut Choice::default(), FULL, &clock, (80, 7)))
        );
    }
    assert_golden("tests/watch/golden/screens.txt", &all);
}

#[test]
fn people_have_colours_of_their_own_and_alarms_stand_out() {
    let buffer = shown(&[], FULL, (120, 36));
    let is_braille = |symbol: &str| symbol.chars().all(|c| ('\u{2801}'..='\u{28ff}').contains(&c));
    let limbs = buffer.content.iter().filter(|cell| is_braille(cell.symbol()));
    let colours: std::collections::HashSet<Color> = limbs.map(|cell| cell.fg).collect();
    assert!(colours.contains(&Color::Yellow) && colours.contains(&Color::Magenta), "{colours:?}");
    let alarms = buffer.content.iter().filter(|cell| cell.modifier.contains(Modifier::REVERSED));
    let alarms: String = alarms.map(|cell| cell.symbol()).collect();
    assert!(alarms.contains("FALL") && alarms.contains("fall confirmed: person 1 at rug"), "{alarms}");
}

#[test]
fn without_colours_everything_is_still_told_apart() {
    for glyphs in [Glyphs::Braille, Glyphs::Plain] {
        let buffer = shown(&[], Look { colour: false, glyphs }, (120, 36));
        let is_plain = |cell: &ratatui::buffer::Cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset);
        assert!(buffer.content.iter().all(is_plain));
        let reversed = buffer.content.iter().filter(|cell| cell.modifier.contains(Modifier::REVERSED));
        let reversed: String = reversed.map(|cell| cell.symbol()).collect();
        assert!(reversed.contains("FALL"), "{reversed}");
        assert!(glyphs == Glyphs::Braille || text(&buffer).is_ascii());
    }
}

#[test]
fn every_size_can_be_drawn() {
    let (watched, clock) = house();
    let names: Vec<&str> = watched.cameras().map(|(name, _)| name).collect();
    for keys in [&[][..], &[Key::Next, Key::Enter], &[Key::Help]] {
        let mut choice = Choice::default();
        keys.iter().for_each(|key| assert!(choice.press(*key, &names)));
        for width in (1..40).chain([60, 97, 98, 200, 400]) {
            for height in (1..24).chain([50, 120]) {
                screen(&watched, &mut choice, FULL, &clock, (width, height));
            }
        }
    }
}

#[test]
fn cameras_that_do_not_fit_are_on_further_pages() {
    let (mut watched, clock) = silence();
    watched.link = Link::Connected;
    for index in 0..30 {
        watched
            .hear(&message(&format!("posed/camera-{index:02}/state"), super::scene::online()), clock.now());
    }
    let names: Vec<&str> = watched.cameras().map(|(name, _)| name).collect();
    let mut choice = Choice::default();
    let first = text(&screen(&watched, &mut choice, FULL, &clock, (80, 24)));
    assert!(first.contains("camera-00") && !first.contains("camera-29"), "{first}");
    choice.press(Key::Previous, &names);
    let last = text(&screen(&watched, &mut choice, FULL, &clock, (80, 24)));
    assert!(last.contains("camera-29") && !last.contains("camera-00"), "{last}");
    // A large screen has room for all of them.
    let all = text(&screen(&watched, &mut choice, FULL, &clock, (240, 66)));
    assert!((0..30).all(|index| all.contains(&format!("camera-{index:02}"))), "{all}");
}
