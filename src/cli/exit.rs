//! Exit codes, after sysexits(3). Any other failure is 1.

/// The command line is wrong (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// A thread panicked, which is a bug in posed (`EX_SOFTWARE`).
pub const SOFTWARE: u8 = 70;
/// The configuration, or a file that it names, is wrong (`EX_CONFIG`).
pub const CONFIG: u8 = 78;
