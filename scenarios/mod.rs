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
mod full_queue;
mod idle_worker;
mod lost_wakeup;
mod question_mark;
mod silent_server;
mod swallowed_errors;
mod torn_write;
mod unclosed_channel;

use unstuck::demo::Chapter;

/// All chapters; the first scenario of the first is the one that plays when none is named.
pub(crate) const ALL: &[Chapter] = &[
    Chapter {
        name: "errors",
        title: "errors that reach nobody",
        scenarios: &[swallowed_errors::SCENARIO, question_mark::SCENARIO],
    },
    Chapter {
        name: "queues",
        title: "waits for what never comes",
        scenarios: &[
            idle_worker::SCENARIO,
            unclosed_channel::SCENARIO,
            lost_wakeup::SCENARIO,
            full_queue::SCENARIO,
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
