//! What the tasks share.

use std::collections::HashMap;

use tokio::sync::Mutex;

pub(super) struct Shared {
    /// The content of posts.
    pub(super) cache: Mutex<HashMap<i64, String>>,
    /// How often each post was stored.
    pub(super) stores: Mutex<HashMap<i64, u32>>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            cache: Mutex::new(HashMap::new()),
            stores: Mutex::new(HashMap::new()),
        }
    }
}
