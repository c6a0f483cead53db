//! Draws what was heard onto a screen of any size.

mod canvas;
mod detail;
mod look;
mod tile;

pub use look::{Glyphs, Look};

use super::camera::WatchedCamera;
use super::choice::Choice;
use super::watched::Watched;
use super::words;
use crate::clock::{Clock, Mono};
use crate::publish::Link;
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

/// Smallest tile, in cells. Tiles that do not fit are on further pages.
const TILE: (u16, u16) = (34, 10);

const KEYS: [(&str, &str); 5] = [
    ("q", "quit"),
    ("arrows, tab", "choose a camera"),
    ("enter", "one camera large, or all of them"),
    ("escape", "back"),
    ("?", "this help"),
];
const LEGEND: &str = " Above a camera: its state, messages a second, their age.\n \
                      Below it: people, people in zones, crossings of lines.";

/// Draws everything. Notes in `choice` how many tiles a row has.
pub fn draw(frame: &mut Frame<'_>, watched: &Watched, choice: &mut Choice, look: Look, clock: &dyn Clock) {
    let [top, middle, bottom] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)])
            .areas(frame.area());
    let cameras: Vec<(&str, &WatchedCamera)> = watched.cameras().collect();
    header(frame, top, watched, cameras.len(), look);
    footer(frame, bottom, watched, look);
    let names: Vec<&str> = cameras.iter().map(|(name, _)| *name).collect();
    let chosen = choice.position(&names);
    match cameras.get(chosen) {
        None => nothing(frame, middle, watched, look),
        Some(camera) if choice.large => detail::draw(frame, middle, watched, *camera, look, clock),
        Some(_) => choice.columns = grid(frame, middle, watched, (&cameras, chosen), look, clock.now()),
    }
    if choice.help {
        help(frame, middle, look);
    }
}

/// The broker, the daemon, and what was lost.
fn header(frame: &mut Frame<'_>, area: Rect, watched: &Watched, cameras: usize, look: Look) {
    let link = match &watched.link {
        Link::Connected => look.good(),
        Link::Connecting => look.waiting(),
        Link::Away(_) => look.bad(),
    };
    let mut spans = vec![
        Span::styled(" posed ", look.chosen()),
        Span::raw(format!("{} ", watched.broker)),
        Span::styled(words::link(&watched.link), link),
        Span::raw(look.dot()),
        Span::raw(format!("{} ", watched.prefix())),
    ];
    if let Some(available) = watched.available {
        let style = if available { look.good() } else { look.bad() };
        spans.push(Span::styled(words::online(available), style));
    }
    let s = if cameras == 1 { "" } else { "s" };
    spans.push(Span::raw(format!("{}{cameras} camera{s}", look.dot())));
    frame.render_widget(Line::from(spans), area);
}

fn footer(frame: &mut Frame<'_>, area: Rect, watched: &Watched, look: Look) {
    let mut spans = Vec::new();
    for (key, what) in [("q", "quit"), ("arrows", "camera"), ("enter", "large"), ("?", "help")] {
        spans.extend([Span::styled(format!(" {key} "), look.strong()), Span::styled(what, look.dim())]);
        spans.push(Span::raw(" "));
    }
    for (count, what) in [(watched.lost, "lost"), (watched.refused, "not understood")] {
        if count > 0 {
            spans.push(Span::styled(format!(" {count} messages {what} "), look.waiting()));
        }
    }
    frame.render_widget(Line::from(spans), area);
}

/// No camera was heard of.
fn nothing(frame: &mut Frame<'_>, area: Rect, watched: &Watched, look: Look) {
    let text = match &watched.link {
        Link::Connected => format!("connected, but no camera was heard of below {}", watched.prefix()),
        link => format!("{}: {}", watched.broker, words::link(link)),
    };
    centred(frame, area, &text, look.dim());
}

fn centred(frame: &mut Frame<'_>, area: Rect, text: &str, style: Style) {
    let top = area.height / 2;
    let middle = Rect { y: area.y + top, height: area.height - top, ..area };
    let text = Paragraph::new(text).style(style).alignment(Alignment::Center);
    frame.render_widget(text.wrap(Wrap { trim: true }), middle);
}

/// Tiles in rows: all cameras if they fit, else the page with the chosen one. Returns the number
/// of columns.
fn grid(
    frame: &mut Frame<'_>,
    area: Rect,
    watched: &Watched,
    (cameras, chosen): (&[(&str, &WatchedCamera)], usize),
    look: Look,
    now: Mono,
) -> usize {
    let (columns, rows) = shape(area, cameras.len());
    let page = columns * rows;
    let first = chosen / page * page;
    let areas = Layout::vertical(vec![Constraint::Fill(1); rows]).split(area);
    let page = cameras.iter().enumerate().skip(first).take(page).collect::<Vec<_>>();
    for (row, area) in page.chunks(columns).zip(areas.iter()) {
        // The tiles of the last row may be fewer, and wider.
        let tiles = Layout::horizontal(vec![Constraint::Fill(1); row.len()]).split(*area);
        for ((index, camera), area) in row.iter().zip(tiles.iter()) {
            tile::draw(frame, *area, watched, **camera, *index == chosen, look, now);
        }
    }
    columns
}

/// Columns and rows of tiles for `count` cameras: tiles about twice as wide as high, in cells four
/// times.
fn shape(area: Rect, count: usize) -> (usize, usize) {
    let most = (usize::from(area.width / TILE.0).max(1), usize::from(area.height / TILE.1).max(1));
    let fits = |columns: &usize| count.div_ceil(*columns) <= most.1;
    let waste = |columns: &usize| {
        let rows = count.div_ceil(*columns);
        let (width, height) = (f64::from(area.width) / *columns as f64, f64::from(area.height) / rows as f64);
        (width / height.max(1.0) / 3.6).ln().abs() + (columns * rows - count) as f64 * 0.1
    };
    let columns = (1..=most.0.min(count)).filter(fits).min_by(|a, b| waste(a).total_cmp(&waste(b)));
    columns.map_or(most, |columns| (columns, count.div_ceil(columns)))
}

fn help(frame: &mut Frame<'_>, area: Rect, look: Look) {
    let (width, height) = (area.width.min(62), area.height.min(10));
    let area =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let line = |(key, what): &(&'static str, &'static str)| {
        Line::from(vec![Span::styled(format!(" {key:<12} "), look.strong()), Span::raw(*what)])
    };
    let mut lines: Vec<Line<'_>> = KEYS.iter().map(line).collect();
    lines.push(Line::default());
    lines.extend(LEGEND.lines().map(Line::raw));
    let block =
        Block::bordered().border_set(look.border(true)).border_style(look.chosen()).title_top(" keys ");
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), area);
}
