//! Functions that check one value: what is wrong with it, and what would be right.

use super::spelling::nearest;
use super::{Wrong, wrong};
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::de::DeValue;

/// "a string", "an integer"...
pub(in crate::config) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// A string that is not empty.
pub(in crate::config) fn text(value: &DeValue<'_>) -> Result<String, Wrong> {
    match value {
        DeValue::String(s) if s.trim().is_empty() => wrong("is empty", "give it a value, or remove the line"),
        DeValue::String(s) => Ok(s.clone().into_owned()),
        other => wrong(format!("is {}, not a string", kind(other)), "put it in double quotes"),
    }
}

/// `true` or `false`.
pub(in crate::config) fn boolean(value: &DeValue<'_>) -> Result<bool, Wrong> {
    match value {
        DeValue::Boolean(b) => Ok(*b),
        other => wrong(format!("is {}, not a boolean", kind(other)), "use true or false, without quotes"),
    }
}

/// A finite number in `range`; integers count as numbers.
pub(in crate::config) fn number(range: RangeInclusive<f64>) -> impl Fn(&DeValue<'_>) -> Result<f64, Wrong> {
    move |value| {
        let remedy = format!("use a number from {} to {}", range.start(), range.end());
        let parsed: Option<f64> = match value {
            DeValue::Float(f) => f.as_str().parse().ok(),
            DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok().map(|i| i as f64),
            other => return wrong(format!("is {}, not a number", kind(other)), remedy),
        };
        match parsed {
            Some(n) if range.contains(&n) => Ok(n),
            Some(n) => wrong(format!("{n} is out of range"), remedy),
            None => wrong("is too large", remedy),
        }
    }
}

/// A whole number in `range`.
pub(in crate::config) fn integer(range: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Result<u64, Wrong> {
    move |value| {
        let remedy = format!("use a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(i) = value else {
            return wrong(format!("is {}, not a whole number", kind(value)), remedy);
        };
        match i128::from_str_radix(i.as_str(), i.radix()).ok().and_then(|n| u64::try_from(n).ok()) {
            Some(n) if range.contains(&n) => Ok(n),
            _ => wrong(format!("{i} is out of range"), remedy),
        }
    }
}

/// Milliseconds in `range`.
pub(in crate::config) fn millis(
    range: RangeInclusive<u64>,
) -> impl Fn(&DeValue<'_>) -> Result<Duration, Wrong> {
    move |value| integer(range.clone())(value).map(Duration::from_millis)
}

/// One of the given words.
pub(in crate::config) fn one_of<T: Copy>(
    choices: &'static [(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Result<T, Wrong> {
    move |value| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let list = || format!("use {}", quoted(&words));
        let DeValue::String(given) = value else {
            return wrong(format!("is {}, not a string", kind(value)), list());
        };
        match choices.iter().find(|(word, _)| word == given) {
            Some((_, choice)) => Ok(*choice),
            None => {
                let remedy =
                    nearest(given, &words).map_or_else(list, |near| format!("did you mean {near:?}?"));
                wrong(format!("{given:?} is not known"), remedy)
            }
        }
    }
}

/// `"a", "b" or "c"`.
fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}
