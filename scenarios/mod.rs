//! The catalogue: every scenario, in the order in which they are taught.

/// A side of the scenario in that folder: the main function of the file of that name.
macro_rules! side {
    ($name:literal, $folder:literal / $file:ident, $expected:expr) => {
        unstuck::demo::Side {
            name: $name,
            main: |job| Box::pin($file::main(job)),
            file: concat!("scenarios/", $folder, "/", stringify!($file), ".rs"),
            source: include_str!(concat!(stringify!($file), ".rs")),
            expected: $expected,
        }
    };
}

mod blocked_runtime;
mod blog;
mod crawling_join;
mod detached;
mod early_done;
mod fail_fast;
mod forgotten_permit;
mod full_queue;
mod futurelock;
mod idle_worker;
mod lock_across_join;
mod lock_order;
mod looked_at;
mod lost_panic;
mod lost_wakeup;
mod one_bad_post;
mod question_mark;
mod silent_server;
mod stale_waker;
mod starved_pool;
mod swallowed_errors;
mod torn_write;
mod unclosed_channel;

use unstuck::demo::Chapter;

/// All chapters; the first scenario of the first is the one that plays when none is named.
pub(crate) const ALL: &[Chapter] = &[
    Chapter {
        name: "errors",
        title: "errors that reach nobody",
        scenarios: &[
            swallowed_errors::SCENARIO,
            question_mark::SCENARIO,
            fail_fast::SCENARIO,
            looked_at::SCENARIO,
            lost_panic::SCENARIO,
            early_done::SCENARIO,
            one_bad_post::SCENARIO,
            detached::SCENARIO,
        ],
    },
    Chapter {
        name: "queues",
        title: "waits for what never comes",
        scenarios: &[
            idle_worker::SCENARIO,
            unclosed_channel::SCENARIO,
            lost_wakeup::SCENARIO,
            stale_waker::SCENARIO,
            full_queue::SCENARIO,
        ],
    },
    Chapter {
        name: "locks",
        title: "locks, permits and pools",
        scenarios: &[
            lock_order::SCENARIO,
            lock_across_join::SCENARIO,
            starved_pool::SCENARIO,
            futurelock::SCENARIO,
            forgotten_permit::SCENARIO,
        ],
    },
    Chapter {
        name: "time",
        title: "slow, blocked, or cut off",
        scenarios: &[
            blocked_runtime::SCENARIO,
            torn_write::SCENARIO,
            crawling_join::SCENARIO,
            silent_server::SCENARIO,
        ],
    },
];
