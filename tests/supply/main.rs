//! What others rely on to trust posed: the list of what is in a package, and a document whose tests
//! exist.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests may fail, and say why they skip")]

mod document;
mod sbom;

use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}
