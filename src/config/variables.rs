//! Environment variables in values: `{VAR}`, as Frigate's users write it. Only values that may hold
//! secrets are searched for them.

use super::wrong::{Wrong, wrong};
use crate::secret::Secret;
use std::borrow::Cow;
use std::collections::BTreeMap;
use toml::de::DeValue;

/// Keys whose values may hold variables.
const KEYS: [&str; 5] = ["source", "url", "username", "password", "password_file"];

/// Environment variables. `Debug` hides their values.
#[derive(Clone, Debug, Default)]
pub struct Variables(BTreeMap<String, Secret>);

impl Variables {
    /// Those of this process; without those that are not UTF-8 text.
    pub(super) fn here() -> Variables {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, Secret::new(value.into_string().ok()?)))
        };
        Variables(std::env::vars_os().filter_map(text).collect())
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), Secret::new(value));
    }

    /// `value` with the variables in it replaced; `None` if there is nothing to replace.
    pub(super) fn replace<'i>(&self, key: &str, value: &DeValue<'i>) -> Result<Option<DeValue<'i>>, Wrong> {
        match value {
            DeValue::String(text) if KEYS.contains(&key) && next(text, 0).is_some() => {
                Ok(Some(DeValue::String(Cow::Owned(self.fill(text)?))))
            }
            _ => Ok(None),
        }
    }

    fn fill(&self, text: &str) -> Result<String, Wrong> {
        let (mut out, mut done) = (String::new(), 0);
        while let Some((start, name)) = next(text, done) {
            let end = start + name.len() + 2;
            out.push_str(&text[done..start]);
            match self.0.get(name) {
                // A list of one format in a GStreamer pipeline looks the same.
                None if is_format(&text[..start]) => out.push_str(&text[start..end]),
                found => out.push_str(&escaped(set(name, found)?, &text[..start], &text[end..])),
            }
            done = end;
        }
        out.push_str(&text[done..]);
        Ok(out)
    }
}

/// The value of variable `name`, if it has one.
fn set<'v>(name: &str, found: Option<&'v Secret>) -> Result<&'v str, Wrong> {
    let what = match found.map(Secret::expose) {
        Some("") => "is empty",
        Some(value) => return Ok(value),
        None => "is not set",
    };
    let remedy = format!(
        "set it; for the service: `systemctl edit posed`, and below [Service] a line \
         EnvironmentFile=FILE, where FILE holds {name}=..."
    );
    wrong(format!("the environment variable {name} {what}"), remedy)
}

/// Whether `text` is one variable.
pub(super) fn is_variable(text: &str) -> bool {
    next(text, 0).is_some_and(|(start, name)| start == 0 && name.len() + 2 == text.len())
}

/// The next `{NAME}` in `text` from `from` on: its start, and the name.
fn next(text: &str, from: usize) -> Option<(usize, &str)> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    text[from..].match_indices('{').find_map(|(at, _)| {
        let start = from + at;
        let (name, _) = text[start + 1..].split_once('}')?;
        is_name(name).then_some((start, name))
    })
}

fn is_format(before: &str) -> bool {
    let before = before.trim_end().trim_end_matches("(string)");
    before.trim_end().strip_suffix('=').is_some_and(|name| name.trim_end().ends_with("format"))
}

/// `value` as it must stand between `before` and `after`. In the login of a URL, characters that
/// end it are percent-encoded; what is encoded already stays.
fn escaped(value: &str, before: &str, after: &str) -> String {
    let Some((scheme, in_front)) = before.split_once("://") else { return value.to_owned() };
    let is_login = scheme.chars().all(|c| c.is_ascii_alphanumeric())
        && !in_front.contains(['/', '?', '#', '@'])
        && after.contains('@');
    if !is_login {
        return value.to_owned();
    }
    // A variable may hold user name and password.
    let whole = in_front.is_empty() && after.starts_with('@');
    let mut out = String::new();
    for (at, c) in value.char_indices() {
        let is_encoded =
            c == '%' && value.get(at + 1..at + 3).is_some_and(|hex| u8::from_str_radix(hex, 16).is_ok());
        let ends_login = "/?#@ ".contains(c) || (c == '%' && !is_encoded) || (c == ':' && !whole);
        if ends_login {
            out.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> Result<String, String> {
        let mut variables = Variables::default();
        for (name, value) in [
            ("USER", "admin"),
            ("CAM_PW", "p@ss:w/o#1"),
            ("CODED", "p%40ss"),
            ("LOGIN", "a:b"),
            ("HOST", "cam/1"),
        ] {
            variables.set(name, value);
        }
        variables.set("NOTHING", "");
        variables.fill(text).map_err(|wrong| wrong.reason)
    }

    #[test]
    fn variables_are_replaced_and_encoded_where_a_url_needs_it() {
        for (text, want) in [
            ("rtsp://{USER}:{CAM_PW}@cam/x", "rtsp://admin:p%40ss%3Aw%2Fo%231@cam/x"),
            ("rtsp://{USER}:{CODED}@cam/x", "rtsp://admin:p%40ss@cam/x"),
            ("rtsp://{LOGIN}@cam/x", "rtsp://a:b@cam/x"),
            ("rtsp://{HOST}/x?user={USER}", "rtsp://cam/1/x?user=admin"),
            ("{CAM_PW}", "p@ss:w/o#1"),
            (
                "pipeline:videotestsrc ! video/x-raw,format={RGB} ! x",
                "pipeline:videotestsrc ! video/x-raw,format={RGB} ! x",
            ),
            ("{lower} {} {A,B} {", "{lower} {} {A,B} {"),
        ] {
            assert_eq!(fill(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_not_set_or_empty_is_named() {
        assert_eq!(
            fill("rtsp://{MISSING_PW}@h/").unwrap_err(),
            "the environment variable MISSING_PW is not set"
        );
        assert_eq!(fill("{NOTHING}").unwrap_err(), "the environment variable NOTHING is empty");
    }

    #[test]
    fn values_are_never_shown() {
        let mut variables = Variables::default();
        variables.set("PW", "hunter2");
        assert!(!format!("{variables:?}").contains("hunter2"));
        assert!(is_variable("{PW}") && !is_variable("x{PW}") && !is_variable("{PW}x") && !is_variable("PW"));
    }
}
