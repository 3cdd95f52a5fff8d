#![doc = include_str!("json.md")]

use super::Document;

/// The document as JSON, over several lines.
///
/// # Errors
///
/// Never for a document of this crate; serializing to text can fail in principle.
pub fn render(document: &Document) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(document)
}
