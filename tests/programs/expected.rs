//! What is expected of a program that hangs, and of one that only looks so for a while.

use std::time::Duration;

use unstuck::demo::Expected;
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

/// Several times as long as a program must be quiet before it is looked at.
pub(crate) const A_WHILE: Duration = Duration::from_millis(700);

pub(crate) const COMPLETES: Expected = completes(&[]);

pub(crate) const fn completes(rules: &'static [&'static str]) -> Expected {
    hangs(Verdict::Completed, rules)
}

/// It ends with one error, that of main.
pub(crate) const fn fails(rules: &'static [&'static str]) -> Expected {
    Expected {
        errors: Errors::surfaced(1),
        ..hangs(Verdict::Failed, rules)
    }
}

pub(crate) const fn hangs(verdict: Verdict, rules: &'static [&'static str]) -> Expected {
    Expected {
        verdict,
        stored: 0,
        errors: Errors::NONE,
        rules,
    }
}
