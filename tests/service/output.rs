//! Subcommands that cannot write their output: the disk is full, or the reader has gone.

use crate::common::posed;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;

const NO_SPACE: &str = "cannot write to standard output: No space left on device";

/// Runs subcommands that need neither a camera nor a broker, with their output to `stdout`.
fn run_each(stdout: impl Fn() -> Stdio) -> Vec<(String, Option<i32>, String)> {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("posed.toml");
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").display().to_string();
    let camera = "[[camera]]\nname = \"a\"\nsource = \"test://\"\nfinder = \"none\"\n";
    std::fs::write(&config, format!("[model]\npose = \"{models}/lpn50-128x96\"\n{camera}")).unwrap();
    let commands = [
        "--help",
        "--version",
        &format!("check --config {}", config.display()),
        "image --whole --model models/lpn50-128x96 src/capture/decoder/samples/bars.jpg",
        "replay tests/track/golden/walk.jsonl",
        "replay --as-recorded tests/track/golden/walk.jsonl",
        "bench network --runs 1 --model models/lpn50-128x96",
        "bench profile --runs 1 --model models/lpn50-128x96",
        "bench explain --model models/lpn50-128x96",
    ];
    let run = |command: &&str| {
        let args: Vec<&str> = command.split(' ').collect();
        let out = posed(&args).stdout(stdout()).output().unwrap();
        ((*command).to_owned(), out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    commands.iter().map(run).collect()
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn a_full_disk_is_an_error_and_not_a_panic() {
    for (command, code, stderr) in run_each(|| full().into()) {
        assert_eq!(code, Some(1), "{command}: {stderr}");
        assert!(stderr.contains(NO_SPACE) && !stderr.contains("panicked"), "{command}: {stderr}");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer.into()
    };
    for (command, code, stderr) in run_each(closed) {
        assert_eq!(code, Some(0), "{command}: {stderr}");
        assert!(!stderr.contains("standard output") && !stderr.contains("panicked"), "{command}: {stderr}");
    }
}

#[test]
fn exit_codes_survive_a_full_stderr() {
    let code = |args: &[&str]| posed(args).stderr(full()).output().unwrap().status.code();
    assert_eq!(code(&["check", "--config", "/nonexistent"]), Some(78));
    assert_eq!(code(&["--nonsense"]), Some(64));
    assert_eq!(code(&["image", "/nonexistent.png"]), Some(1));
    assert_eq!(code(&["replay", "tests/track/golden/walk.jsonl"]), Some(0));
}
