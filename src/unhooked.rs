//! What stands in for layers in a build without Tokio's hooks.

pub mod observe;
