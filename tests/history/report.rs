//! `posed report`: pages and pictures of a drawn day, and what is missing.

use crate::common::{assert_golden, posed, root};
use crate::{NEW_YEAR, drawn, entry, keeper, people, write};
use posed::clock::{FakeClock, SharedClock};
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const DAY_S: i64 = 86_400;
/// 2026-11-28T00:00:00Z.
const NOVEMBER: i64 = NEW_YEAR + 331 * DAY_S;

/// The state folder of a house with the drawn day and a camera at the door.
fn house() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(FakeClock::default());
    let keeper = keeper(dir.path(), &clock);
    write(&keeper, drawn::day(NOVEMBER, 1));
    write(&keeper, (0..4).map(|n| entry("door", NOVEMBER - n * DAY_S, people(1))));
    keeper.stop(PATIENCE);
    dir
}

fn report(state: &Path, args: &[&str]) -> Output {
    let mut command = posed(&["report", "--state-dir"]);
    command.arg(state).args(args).env("TZ", "UTC").output().unwrap()
}

fn fine(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_page_shows_each_camera_and_needs_no_script() {
    let state = house();
    let out = state.path().join("day.html");
    let path = out.to_str().unwrap();
    let said = fine(&report(state.path(), &["--day", "2026-11-28", "--out", path]));
    assert_eq!(said, format!("{path}: door, {} on 2026-11-28\n", drawn::CAMERA));
    let page = std::fs::read_to_string(&out).unwrap();
    assert_eq!(page.matches("<svg").count(), 2);
    for text in [drawn::CAMERA, "Saturday, 28 November 2026", "A fall was confirmed at 17:46.", "sitting"] {
        assert!(page.contains(text), "{text}");
    }
    for text in ["<script", "://", "onload", "style=\""] {
        let others = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!others.contains(text), "{text}");
    }
    assert!(page.len() < 800_000, "{} bytes", page.len());
}

/// The picture in the documents. `POSED_BLESS=1` draws it anew.
#[test]
fn the_picture_in_the_documents_is_that_of_the_drawn_day() {
    let state = house();
    let out = state.path().join("day.png");
    let args = ["--day", "2026-11-28", "--camera", drawn::CAMERA, "--out", out.to_str().unwrap()];
    fine(&report(state.path(), &args));
    let documented = root().join("docs/report.png");
    if std::env::var_os("POSED_BLESS").is_some() {
        std::fs::copy(&out, &documented).unwrap();
    }
    let (new, old) = (std::fs::read(out).unwrap(), std::fs::read(documented).unwrap());
    assert!(new.len() < 150_000, "{} bytes", new.len());
    let pixels = |png: &[u8]| image::load_from_memory(png).unwrap().to_rgb8();
    assert!(pixels(&new) == pixels(&old), "POSED_BLESS=1 draws docs/report.png anew; look at it");
}

#[test]
fn what_is_missing_is_named_beside_what_is_there() {
    let state = house();
    let empty = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for (folder, args) in [
        (state.path(), &["--day", "2026-11-30", "--out", "x.html"] as &[&str]),
        (state.path(), &["--day", "2026-11-24", "--camera", "door", "--out", "x.html"]),
        (state.path(), &["--day", "2026-11-28", "--camera", "../door", "--out", "x.html"]),
        (state.path(), &["--day", "2026-11-28", "--out", "x.pdf"]),
        (state.path(), &["--day", "28.11.2026", "--out", "x.html"]),
        (empty.path(), &["--day", "2026-11-28", "--out", "x.html"]),
        (state.path(), &["--day", "2026-11-28", "--out", "absent/x.html"]),
    ] {
        let output = report(folder, args);
        let said = String::from_utf8(output.stderr).unwrap();
        let said = said.replace(&folder.display().to_string(), "STATE");
        text += &format!("--- {}: {}\n{said}\n", args.join(" "), output.status.code().unwrap());
    }
    assert_golden("tests/history/missing.txt", &text);
}
