//! The picture of the screen in the documents: drawn from the screen itself.

use super::draw::{FULL, screen};
use super::scene::house;
use crate::common::assert_golden;
use posed::tools::watch::Choice;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write as _;

/// Size of a cell in px.
const CELL: (f32, f32) = (9.0, 18.0);
const BACKGROUND: &str = "#14161b";

/// `POSED_BLESS=1` draws it again.
#[test]
fn the_picture_in_the_documents_shows_the_screen() {
    let (watched, clock) = house();
    let buffer = screen(&watched, &mut Choice::default(), FULL, &clock, (112, 38));
    let picture = svg(&buffer);
    assert!(picture.len() < 120_000, "{} bytes", picture.len());
    assert_golden("docs/watch.svg", &picture);
}

/// The screen as SVG. Braille and borders are drawn as shapes: few fonts have them in one width.
fn svg(buffer: &Buffer) -> String {
    let (width, height) = (f32::from(buffer.area.width) * CELL.0, f32::from(buffer.area.height) * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"DejaVu Sans Mono,Menlo,Consolas,monospace\" font-size=\"14\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{BACKGROUND}\"/>\n"
    );
    let columns = usize::from(buffer.area.width);
    for (row, cells) in buffer.content.chunks(columns).enumerate() {
        let y = row as f32 * CELL.1;
        let mut column = 0;
        while let Some(first) = cells.get(column) {
            let same = |cell: &&Cell| kind(cell) == kind(first) && style(cell) == style(first);
            let run = cells[column..].iter().take_while(same).count();
            draw_run(&mut out, &cells[column..column + run], (column as f32 * CELL.0, y));
            column += run;
        }
    }
    out + "</svg>\n"
}

#[derive(PartialEq)]
enum Kind {
    Blank,
    Braille,
    Border,
    Text,
}

fn character(cell: &Cell) -> char {
    cell.symbol().chars().next().unwrap_or(' ')
}

fn kind(cell: &Cell) -> Kind {
    match character(cell) {
        ' ' if !cell.modifier.contains(Modifier::REVERSED) => Kind::Blank,
        '\u{2800}'..='\u{28ff}' => Kind::Braille,
        '\u{2500}'..='\u{257f}' => Kind::Border,
        _ => Kind::Text,
    }
}

fn style(cell: &Cell) -> (Color, Modifier) {
    (cell.fg, cell.modifier)
}

fn draw_run(out: &mut String, cells: &[Cell], (x, y): (f32, f32)) {
    let Some(first) = cells.first() else { return };
    let colour = colour(first.fg);
    match kind(first) {
        Kind::Blank => {}
        Kind::Braille => shapes(out, cells, (x, y), &format!("fill=\"{colour}\""), dots),
        Kind::Border => shapes(out, cells, (x, y), &format!("stroke=\"{colour}\" fill=\"none\""), strokes),
        Kind::Text => text(out, cells, (x, y), colour),
    }
}

fn shapes(
    out: &mut String,
    cells: &[Cell],
    (x, y): (f32, f32),
    style: &str,
    shape: fn(char, (f32, f32)) -> String,
) {
    let place = |index: usize| (x + index as f32 * CELL.0, y);
    let path: String = cells.iter().enumerate().map(|(i, cell)| shape(character(cell), place(i))).collect();
    let heavy = cells.iter().any(|cell| "┏┓┗┛━┃".contains(character(cell)));
    let heavy = if heavy { " stroke-width=\"2\"" } else { "" };
    writeln!(out, "<path {style}{heavy} d=\"{path}\"/>").unwrap();
}

/// The dots of a braille pattern. Bits 0 to 2 and 6 are the left column, 3 to 5 and 7 the right.
fn dots(c: char, (x, y): (f32, f32)) -> String {
    let bits = c as u32 - 0x2800;
    let place = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let dot = |(bit, (column, row)): (usize, (u8, u8))| {
        let (x, y) = (x + 1.2 + 4.5 * f32::from(column), y + 1.2 + 4.5 * f32::from(row));
        (bits & (1 << bit) != 0).then(|| format!("M{x:.1} {y:.1}h2.4v2.4h-2.4z"))
    };
    place.into_iter().enumerate().filter_map(dot).collect()
}

/// The strokes of a border: from the middle of the cell to those edges that it joins.
fn strokes(c: char, (x, y): (f32, f32)) -> String {
    let (middle, centre) = (x + CELL.0 / 2.0, y + CELL.1 / 2.0);
    let (right, bottom) = (x + CELL.0, y + CELL.1);
    let edges = match c {
        '─' | '━' => return format!("M{x} {centre}H{right}"),
        '│' | '┃' => return format!("M{middle} {y}V{bottom}"),
        '╭' | '┏' | '┌' => (right, bottom),
        '╮' | '┓' | '┐' => (x, bottom),
        '╰' | '┗' | '└' => (right, y),
        _ => (x, y),
    };
    format!("M{} {centre}Q{middle} {centre} {middle} {}", edges.0, edges.1)
}

fn text(out: &mut String, cells: &[Cell], (x, y): (f32, f32), colour: &str) {
    let modifier = cells[0].modifier;
    let width = cells.len() as f32 * CELL.0;
    let mut colour = colour;
    if modifier.contains(Modifier::REVERSED) {
        writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\" fill=\"{colour}\"/>",
            CELL.1
        )
        .unwrap();
        colour = BACKGROUND;
    }
    let bold = if modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let text: String = cells.iter().map(|cell| cell.symbol()).collect();
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let baseline = y + 13.5;
    writeln!(
        out,
        "<text x=\"{x}\" y=\"{baseline}\" fill=\"{colour}\"{bold} textLength=\"{width}\" \
         xml:space=\"preserve\">{text}</text>"
    )
    .unwrap();
}

/// The colours of a dark terminal.
fn colour(colour: Color) -> &'static str {
    match colour {
        Color::DarkGray => "#7d8590",
        Color::Red => "#ff7b72",
        Color::LightRed => "#ffa198",
        Color::Green => "#56d364",
        Color::Yellow => "#e3b341",
        Color::Blue => "#6ca4f8",
        Color::LightBlue => "#79c0ff",
        Color::Magenta => "#d2a8ff",
        Color::Cyan => "#39c5cf",
        _ => "#e6edf3",
    }
}
