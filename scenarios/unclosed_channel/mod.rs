//! A channel that stays open because the task that waits for its end has a sender.

mod drop_sender;
mod keep_sender;
mod tasks;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "unclosed-channel",
    summary: "main keeps a sender while it waits for the receiver to hear that all are gone",
    contrast: "only whether `main` drops its sender before it waits differs",
    workers: None,
    posts: Some(3),
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "keep-sender",
            "unclosed_channel" / keep_sender,
            Expected {
                verdict: Verdict::Stuck,
                stored: 3,
                errors: Errors::NONE,
                rules: &["circular-wait"],
            }
        ),
        side!(
            "drop-sender",
            "unclosed_channel" / drop_sender,
            Expected {
                verdict: Verdict::Completed,
                stored: 3,
                errors: Errors::NONE,
                rules: &[],
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
