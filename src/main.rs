//! The `posed` binary.
fn main() {}
