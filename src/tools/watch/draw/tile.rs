//! One camera among others.

use super::canvas;
use super::look::Look;
use crate::clock::Mono;
use crate::tools::watch::camera::WatchedCamera;
use crate::tools::watch::watched::Watched;
use crate::tools::watch::words;
use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};
use std::time::Duration;

/// A camera without a frame for this long says so, or for three frames of a slow one.
const SILENT: Duration = Duration::from_secs(3);

/// Draws the camera with its border: name and status, skeletons, counts, and the newest event.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    watched: &Watched,
    (name, camera): (&str, &WatchedCamera),
    chosen: bool,
    look: Look,
    now: Mono,
) {
    let style = if chosen { look.chosen() } else { look.dim() };
    let block = Block::bordered()
        .border_set(look.border(chosen))
        .border_style(style)
        .title_style(Style::reset())
        .title_top(head(name, camera, look))
        .title_top(rates(camera, now).right_aligned())
        .title_bottom(counts(camera, look));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let rows = u16::from(inside.height > 4 && !camera.events.is_empty());
    let picture = Rect { height: inside.height - rows, ..inside };
    people(frame, picture, watched, (name, camera), look, now);
    if let Some(event) = camera.events.front().filter(|_| rows > 0) {
        let style = if event.alarm { look.alarm() } else { look.dim() };
        let line = Rect { y: picture.bottom(), height: rows, ..inside };
        frame.render_widget(Line::styled(format!(" {}", event.text), style), line);
    }
}

/// The skeletons, or why there are none.
pub(super) fn people(
    frame: &mut Frame<'_>,
    area: Rect,
    watched: &Watched,
    (name, camera): (&str, &WatchedCamera),
    look: Look,
    now: Mono,
) {
    let rate = camera.report.as_ref().map(|report| report.fps_out).filter(|rate| *rate > 0.0);
    let patience = SILENT.mul_f64((1.0 / rate.unwrap_or(1.0)).clamp(1.0, 100.0));
    let silent = camera.silent_for(now).filter(|silent| *silent > patience);
    let why = match (&camera.seen, silent) {
        (Some(seen), None) => return canvas::draw(frame, area, camera, seen, watched.outlines(name), look),
        (Some(_), Some(silent)) => format!("no poses for {}", words::duration(silent)),
        (None, _) => "no poses yet".to_owned(),
    };
    let reason = camera.report.as_ref().and_then(|report| report.reason.as_deref());
    let text = reason.map_or_else(|| why.clone(), |reason| format!("{why}\n{reason}"));
    let lines = text.lines().count() as u16 + u16::from(reason.is_some());
    let top = area.height.saturating_sub(lines) / 2;
    let middle = Rect { y: area.y + top, height: area.height - top, ..area };
    let paragraph = Paragraph::new(text).style(look.dim()).alignment(Alignment::Center);
    frame.render_widget(paragraph.wrap(Wrap { trim: true }), middle);
}

/// Name, status and alarms.
pub(super) fn head<'a>(name: &'a str, camera: &WatchedCamera, look: Look) -> Line<'a> {
    let status = camera.status();
    let mut spans = vec![
        Span::raw(" "),
        Span::styled(name, look.strong()),
        Span::raw(" "),
        Span::styled(status, look.status(status)),
        Span::raw(" "),
    ];
    for (alarm, is_on) in [(" FALL ", camera.fall), (" HELP ", camera.help)] {
        if is_on {
            spans.extend([Span::styled(alarm, look.alarm()), Span::raw(" ")]);
        }
    }
    Line::from(spans)
}

/// Rate of messages and their age.
fn rates(camera: &WatchedCamera, now: Mono) -> Line<'static> {
    let age = camera.seen.as_ref().map_or(String::new(), |seen| format!(" {:.0} ms", seen.age_ms));
    Line::raw(format!(" {:.1} fps{age} ", camera.rate(now)))
}

/// People, zones and lines.
fn counts(camera: &WatchedCamera, look: Look) -> Line<'static> {
    let people = camera.count().map(words::people);
    let parts = camera.parts.iter().filter_map(|(name, part)| words::part(name, part));
    let all: Vec<String> = people.into_iter().chain(parts).collect();
    if all.is_empty() { Line::default() } else { Line::raw(format!(" {} ", all.join(look.dot()))) }
}
