#![doc = include_str!("json.md")]

use serde::Serialize;

/// The version of what is printed as JSON.
pub const SCHEMA: u32 = 2;

/// The document as JSON, over several lines.
///
/// # Errors
///
/// Never for what this crate reports; serializing to text can fail in principle.
pub fn render(document: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(document)
}
