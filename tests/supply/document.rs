//! SECURITY.md names a test for each threat, and each target of `fuzz/` runs everywhere it should.

use crate::{read, root};

/// The rows of the table of threats: cells, without the heading.
fn threats() -> Vec<Vec<String>> {
    let text = read("SECURITY.md");
    let table = text.lines().skip_while(|line| !line.starts_with("| Threat |"));
    let rows = table.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The texts between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Whether a test is where SECURITY.md says.
fn exists(test: &str) -> bool {
    if let Some(target) = test.strip_prefix("make ") {
        return read("Makefile").lines().any(|line| line.starts_with(&format!("{target}:")));
    }
    match test.split_once("::") {
        None => root().join(test).is_file(),
        Some(("fuzz", target)) => targets().iter().any(|name| name == target),
        Some(("faults", name)) => read("docs/faults.md").contains(&format!("| `{name}` |")),
        Some((file, name)) => {
            let file = root().join(file);
            let text = std::fs::read_to_string(file).unwrap_or_default();
            text.contains("#[test]") && text.contains(&format!("fn {name}()"))
        }
    }
}

/// Names of the targets of `fuzz/`.
fn targets() -> Vec<String> {
    let files = std::fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().path();
    files.map(name).map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_threat_has_a_test_that_exists() {
    let threats = threats();
    assert!(threats.len() > 10, "the table of threats is not found");
    for row in &threats {
        assert_eq!(row.len(), 3, "{row:?}");
        let tests = quoted(&row[2]);
        assert!(!tests.is_empty(), "{}: no test", row[0]);
        for test in tests {
            assert!(exists(test), "{}: {test} does not exist", row[0]);
        }
    }
    assert!(!exists("tests/supply/document.rs::no_such_test") && !exists("make nothing"));
    assert!(!exists("fuzz::nothing") && !exists("faults::nothing"));
}

#[test]
fn every_fuzz_target_has_inputs_and_is_built_and_run() {
    let (manifest, runner) = (read("fuzz/Cargo.toml"), read("tests/fuzz/main.rs"));
    for target in targets() {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "fuzz/Cargo.toml lacks {target}");
        assert!(runner.contains(&format!("targets::{target}")), "tests/fuzz does not run {target}");
        let corpus = root().join("fuzz/corpus").join(&target);
        let inputs = std::fs::read_dir(&corpus).unwrap_or_else(|e| panic!("{}: {e}", corpus.display()));
        assert!(inputs.count() > 0, "{} is empty", corpus.display());
    }
}
