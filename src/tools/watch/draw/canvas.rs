//! The skeletons of a camera's newest frame, with zones and lines where they are known.

use super::look::Look;
use crate::keypoint::LIMBS;
use crate::tools::overlay::MIN_SCORE;
use crate::tools::watch::camera::WatchedCamera;
use crate::tools::watch::heard::{SeenFrame, SeenPerson};
use crate::tools::watch::watched::Outline;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::text::Span;
use ratatui::widgets::canvas::{Canvas, Context, Line, Rectangle};

/// A character cell is about twice as high as wide.
const CELL_ASPECT: f64 = 2.0;

/// Draws `seen` as large as it fits into `area`, in its own proportions.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    camera: &WatchedCamera,
    seen: &SeenFrame,
    outlines: &[Outline],
    look: Look,
) {
    if area.is_empty() {
        return;
    }
    let (width, height) = (f64::from(seen.size.0), f64::from(seen.size.1));
    let (columns, rows) = (f64::from(area.width), f64::from(area.height));
    let px_per_column = (width / columns).max(height / (CELL_ASPECT * rows));
    let (wide, high) = (px_per_column * columns, px_per_column * CELL_ASPECT * rows);
    let (left, top) = ((width - wide) / 2.0, (height - high) / 2.0);
    let canvas = Canvas::default()
        .marker(look.marker())
        .x_bounds([left, left + wide])
        // The canvas has its y axis upwards.
        .y_bounds([-(top + high), -top])
        .paint(|context| {
            edge(context, (width, height), look);
            context.layer();
            outlines.iter().for_each(|outline| zone_or_line(context, outline, camera, (width, height), look));
            context.layer();
            seen.people.iter().for_each(|person| skeleton(context, person, look.person(person.id)));
            let room = px_per_column * CELL_ASPECT;
            seen.people.iter().for_each(|person| label(context, person, room, look.person(person.id)));
        });
    frame.render_widget(canvas, area);
}

/// The edge of the picture.
fn edge(context: &mut Context<'_>, (width, height): (f64, f64), look: Look) {
    let color = look.faint();
    context.draw(&Rectangle { x: 0.0, y: -height, width, height, color });
}

fn zone_or_line(
    context: &mut Context<'_>,
    outline: &Outline,
    camera: &WatchedCamera,
    (width, height): (f64, f64),
    look: Look,
) {
    let part = camera.parts.get(&outline.name);
    let is_busy = part.is_some_and(|part| part.occupied == Some(true) || part.people.unwrap_or(0) > 0);
    let color = if is_busy { look.busy() } else { look.faint() };
    let at = |point: &[f32; 2]| (f64::from(point[0]) * width, -f64::from(point[1]) * height);
    let ends = outline.points.iter().skip(1).chain(outline.points.first().filter(|_| outline.closed));
    for (from, to) in outline.points.iter().zip(ends) {
        let ((x1, y1), (x2, y2)) = (at(from), at(to));
        context.draw(&Line { x1, y1, x2, y2, color });
    }
    if let Some((x, y)) = outline.points.first().map(at) {
        context.print(x, y, Span::styled(outline.name.clone(), color));
    }
}

fn skeleton(context: &mut Context<'_>, person: &SeenPerson, color: Color) {
    for (a, b) in LIMBS {
        let [from, to] = [a, b].map(|index| &person.keypoints[index]);
        if from.score >= MIN_SCORE && to.score >= MIN_SCORE {
            let [(x1, y1), (x2, y2)] = [from, to].map(|k| (f64::from(k.x_px), -f64::from(k.y_px)));
            context.draw(&Line { x1, y1, x2, y2, color });
        }
    }
}

/// Id and posture above the head, or below the top of the picture.
fn label(context: &mut Context<'_>, person: &SeenPerson, room_px: f64, color: Color) {
    let text = match person.posture.0.name() {
        "unknown" => person.id.to_string(),
        posture => format!("{} {posture}", person.id),
    };
    let x = f64::from(person.bbox.x).max(0.0);
    let y = (f64::from(person.bbox.y) - room_px).max(0.0);
    context.print(x, -y, Span::styled(text, color));
}
