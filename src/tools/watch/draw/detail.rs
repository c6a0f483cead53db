//! One camera large: its skeletons, and beside them everything that is known of it.

use super::look::Look;
use super::tile;
use crate::clock::{Clock, Mono};
use crate::tools::watch::camera::WatchedCamera;
use crate::tools::watch::heard::{CameraReport, Happening};
use crate::tools::watch::watched::Watched;
use crate::tools::watch::words::{self, LocalTime};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};
use std::time::SystemTime;

/// Width of the column of words, in cells.
const WORDS: u16 = 44;
/// Narrower screens have the words below the picture.
const NARROW: u16 = 96;
/// Most people that are listed: the events stand below them.
const MOST_LISTED: usize = 12;

/// Draws the camera.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    watched: &Watched,
    (name, camera): (&str, &WatchedCamera),
    look: Look,
    clock: &dyn Clock,
) {
    let block = Block::bordered()
        .border_set(look.border(true))
        .border_style(look.chosen())
        .title_style(Style::reset())
        .title_top(tile::head(name, camera, look));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let [picture, text] = if inside.width >= NARROW {
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(WORDS)]).areas(inside)
    } else {
        Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(inside)
    };
    let now = clock.now();
    tile::people(frame, picture, watched, (name, camera), look, now);
    let mut lines = state(camera, look, clock);
    lines.extend(people(camera, look));
    lines.extend(parts(camera, look));
    lines.extend(events(camera, look, clock));
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), text);
}

/// A label and a value.
fn row(label: &str, value: impl Into<String>, look: Look) -> Line<'static> {
    Line::from(vec![Span::styled(format!(" {label:<9}"), look.dim()), Span::raw(value.into())])
}

fn state(camera: &WatchedCamera, look: Look, clock: &dyn Clock) -> Vec<Line<'static>> {
    let mut lines = camera.report.as_ref().map_or(Vec::new(), |report| of_report(report, look, clock));
    lines.push(row("here", heard(camera, clock.now()), look));
    if let Some(enabled) = camera.events_enabled {
        lines.push(row("events", if enabled { "on" } else { "off" }, look));
    }
    lines
}

fn of_report(report: &CameraReport, look: Look, clock: &dyn Clock) -> Vec<Line<'static>> {
    let since = report.since.map_or(String::new(), |at| format!(" since {}", local(at, clock)));
    let mut lines = vec![row("state", format!("{}{since}", report.status), look)];
    if let Some(reason) = &report.reason {
        lines.push(row("reason", reason.clone(), look));
    }
    if let Some(decoder) = &report.decoder {
        lines.push(row("decoder", decoder.clone(), look));
    }
    lines.push(row("rate", format!("{:.1} fps in, {:.1} out", report.fps_in, report.fps_out), look));
    if let Some((median, most)) = report.latency_ms {
        lines.push(row("age", format!("{median:.0} ms, 99 % within {most:.0} ms"), look));
    }
    lines.push(row("frames", format!("{} in, {} published", report.decoded, report.published), look));
    let reasons: Vec<String> = report.dropped.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
    lines.push(row("dropped", format!("{}{reasons}", report.drops()), look));
    lines
}

/// What arrives at this terminal.
fn heard(camera: &WatchedCamera, now: Mono) -> String {
    let last = camera.silent_for(now);
    let last = last.map_or(String::new(), |silent| format!(", last {} ago", words::duration(silent)));
    format!("{:.1} messages/s{last}", camera.rate(now))
}

fn people(camera: &WatchedCamera, look: Look) -> Vec<Line<'static>> {
    let Some(seen) = &camera.seen else { return Vec::new() };
    let mut lines = vec![heading(&words::people(seen.count as u64), look)];
    lines.extend(seen.people.iter().take(MOST_LISTED).map(|person| {
        let (posture, certainty) = person.posture;
        let id = Span::styled(format!(" {:>4} ", person.id), look.person(person.id));
        Line::from(vec![id, Span::raw(format!("{} {:.0} %", posture.name(), 100.0 * certainty))])
    }));
    if let Some(more) = seen.count.checked_sub(MOST_LISTED).filter(|more| *more > 0) {
        lines.push(Line::styled(format!(" and {more} more"), look.dim()));
    }
    lines
}

fn parts(camera: &WatchedCamera, look: Look) -> Vec<Line<'static>> {
    let words = camera.parts.iter().filter_map(|(name, part)| words::part(name, part));
    let mut lines: Vec<Line<'static>> = words.map(|words| Line::raw(format!(" {words}"))).collect();
    if !lines.is_empty() {
        lines.insert(0, heading("zones and lines", look));
    }
    lines
}

fn events(camera: &WatchedCamera, look: Look, clock: &dyn Clock) -> Vec<Line<'static>> {
    let line = |event: &Happening| {
        let at = event.at.map_or_else(|| "--:--:--".to_owned(), |at| local(at, clock).to_string());
        let style = if event.alarm { look.alarm() } else { look.strong() };
        let at = Span::styled(format!(" {at} "), look.dim());
        Line::from(vec![at, Span::styled(event.text.clone(), style)])
    };
    let mut lines: Vec<Line<'static>> = camera.events.iter().map(line).collect();
    if !lines.is_empty() {
        lines.insert(0, heading("events", look));
    }
    lines
}

fn heading(text: &str, look: Look) -> Line<'static> {
    Line::styled(format!(" {text}"), look.chosen())
}

fn local(at: SystemTime, clock: &dyn Clock) -> LocalTime {
    LocalTime::of(at, clock.utc_offset_s(at))
}
