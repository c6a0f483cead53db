//! Zones and lines as TOML tables.

use super::Error;
use super::comments;
use crate::http::{LineSketch, ZoneChange, ZoneSketch};
use std::collections::BTreeMap;
use std::path::Path;
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value};

/// Longer lists of points get a line for each point.
const LONGEST_LINE: usize = 90;
/// Points are rounded to this share of the picture: a third of a pixel at most.
const DECIMALS: f64 = 1e4;

/// A zone or a line as it is to be.
struct Wanted<'c> {
    was: Option<&'c str>,
    name: &'c str,
    /// `None`: the key is not to be there.
    values: Vec<(&'static str, Option<Value>)>,
}

/// Whether the document has the camera.
pub(super) fn has(document: &DocumentMut, camera: &str, file: &Path) -> Result<bool, Error> {
    let listed = document.get("camera").and_then(Item::as_array);
    let named = |value: &Value| {
        value.as_inline_table().and_then(|table| table.get("name")).and_then(Value::as_str) == Some(camera)
    };
    if listed.is_some_and(|cameras| cameras.iter().any(named)) {
        return Err(Error::InBrackets(file.display().to_string(), "camera".into(), "[[camera]]"));
    }
    Ok(find(document, camera).is_some())
}

/// Whether the camera's zones and lines can be changed.
pub(super) fn check(document: &DocumentMut, camera: &str, file: &Path) -> Result<(), Error> {
    for (key, header) in [("zone", "[[camera.zone]]"), ("line", "[[camera.line]]")] {
        if find(document, camera).and_then(|table| table.get(key)).is_some_and(Item::is_value) {
            let what = format!("camera.{camera}.{key}");
            return Err(Error::InBrackets(file.display().to_string(), what, header));
        }
    }
    Ok(())
}

/// The zones and lines of the camera. Values that `posed check` refuses are left out.
pub(super) fn read(document: &DocumentMut, camera: &str) -> (Vec<ZoneSketch>, Vec<LineSketch>) {
    let by = |table: &Table| text(table, "by").unwrap_or_else(|| "feet".into());
    let zone = |table: &Table| {
        let corners = table.get("polygon").and_then(Item::as_array);
        let polygon = corners.into_iter().flat_map(Array::iter).filter_map(point).collect();
        let dwell_s = table.get("dwell_s").and_then(Item::as_value).and_then(number);
        Some(ZoneSketch { was: None, name: text(table, "name")?, polygon, by: by(table), dwell_s })
    };
    let line = |table: &Table| {
        let end = |key| table.get(key).and_then(Item::as_value).and_then(point);
        Some(LineSketch {
            was: None,
            name: text(table, "name")?,
            from: end("from")?,
            to: end("to")?,
            by: by(table),
        })
    };
    let tables = |key| {
        let list = find(document, camera).and_then(|table| table.get(key)).and_then(Item::as_array_of_tables);
        list.into_iter().flat_map(ArrayOfTables::iter)
    };
    (tables("zone").filter_map(zone).collect(), tables("line").filter_map(line).collect())
}

/// Makes the zones and lines of the camera those of `change`.
pub(super) fn change(document: &mut DocumentMut, camera: &str, change: &ZoneChange) {
    let zones = change.zones.iter().map(|zone| Wanted {
        was: zone.was.as_deref(),
        name: &zone.name,
        values: vec![
            ("name", Some(zone.name.as_str().into())),
            ("polygon", Some(points(&zone.polygon))),
            ("by", Some(zone.by.as_str().into())),
            ("dwell_s", zone.dwell_s.map(short)),
        ],
    });
    let lines = change.lines.iter().map(|line| Wanted {
        was: line.was.as_deref(),
        name: &line.name,
        values: vec![
            ("name", Some(line.name.as_str().into())),
            ("from", Some(pair(line.from))),
            ("to", Some(pair(line.to))),
            ("by", Some(line.by.as_str().into())),
        ],
    });
    let (zones, lines): (Vec<_>, Vec<_>) = (zones.collect(), lines.collect());
    rename_ignored(document, camera, &zones);
    apply(document, camera, "zone", zones);
    apply(document, camera, "line", lines);
}

