//! Exit codes, after sysexits(3). Any other failure is 1.

/// The command line is wrong (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// The configuration, or a file that it names, is wrong (`EX_CONFIG`).
pub const CONFIG: u8 = 78;
