//! The exit codes of the program.

/// Every side did what its scenario expects; an expected hang is a success. So is an exploration.
pub const AS_EXPECTED: u8 = 0;
/// Something went wrong with the program itself, or around it.
pub const FAILED: u8 = 1;
/// The command line was not understood.
pub const USAGE: u8 = 2;
/// A side did not do what its scenario expects.
pub const UNEXPECTED: u8 = 3;
/// The command to explain can't be executed.
pub const NOT_EXECUTABLE: u8 = 126;
/// There is no such command to explain.
pub const NOT_FOUND: u8 = 127;
/// SIGHUP ended it: its terminal was closed.
pub const HUNG_UP: u8 = 129;
/// Ctrl+C ended it.
pub const INTERRUPTED: u8 = 130;
/// Ctrl+\\ ended it.
pub const QUIT: u8 = 131;
/// SIGTERM ended it.
pub const TERMINATED: u8 = 143;
