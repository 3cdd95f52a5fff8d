//! A program that does not hang, though it may look like it.

mod devices;
mod join_all;
mod one_by_one;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "crawling-join",
    summary: "`join_all` over thousands of answers takes time that grows with their square",
    contrast: "8,000 answers are awaited; all with one `join_all`, or one by one",
    workers: None,
    posts: None,
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!("join-all", "crawling_join" / join_all, COMPLETES),
        side!("one-by-one", "crawling_join" / one_by_one, COMPLETES),
    ],
    page: include_str!("README.md"),
    next: &[],
};

const COMPLETES: Expected = Expected {
    verdict: Verdict::Completed,
    stored: 0,
    errors: Errors::NONE,
    rules: &[],
};