/// Events name the zones in which they do not count.
fn rename_ignored(document: &mut DocumentMut, camera: &str, zones: &[Wanted<'_>]) {
    let new: BTreeMap<&str, &str> = zones.iter().filter_map(|zone| Some((zone.was?, zone.name))).collect();
    let events =
        find_mut(document, camera).and_then(|table| table.get_mut("event")?.as_array_of_tables_mut());
    let lists = events.into_iter().flat_map(ArrayOfTables::iter_mut);
    for list in lists.filter_map(|event| event.get_mut("ignore_zones")?.as_array_mut()) {
        for name in list.iter_mut() {
            if let Some(now) = name.as_str().and_then(|was| new.get(was)) {
                put(name, Value::from(*now));
            }
        }
    }
}

fn apply(document: &mut DocumentMut, camera: &str, key: &str, mut wanted: Vec<Wanted<'_>>) {
    let count = tables_mut(document, camera, key).map_or(0, |tables| tables.len());
    for index in (0..count).rev() {
        let Some(tables) = tables_mut(document, camera, key) else { return };
        let Some(table) = tables.get_mut(index) else { continue };
        let name = text(table, "name");
        match wanted.iter().position(|shape| shape.was.is_some() && shape.was == name.as_deref()) {
            Some(at) => set_all(table, wanted.remove(at).values),
            None => {
                let gone = tables.remove(index);
                let (above, _) = comments::split(comments::prefix(gone.decor()));
                comments::put(document, gone.position().unwrap_or(isize::MAX), above);
            }
        }
    }
    // What is left is new.
    add(document, camera, key, wanted);
}

/// Adds new tables below the last one of their kind, or else at the end of the camera's section.
fn add(document: &mut DocumentMut, camera: &str, key: &str, wanted: Vec<Wanted<'_>>) {
    let Some(table) = find_mut(document, camera) else { return };
    let last = table.get(key).and_then(Item::as_array_of_tables).and_then(|tables| tables.iter().last());
    let last = last.map(comments::last);
    if last.is_none() {
        table.remove(key);
    }
    if wanted.is_empty() {
        return;
    }
    let position = last.unwrap_or_else(|| comments::last(table));
    let mut above = comments::take(document, position);
    let Some(table) = find_mut(document, camera) else { return };
    let tables = table.entry(key).or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(tables) = tables.as_array_of_tables_mut() else { return };
    for shape in wanted {
        let mut table = Table::new();
        set_all(&mut table, shape.values);
        table.decor_mut().set_prefix(format!("{}\n", std::mem::take(&mut above)));
        tables.push(table);
    }
}

fn set_all(table: &mut Table, values: Vec<(&'static str, Option<Value>)>) {
    for (key, value) in values {
        match (table.get_mut(key).and_then(Item::as_value_mut), value) {
            (Some(old), Some(new)) => put(old, new),
            (Some(_), None) => drop(table.remove(key)),
            // It is the default.
            (None, Some(new)) if key == "by" && new.as_str() == Some("feet") => {}
            (None, Some(new)) => drop(table.insert(key, Item::Value(new))),
            (None, None) => {}
        }
    }
}

/// Changes a value only if it differs. The comment behind it stays.
fn put(old: &mut Value, mut new: Value) {
    if !same(old, &new) {
        *new.decor_mut() = old.decor().clone();
        *old = new;
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b))
        }
        _ => match (number(a), number(b)) {
            // What the page sends is rounded.
            (Some(a), Some(b)) => (a * DECIMALS).round() == (b * DECIMALS).round(),
            _ => a.as_str().is_some() && a.as_str() == b.as_str(),
        },
    }
}

fn find<'d>(document: &'d DocumentMut, camera: &str) -> Option<&'d Table> {
    let cameras = document.get("camera")?.as_array_of_tables()?;
    cameras.iter().find(|table| text(table, "name").as_deref() == Some(camera))
}

fn find_mut<'d>(document: &'d mut DocumentMut, camera: &str) -> Option<&'d mut Table> {
    let cameras = document.get_mut("camera")?.as_array_of_tables_mut()?;
    cameras.iter_mut().find(|table| text(table, "name").as_deref() == Some(camera))
}

fn tables_mut<'d>(document: &'d mut DocumentMut, camera: &str, key: &str) -> Option<&'d mut ArrayOfTables> {
    find_mut(document, camera)?.get_mut(key)?.as_array_of_tables_mut()
}

fn text(table: &Table, key: &str) -> Option<String> {
    table.get(key)?.as_str().map(str::to_owned)
}

fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|n| n as f64))
}

fn point(value: &Value) -> Option<[f64; 2]> {
    let numbers: Vec<f64> = value.as_array()?.iter().filter_map(number).collect();
    numbers.try_into().ok()
}

/// Without digits that say nothing.
fn short(number: f64) -> Value {
    let rounded = (number * DECIMALS).round() / DECIMALS;
    if rounded.fract() == 0.0 && rounded.abs() < 1e9 { Value::from(rounded as i64) } else { rounded.into() }
}

fn pair([x, y]: [f64; 2]) -> Value {
    Value::Array([x, y].into_iter().map(|n| (n * DECIMALS).round() / DECIMALS).collect())
}

fn points(corners: &[[f64; 2]]) -> Value {
    let mut list: Array = corners.iter().map(|corner| pair(*corner)).collect();
    if list.to_string().len() > LONGEST_LINE {
        list.iter_mut().for_each(|corner| corner.decor_mut().set_prefix("\n    "));
        list.set_trailing("\n");
        list.set_trailing_comma(true);
    }
    Value::Array(list)
}
