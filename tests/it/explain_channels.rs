//! `unstuck explain`, of programs that hang in pipes and channels beside those of `tokio::sync`.

use crate::explain::{Waiting, answer, without_numbers};

/// Nobody brings about what is waited for, and these sentences say so.
#[track_caller]
fn assert_named(name: &str, waiting: usize, causes: &[&str]) {
    let program = Waiting::start(name);
    let text = program.explained_as("stuck", waiting, "--full");
    let why = without_numbers(answer(&text));
    for cause in causes {
        assert!(why.contains(cause), "no `{cause}`: {why}");
    }
    assert!(!why.contains("not known"), "{why}");
}

/// What is waited for may come, and no part of it is stuck.
#[track_caller]
fn assert_in_use(name: &str, waiting: usize) {
    let program = Waiting::start(name);
    let text = program.explained_as("waiting", waiting, "--full");
    let why = answer(&text);
    for rule in ["idle-receiver", "full-channel", "lock-cycle", "lost-waker"] {
        assert!(!why.contains(rule), "{why}");
    }
    assert!(why.contains("may wake tasks, too"), "{why}");
    assert!(!text.contains("not known"), "{text}");
}

#[test]
fn a_pipe_that_nobody_reads_or_writes_is_named() {
    assert_named(
        "pipes",
        6,
        &[
            "(`asks`) for bytes of pipe #[n]; task [n] holds the writing end in `stream` and waits for bytes of pipe",
            "(`answers`) for bytes of pipe #[n]; task [n] holds the writing end in `lines` and waits for bytes of pipe",
            "(`fills`) for room in pipe #[n]; task [n] itself holds the reading end in `far`; \
             no other reader exists [full-channel, ",
            "(`uploads`) for room in pipe #[n]; task [n] holds the reading end in `stream` and waits for the value of",
            "(`listens`) for bytes of pipe #[n]; no writer exists [idle-receiver, ",
        ],
    );
}

#[test]
fn a_pipe_that_somebody_may_use_later_is_not_stuck() {
    assert_in_use("pipes_in_use", 5);
}

#[test]
fn a_channel_of_futures_that_nobody_uses_is_named() {
    assert_named(
        "futures_channel",
        4,
        &[
            "(`hears`) for a message of mpsc channel #[n]; task [n] itself holds a sender in `sender`; \
             no other sender exists [idle-receiver, ",
            "(`fills`) for room in mpsc channel #[n]; task [n] itself holds the receiver in `receiver`; \
             no other receiver exists [full-channel, ",
            "(`asks`) for the value of oneshot channel #[n]; task [n] holds the receiver of an mpsc channel in `inbox`, \
             with a sender in its queue, and waits for a message of mpsc channel",
            "(`serves`) for a message of mpsc channel #[n]; task [n] holds a sender in `start` and waits for the value",
        ],
    );
}

#[test]
fn a_channel_of_futures_that_somebody_may_use_later_is_not_stuck() {
    assert_in_use("futures_channel_in_use", 5);
}

#[test]
fn a_channel_of_flume_that_nobody_uses_is_named() {
    assert_named(
        "flume",
        6,
        &[
            "(`hears`) for a message of channel #[n]; task [n] itself holds a sender in `sender`; \
             no other sender exists [idle-receiver, ",
            "(`fills`) for room in channel #[n]; task [n] itself holds a receiver in `receiver`; \
             no other receiver exists [full-channel, ",
            // It `holds` the sender, or `may hold` it where freed memory has its address, too.
            "(`streams`) for a message of channel #[n]; task [n] itself ",
            "(`asks`) for a message of channel #[n]; task [n] and task [n] hold the receiver of a channel in `inbox`, \
             with a sender in its queue, and wait for a message of channel",
            "(`serves`) for a message of channel #[n]; task [n] holds a sender in `start` and waits for a message",
        ],
    );
}

#[test]
fn a_channel_of_flume_that_somebody_may_use_later_is_not_stuck() {
    assert_in_use("flume_in_use", 6);
}

#[test]
fn a_channel_of_async_channel_that_nobody_uses_is_named() {
    assert_named(
        "async_channel",
        5,
        &[
            "(`hears`) for a message of channel #[n]; task [n] itself holds a sender in `sender`; \
             no other sender exists [idle-receiver, ",
            "(`fills`) for room in channel #[n]; task [n] itself holds a receiver in `receiver`; \
             no other receiver exists [full-channel, ",
            "(`streams`) for a message of channel #[n]; task [n] itself holds a sender in `sender`",
            "(`asks`) for room in channel #[n]; task [n] holds a receiver in `inbox` and waits for room in channel",
            "(`serves`) for room in channel #[n]; task [n] holds a receiver in `answers` and waits for room in channel",
        ],
    );
}

#[test]
fn a_channel_of_async_channel_that_somebody_may_use_later_is_not_stuck() {
    assert_in_use("async_channel_in_use", 5);
}

#[test]
fn replies_whose_senders_are_shared_by_all_who_wait_are_told_in_one_sentence() {
    let program = Waiting::start("nobody_replies");
    let text = program.explained_as("stuck", 4, "");
    let why: Vec<&str> = answer(&text).split_whitespace().collect();
    let why = why.join(" ");
    let sentence = "(`ask`), each for the value of a oneshot channel; 4 tasks hold a sender, which is in the \
                    `Mutex<Vec<Sender<()>>>` of `pending`, and wait for one, too";
    assert!(why.contains(sentence), "{why}");
    assert!(!why.contains("main holds"), "{why}");
}
