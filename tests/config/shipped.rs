//! The files in `config/`: valid, and `posed.toml` documents every key with its default.

use super::{MINIMAL, machine, parse};
use crate::common::root;
use posed::config;
use std::fmt::Write as _;

#[test]
fn each_commented_out_key_of_posed_toml_is_taken_and_shows_its_default() {
    let dir = tempfile::tempdir().unwrap();
    for file in
        ["mqtt-password", "camera1-password", "camera1.pem", "ca.pem", "posed.pem", "posed.key", "http-token"]
    {
        std::fs::write(dir.path().join(file), "long enough for a token\n").unwrap();
    }
    let text = std::fs::read_to_string(root().join("config/posed.toml")).unwrap();
    let path = dir.path().join("posed.toml");
    let lines: Vec<&str> = text.lines().collect();
    let mut keys = 0;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_commented_key(line)) {
        keys += 1;
        // Keys that concern one kind of source or of broker are tried with that kind.
        let text = match line {
            line if line.contains(" rtsps") => text.replace("\"v4l2:///dev/video0\"", "\"rtsps://h/\""),
            line if line.contains(" rtsp") => text.replace("\"v4l2:///dev/video0\"", "\"rtsp://h/\""),
            line if line.contains("# file") || line.contains("example, file") => {
                text.replace("\"v4l2:///dev/video0\"", "\"file:///clip.mp4\"")
            }
            line if line.starts_with("#tls_") => text.replace("#url = \"mqtt:", "url = \"mqtts:"),
            _ => text.clone(),
        };
        let with = |shown: bool| {
            let is_shown = |index: usize, other: &str| {
                let needed = company(line).iter().any(|key| other.starts_with(key));
                index == at || (needed && section(&lines, index) == section(&lines, at))
            };
            let mut out = String::new();
            for (index, other) in text.lines().enumerate() {
                let other = if shown && is_shown(index, other) { &other[1..] } else { other };
                writeln!(out, "{other}").unwrap();
            }
            config::parse(&out, &path, &machine()).unwrap_or_else(|faults| panic!("{line}\n{faults}")).config
        };
        let (default, shown) = (with(false), with(true));
        if line.contains("# example") {
            assert_ne!(shown, default, "{line}: an example that changes nothing");
        } else {
            assert_eq!(shown, default, "{line}: not the default");
        }
    }
    assert!(keys > 30, "the keys of posed.toml are not found any more");
}

/// What a section knows is what it says of a key that it does not know.
#[test]
fn posed_toml_documents_every_key() {
    let text = std::fs::read_to_string(root().join("config/posed.toml")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for section_name in [
        "[mqtt]",
        "[model]",
        "[inference]",
        "[pose]",
        "[log]",
        "[homeassistant]",
        "[http]",
        "[history]",
        "[[camera]]",
    ] {
        let faults = parse(&format!("{section_name}\nzzzzzz = 1\n")).unwrap_err();
        let known = faults.0.iter().find_map(|fault| fault.remedy.strip_prefix("known here: ")).unwrap();
        for key in known.split(", ").filter(|key| !["zone", "line", "event"].contains(key)) {
            let documents = |(at, line): (usize, &&str)| {
                line.trim_start_matches('#').starts_with(&format!("{key} = "))
                    && section(&lines, at) == Some(section_name)
            };
            assert!(lines.iter().enumerate().any(documents), "{section_name} {key} is not in posed.toml");
        }
    }
}

/// Zones, lines and events are shown as one example, indented in the comments of a camera.
#[test]
fn the_example_of_zones_lines_and_events_is_valid() {
    let text = std::fs::read_to_string(root().join("config/posed.toml")).unwrap();
    let shown: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    let start = shown.iter().position(|line| *line == "[[camera.zone]]").unwrap();
    let example = shown[start..].join("\n");
    for table in ["[[camera.zone]]", "[[camera.line]]", "[[camera.event]]"] {
        assert!(example.contains(table), "{table}");
        let faults = parse(&format!("{MINIMAL}{table}\nzzzzzz = 1\ntype = \"fall\"\n")).unwrap_err();
        let known = faults.0.iter().find_map(|fault| fault.remedy.strip_prefix("known here: ")).unwrap();
        for key in known.split(", ") {
            assert!(example.contains(&format!("{key} = ")), "{table} {key} is not in posed.toml");
        }
    }
    let loaded = parse(&format!("{MINIMAL}{example}\n")).unwrap_or_else(|faults| panic!("{faults}"));
    let events = &loaded.config.cameras[0].events;
    assert_eq!((events.zones.len(), events.lines.len()), (1, 1));
    assert!(events.help.is_some());
}

/// Keys without which `line` is refused.
fn company(line: &str) -> &'static [&'static str] {
    match line.split_whitespace().next() {
        Some("#password" | "#password_file" | "#password_credential") => &["#username"],
        Some("#token_file" | "#hosts") => &["#listen"],
        Some("#tls_cert") => &["#tls_key"],
        Some("#tls_key") => &["#tls_cert"],
        _ => &[],
    }
}

fn section<'l>(lines: &[&'l str], at: usize) -> Option<&'l str> {
    lines[..at].iter().rev().find(|line| line.starts_with('[')).copied()
}

#[test]
fn the_shipped_files_are_valid() {
    let mut files = 0;
    for entry in std::fs::read_dir(root().join("config")).unwrap() {
        let path = entry.unwrap().path();
        // The folder holds files of other programs, too.
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let loaded = config::load(&path).unwrap_or_else(|faults| panic!("{faults}"));
        // A board's elements need not be installed here.
        let mine = loaded.warnings.iter().filter(|fault| !fault.reason.starts_with("no element"));
        assert_eq!(mine.count(), 0, "{:?}", loaded.warnings);
        files += 1;
    }
    assert_eq!(files, 7, "posed.toml and one a board");
}

pub fn is_commented_key(line: &str) -> bool {
    line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase())
}
