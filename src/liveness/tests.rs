//! Each kind of link between those who wait, with its near miss.

mod graphs;
mod program;
mod proofs;

use unstuck_inspect::snapshot::{
    BlockingState, Counts, Gap, HandleKind, Lifecycle, NameId, PermitKind, ThreadActivity, WaitsFor,
};

use super::*;
use program::{Program, TaskId, timer};

/// What is said of a program that two readings found the same.
fn diagnosed(program: &Program) -> Diagnosis {
    diagnose(&Positions::of(&program.0), &program.0)
}

#[track_caller]
fn assert_stuck(program: &Program, rules: &[&str]) -> Diagnosis {
    let diagnosis = diagnosed(program);
    assert_eq!(diagnosis.verdict, Verdict::Stuck, "{diagnosis:#?}");
    assert_eq!(rules_of(&diagnosis), rules, "{diagnosis:#?}");
    diagnosis
}

/// It waits for something that may come, and no part of it is stuck.
#[track_caller]
fn assert_well(program: &Program) {
    let diagnosis = diagnosed(program);
    assert_eq!(diagnosis.verdict, Verdict::Waiting, "{diagnosis:#?}");
    assert_eq!(diagnosis.waits().count(), 0, "{diagnosis:#?}");
}

/// The whole is not stuck, but a part is.
#[track_caller]
fn assert_part(program: &Program, rule: &str, until: Until) {
    let diagnosis = diagnosed(program);
    assert_eq!(diagnosis.verdict, Verdict::Waiting, "{diagnosis:#?}");
    assert_eq!(rules_of(&diagnosis), [rule], "{diagnosis:#?}");
    assert_eq!(first(&diagnosis).until, until);
}

fn rules_of(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis.waits().map(|(finding, _)| finding.rule).collect()
}

/// The first wait that nothing ends.
#[track_caller]
fn first(diagnosis: &Diagnosis) -> &Wait {
    let first = diagnosis.waits().next();
    first.unwrap_or_else(|| panic!("{diagnosis:#?}")).1
}

/// Two tasks, each with the lock that the other one waits for, and a main that waits for the first one.
fn deadlock() -> (Program, TaskId, TaskId) {
    let mut program = Program::new();
    let (a, b) = (program.mutex(), program.mutex());
    let (one, two) = (program.task(), program.task());
    program.holds(one, HandleKind::MutexGuard, a);
    program.waits(one, b.lock());
    program.holds(two, HandleKind::MutexGuard, b);
    program.waits(two, a.lock());
    program.main_waits(program.end_of(one));
    (program, one, two)
}

#[test]
fn tasks_that_wait_for_each_others_locks_are_stuck() {
    let (program, one, two) = deadlock();
    let diagnosis = assert_stuck(&program, &["lock-cycle"]);
    let finding = first(&diagnosis);
    let waiters = |link: &Link| link.waiters.iter().map(|it| it.actor).collect::<Vec<_>>();
    let holders = |link: &Link| {
        let actors = link.holders.iter().filter_map(|it| it.actor);
        actors.collect::<Vec<_>>()
    };
    let [one_link, other_link] = &finding.links[..] else {
        panic!("{finding:#?}")
    };
    assert_eq!(waiters(one_link), [Actor::Task(one.0)]);
    assert_eq!(holders(one_link), [Actor::Task(two.0)]);
    assert_eq!(one_link.holders[0].waits_in, Some(1));
    assert_eq!(waiters(other_link), [Actor::Task(two.0)]);
    assert_eq!(holders(other_link), [Actor::Task(one.0)]);
    assert_eq!(other_link.holders[0].waits_in, Some(0));
    // Main.
    assert_eq!(finding.others, 1);
}

#[test]
fn a_ticker_beside_a_deadlock_does_not_hide_it() {
    let (mut program, ..) = deadlock();
    program.ticker();
    assert_part(&program, "lock-cycle", Until::Never);
}

#[test]
fn a_holder_that_sleeps_will_release_its_lock() {
    let mut program = Program::new();
    let lock = program.mutex();
    let (holder, waiter) = (program.task(), program.task());
    program.holds(holder, HandleKind::MutexGuard, lock);
    program.waits(holder, timer());
    program.waits(waiter, lock.lock());
    program.main_waits(program.end_of(waiter));
    assert_well(&program);
}

#[test]
fn a_lock_that_is_held_where_nobody_looks_may_be_released() {
    let mut program = Program::new();
    let lock = program.mutex();
    let waiter = program.task();
    program.waits(waiter, lock.lock());
    program.main_waits(program.end_of(waiter));
    program.ticker();
    assert_well(&program);
}

#[test]
fn a_task_that_takes_its_own_lock_again_is_stuck() {
    let mut program = Program::new();
    let lock = program.mutex();
    let task = program.task();
    program.holds(task, HandleKind::MutexGuard, lock);
    program.waits(task, lock.lock());
    program.main_waits(program.end_of(task));
    assert_stuck(&program, &["self-deadlock"]);
    program.ticker();
    assert_part(&program, "self-deadlock", Until::Never);
}

#[test]
fn a_receiver_that_holds_the_only_sender_is_stuck() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let task = program.task();
    program.holds(task, HandleKind::MpscSender, channel);
    program.waits(task, channel.message());
    program.main_waits(program.end_of(task));
    let diagnosis = assert_stuck(&program, &["idle-receiver"]);
    let link = &first(&diagnosis).links[0];
    assert_eq!(
        (link.count, link.missing, link.uncertain),
        (Some(1), 0, false)
    );
    program.ticker();
    assert_part(&program, "idle-receiver", Until::Never);
}

#[test]
fn a_lock_whose_guard_was_forgotten_is_a_lost_permit() {
    let mut program = Program::new();
    let lock = program.mutex();
    let task = program.task();
    program.waits(task, lock.lock());
    program.main_waits(program.end_of(task));
    assert_stuck(&program, &["lost-permit"]);
}

#[test]
fn a_sender_that_was_not_found_may_send_as_long_as_something_moves() {
    let mut program = Program::new();
    let channel = program.channel(2);
    let task = program.task();
    program.holds(task, HandleKind::MpscSender, channel);
    program.waits(task, channel.message());
    program.main_waits(program.end_of(task));
    // Nothing moves that could use it.
    let diagnosis = assert_stuck(&program, &["idle-receiver"]);
    assert_eq!(first(&diagnosis).links[0].missing, 1);
    program.ticker();
    assert_well(&program);
}

#[test]
fn a_sender_that_may_have_moved_is_not_taken_for_the_one_that_is_counted() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let task = program.task();
    program.may_hold(task, HandleKind::MpscSender, channel);
    program.waits(task, channel.message());
    program.main_waits(program.end_of(task));
    program.ticker();
    assert_well(&program);
}

#[test]
fn what_the_count_leaves_no_room_for_was_dropped() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let (task, ticker) = (program.task(), program.ticker());
    program.holds(task, HandleKind::MpscSender, channel);
    program.may_hold(ticker, HandleKind::MpscSender, channel);
    program.waits(task, channel.message());
    program.main_waits(program.end_of(task));
    assert_part(&program, "idle-receiver", Until::Never);
}

#[test]
fn a_sender_in_a_sleeping_task_will_send() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let ticker = program.ticker();
    program.holds(ticker, HandleKind::MpscSender, channel);
    program.main_waits(channel.message());
    assert_well(&program);
}

#[test]
fn a_weak_sender_counts_as_one() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let (task, ticker) = (program.task(), program.ticker());
    program.0.objects[0].counts.weak_senders = Some(1);
    program.holds(task, HandleKind::MpscSender, channel);
    program.holds(ticker, HandleKind::MpscWeakSender, channel);
    program.waits(task, channel.message());
    program.main_waits(program.end_of(task));
    assert_well(&program);
}

#[test]
fn a_thread_of_the_program_may_wake_anything_that_is_not_accounted_for() {
    let (mut program, ..) = deadlock();
    program.thread(2, ThreadActivity::Other);
    assert_part(&program, "lock-cycle", Until::Never);
    let mut program = Program::new();
    let channel = program.oneshot();
    program.main_waits(channel.value());
    program.thread(2, ThreadActivity::Other);
    assert_well(&program);
}

#[test]
fn parked_workers_and_idle_threads_wake_nothing() {
    let (mut program, ..) = deadlock();
    program.thread(2, ThreadActivity::ParkedWorker);
    program.thread(3, ThreadActivity::IdlePoolThread);
    assert_stuck(&program, &["lock-cycle"]);
    program.0.threads[2].activity = ThreadActivity::Other;
    assert_eq!(diagnosed(&program).verdict, Verdict::Waiting);
}

#[test]
fn a_thread_of_a_library_that_waits_to_be_asked_wakes_nothing() {
    let serving = [
        "flume::Receiver<T>::recv",
        "sqlx_sqlite::connection::worker::ConnectionWorker::establish",
    ];
    let (mut program, ..) = deadlock();
    program.thread(2, ThreadActivity::Other);
    program.is_in(2, &serving);
    assert_stuck(&program, &["lock-cycle"]);
    program.calls_back(2);
    assert_eq!(diagnosed(&program).verdict, Verdict::Waiting);
    // It executes what it was asked for, or is a thread of the program's own.
    for other in [&serving[1..], &serving[..1]] {
        program.is_in(2, other);
        assert_eq!(diagnosed(&program).verdict, Verdict::Waiting);
    }
}

#[test]
fn the_harness_of_tests_wakes_nothing_while_it_waits_for_one_to_end() {
    let waits = [
        "<std::sync::mpsc::Receiver<test::event::CompletedTest>>::recv_timeout",
        "test::run_tests::<test::console::run_tests_console::{closure#2}>",
    ];
    let (mut program, ..) = deadlock();
    program.thread(2, ThreadActivity::Other);
    program.is_in(2, &waits);
    assert_stuck(&program, &["lock-cycle"]);
    // It runs a test itself.
    program.is_in(2, &waits[1..]);
    assert_eq!(diagnosed(&program).verdict, Verdict::Waiting);
}

#[test]
fn a_task_that_looks_after_a_library_wakes_nothing() {
    let (mut program, ..) = deadlock();
    let ticker = program.ticker();
    assert_eq!(diagnosed(&program).verdict, Verdict::Waiting);
    program.is_of_library(ticker, "sqlx_core::pool::inner::spawn_maintenance_tasks");
    assert_stuck(&program, &["lock-cycle"]);
    program.calls_back_in(ticker);
    assert_eq!(diagnosed(&program).verdict, Verdict::Waiting);
    // Others may well do the program's work.
    program.is_of_library(ticker, "tower::buffer::worker");
    assert_eq!(diagnosed(&program).verdict, Verdict::Waiting);
}

#[test]
fn two_that_wait_for_the_end_and_the_value_of_each_other_are_stuck() {
    let mut program = Program::new();
    let reply = program.oneshot();
    let (asks, works) = (program.task(), program.task());
    program.holds(works, HandleKind::OneshotReceiver, reply);
    program.holds(asks, HandleKind::OneshotSender, reply);
    program.waits(works, reply.value());
    program.waits(asks, program.end_of(works));
    program.main_waits(program.end_of(asks));
    assert_stuck(&program, &["circular-wait"]);
}

#[test]
fn a_value_that_was_sent_wakes_its_receiver() {
    let mut program = Program::new();
    let reply = program.oneshot();
    program.0.objects[0].counts.strong = Some(1);
    let task = program.task();
    program.holds(task, HandleKind::OneshotReceiver, reply);
    program.waits(task, reply.value());
    program.main_waits(program.end_of(task));
    assert_well(&program);
}

#[test]
fn a_notification_that_only_waiters_could_give_does_not_come() {
    let mut program = Program::new();
    let notify = program.notify(3);
    for _ in 0..3 {
        let task = program.task();
        program.holds(task, HandleKind::Arc, notify);
        program.waits(task, notify.notification());
    }
    program.main_waits(program.end_of(TaskId(0)));
    let diagnosis = assert_stuck(&program, &["circular-wait"]);
    assert_eq!(first(&diagnosis).links[0].waiters.len(), 3);
    program.ticker();
    assert_part(&program, "circular-wait", Until::Never);
}

#[test]
fn whoever_has_an_arc_of_it_or_could_get_one_may_notify() {
    for kind in [HandleKind::Arc, HandleKind::Weak] {
        let mut program = Program::new();
        let notify = program.notify(1 + u64::from(kind == HandleKind::Arc));
        program.0.objects[0].counts.weak = Some(u64::from(kind == HandleKind::Weak));
        let (task, ticker) = (program.task(), program.ticker());
        program.holds(task, HandleKind::Arc, notify);
        program.waits(task, notify.notification());
        program.holds(ticker, kind, notify);
        program.main_waits(program.end_of(task));
        assert_well(&program);
    }
}

/// A main that waits for a value whose only sender is in a shared one, of which it has an `Arc` itself.
fn sender_in_a_value(arcs: u64) -> (Program, program::Thing) {
    let mut program = Program::new();
    let (reply, state) = (program.oneshot(), program.value(arcs));
    program.keeps(state, HandleKind::OneshotSender, reply);
    let task = program.task();
    program.holds(task, HandleKind::OneshotReceiver, reply);
    program.holds(task, HandleKind::Arc, state);
    program.waits(task, reply.value());
    program.main_waits(program.end_of(task));
    (program, state)
}

#[test]
fn a_sender_in_a_value_that_only_its_receiver_reaches_sends_nothing() {
    let (mut program, _) = sender_in_a_value(1);
    program.ticker();
    assert_part(&program, "idle-receiver", Until::Never);
    let diagnosis = diagnosed(&program);
    let link = &first(&diagnosis).links[0];
    assert_eq!((link.missing, link.uncertain), (0, false));
    assert_eq!(link.holders[0].actor, Some(Actor::Task(0)));
    let With::Inside { is_queued, .. } = link.holders[0].with else {
        panic!("{link:#?}")
    };
    assert!(!is_queued);
}

#[test]
fn whoever_reaches_a_value_may_use_a_sender_in_it() {
    for kind in [HandleKind::Arc, HandleKind::Weak] {
        let strong = kind == HandleKind::Arc;
        let (mut program, state) = sender_in_a_value(1 + u64::from(strong));
        program.0.objects[1].counts.weak = Some(u64::from(!strong));
        let ticker = program.ticker();
        program.holds(ticker, kind, state);
        assert_well(&program);
    }
    // By way of another value.
    let (mut program, state) = sender_in_a_value(2);
    let outer = program.value(1);
    program.keeps(outer, HandleKind::Arc, state);
    let ticker = program.ticker();
    program.holds(ticker, HandleKind::Arc, outer);
    assert_well(&program);
}

#[test]
fn an_arc_of_a_value_that_was_not_found_may_be_used() {
    let (mut program, _) = sender_in_a_value(2);
    program.ticker();
    assert_well(&program);
}

#[test]
fn a_value_that_may_have_been_dropped_accounts_for_no_sender() {
    let mut program = Program::new();
    let (reply, state) = (program.oneshot(), program.value(1));
    program.keeps(state, HandleKind::OneshotSender, reply);
    let task = program.task();
    program.may_hold(task, HandleKind::Arc, state);
    program.waits(task, reply.value());
    program.main_waits(program.end_of(task));
    program.ticker();
    assert_well(&program);
}

#[test]
fn an_arc_that_must_have_been_dropped_reaches_no_value() {
    // One that may be there does.
    for (arcs, is_there) in [(1, false), (2, true)] {
        let (mut program, state) = sender_in_a_value(arcs);
        let ticker = program.ticker();
        program.may_hold(ticker, HandleKind::Arc, state);
        if is_there {
            assert_well(&program);
        } else {
            assert_part(&program, "idle-receiver", Until::Never);
        }
    }
}

/// A task waits for room in a channel from which two others receive. They wait for it, or one of them for a timer.
fn full_for_two(weak_senders: u64, one_moves: bool) -> Diagnosis {
    let mut program = Program::new();
    let channel = program.shared_channel(2, weak_senders);
    let sends = program.task();
    program.holds(sends, HandleKind::ChannelSender, channel);
    program.waits(sends, channel.place());
    for moves in [false, one_moves] {
        let receives = program.task();
        program.holds(receives, HandleKind::ChannelReceiver, channel);
        let end = program.end_of(sends);
        program.waits(receives, if moves { timer() } else { end });
    }
    program.main_waits(program.end_of(sends));
    program.ticker();
    diagnosed(&program)
}

#[test]
fn room_is_made_by_whoever_of_the_receivers_moves() {
    for moves in [false, true] {
        let diagnosis = full_for_two(0, moves);
        let waits = diagnosis.waits().count();
        assert_eq!(waits, usize::from(!moves), "{diagnosis:#?}");
    }
}

#[test]
fn a_weak_handle_that_was_not_found_may_make_room() {
    let diagnosis = full_for_two(1, false);
    assert_eq!(diagnosis.waits().count(), 0, "{diagnosis:#?}");
}

#[test]
fn a_pipe_without_a_writer_has_to_be_closed() {
    for closed in [false, true] {
        let mut program = Program::new();
        let pipe = program.pipe(1, closed);
        let reads = program.task();
        program.holds(reads, HandleKind::PipeReader, pipe);
        program.waits(reads, pipe.bytes());
        program.main_waits(program.end_of(reads));
        program.ticker();
        if closed {
            assert_well(&program);
        } else {
            assert_part(&program, "idle-receiver", Until::Never);
        }
    }
}

#[test]
fn bytes_come_from_who_has_the_other_end() {
    let mut program = Program::new();
    let pipe = program.pipe(2, false);
    let reads = program.task();
    program.holds(reads, HandleKind::PipeReader, pipe);
    program.waits(reads, pipe.bytes());
    program.main_waits(program.end_of(reads));
    let ticker = program.ticker();
    // Where that is not found, somebody may have it.
    assert_well(&program);
    program.holds(ticker, HandleKind::PipeWriter, pipe);
    assert_well(&program);
}

#[test]
fn a_future_in_a_value_may_be_polled_by_whoever_reaches_it() {
    let (mut program, state) = sender_in_a_value(1);
    program.ticker();
    program.keeps_future(
        state,
        WaitsFor::Io {
            registration: program::address(1),
            descriptor: None,
            interest: None,
        },
    );
    // A socket does nothing by itself.
    assert_part(&program, "idle-receiver", Until::Never);
    program.keeps_future(state, timer());
    assert_well(&program);
}

/// A task that waits for the answer to a request that is in its own inbox.
fn asks_itself() -> (Program, program::Thing, TaskId) {
    let mut program = Program::new();
    let (reply, inbox) = (program.oneshot(), program.channel(1));
    program.keeps(inbox, HandleKind::OneshotSender, reply);
    let task = program.task();
    program.waits(task, reply.value());
    program.main_waits(program.end_of(task));
    (program, inbox, task)
}

#[test]
fn a_sender_in_the_queue_of_who_waits_for_it_sends_nothing() {
    let (mut program, inbox, task) = asks_itself();
    program.holds(task, HandleKind::MpscReceiver, inbox);
    // It can send, and not receive.
    let ticker = program.ticker();
    program.holds(ticker, HandleKind::MpscSender, inbox);
    assert_part(&program, "idle-receiver", Until::Never);
    let diagnosis = diagnosed(&program);
    let [holder] = &first(&diagnosis).links[0].holders[..] else {
        panic!("{diagnosis:#?}")
    };
    assert_eq!(holder.actor, Some(Actor::Task(task.0)));
    assert!(matches!(
        holder.with,
        With::Inside {
            is_queued: true,
            ..
        }
    ));
}

#[test]
fn a_sender_in_the_queue_of_a_task_that_sleeps_will_be_received() {
    let (mut program, inbox, _) = asks_itself();
    let ticker = program.ticker();
    program.holds(ticker, HandleKind::MpscReceiver, inbox);
    assert_well(&program);
}

#[test]
fn a_receiver_that_was_not_found_may_take_a_sender_from_the_queue() {
    let (mut program, ..) = asks_itself();
    program.ticker();
    assert_well(&program);
}

#[test]
fn a_sender_in_a_static_may_be_used_by_all_that_moves() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let task = program.task();
    program.static_holds("app::EVENTS", HandleKind::MpscSender, channel);
    program.waits(task, channel.message());
    program.main_waits(program.end_of(task));
    let diagnosis = assert_stuck(&program, &["idle-receiver"]);
    let [holder] = &first(&diagnosis).links[0].holders[..] else {
        panic!("{diagnosis:#?}")
    };
    assert_eq!(holder.actor, None);
    assert!(matches!(holder.with, With::Static { index: 0, .. }));
    program.ticker();
    assert_well(&program);
}

#[test]
fn a_thread_may_use_a_sender_in_a_static() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let task = program.task();
    program.static_holds("app::EVENTS", HandleKind::MpscSender, channel);
    program.waits(task, channel.message());
    program.main_waits(program.end_of(task));
    program.thread(2, ThreadActivity::Other);
    assert_well(&program);
}

#[test]
fn a_signal_uses_what_is_in_the_statics_of_tokio() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let task = program.task();
    let name = "tokio::signal::registry::globals::GLOBALS";
    program.static_holds(name, HandleKind::MpscSender, channel);
    program.waits(task, channel.message());
    program.main_waits(program.end_of(task));
    assert_well(&program);
}

#[test]
fn a_sender_in_a_closure_that_is_queued_is_held_by_what_it_is_queued_for() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let running = program.blocking(BlockingState::Running { thread: Some(2) });
    program.blocking(BlockingState::Queued);
    program.captures(1, HandleKind::MpscSender, channel);
    program.thread(2, ThreadActivity::BlockOn);
    let inner = program.block_on(2);
    program.thread_waits(inner, channel.message());
    program.main_waits(WaitsFor::Task { task: running });
    assert_stuck(&program, &["starved-pool"]);
    program.ticker();
    assert_part(&program, "starved-pool", Until::Never);
    // There may be one thread more.
    let pool = program.0.runtimes[0].blocking_pool.as_mut().unwrap();
    pool.limit = Some(3);
    assert_well(&program);
}

#[test]
fn a_sender_in_a_future_that_is_written_by_hand_is_held_by_its_task() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let (task, ticker) = (program.task(), program.ticker());
    program.has_field(task, HandleKind::MpscSender, channel);
    program.waits(task, channel.message());
    program.main_waits(program.end_of(task));
    assert_part(&program, "idle-receiver", Until::Never);
    program.0.tasks[task.0].futures.handles.clear();
    program.has_field(ticker, HandleKind::MpscSender, channel);
    assert_well(&program);
}

#[test]
fn whoever_reaches_a_value_may_abort_the_tasks_whose_handles_are_in_it() {
    let (mut program, one, _) = deadlock();
    let (ticker, state) = (program.ticker(), program.value(1));
    program.holds(ticker, HandleKind::Arc, state);
    program.keeps_task(state, one);
    assert_part(&program, "lock-cycle", Until::Cancelled);
}

#[test]
fn two_that_send_into_each_others_full_channel_are_stuck() {
    let mut program = Program::new();
    let (to_one, to_two) = (program.channel(1), program.channel(1));
    let (one, two) = (program.task(), program.task());
    program.holds(one, HandleKind::MpscReceiver, to_one);
    program.waits(one, to_two.room());
    program.holds(two, HandleKind::MpscReceiver, to_two);
    program.waits(two, to_one.room());
    program.main_waits(program.end_of(one));
    program.ticker();
    assert_part(&program, "circular-wait", Until::Never);
}

#[test]
fn a_task_that_sends_into_its_own_full_channel_is_stuck() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let task = program.task();
    program.holds(task, HandleKind::MpscReceiver, channel);
    program.waits(task, channel.room());
    program.main_waits(program.end_of(task));
    assert_stuck(&program, &["full-channel"]);
}

#[test]
fn a_receiver_that_sleeps_will_make_room() {
    let mut program = Program::new();
    let channel = program.channel(1);
    let ticker = program.ticker();
    program.holds(ticker, HandleKind::MpscReceiver, channel);
    program.main_waits(channel.room());
    assert_well(&program);
}

#[test]
fn a_permit_that_was_granted_to_a_future_that_is_not_polled_is_held_by_it() {
    let mut program = Program::new();
    let lock = program.mutex();
    let task = program.task();
    program.left_off(task, lock.granted(PermitKind::Mutex));
    program.waits(task, lock.lock());
    program.main_waits(program.end_of(task));
    assert_stuck(&program, &["futurelock"]);
    // With something else to do, its task may come back to it.
    program.waits(task, timer());
    assert_well(&program);
}

#[test]
fn a_future_that_is_not_understood_may_be_woken() {
    let mut program = Program::new();
    let type_name = NameId(0);
    program.main_waits(WaitsFor::Unknown { type_name });
    assert_well(&program);
}

#[test]
fn a_waker_that_no_future_explains_may_wake_its_task() {
    let (mut program, one, _) = deadlock();
    program.0.tasks[one.0].state.references += 1;
    assert_well(&program);
}

#[test]
fn a_future_that_left_no_waker_where_it_waits_explains_none() {
    let (mut program, one, _) = deadlock();
    let leaf = &mut program.0.tasks[one.0].futures.leaves[0];
    leaf.registered = Some(true);
    assert_stuck(&program, &["lock-cycle"]);
    // So the waker that is counted is somewhere else.
    program.0.tasks[one.0].futures.leaves[0].registered = Some(false);
    assert_well(&program);
}

/// A main whose future awaits a type that is not known, in which there is a receiver of its own channel.
fn main_awaits_a_type(in_macro: bool) -> Program {
    let mut program = Program::new();
    let channel = program.channel(1);
    program.main_holds(HandleKind::MpscSender, channel);
    program.main_waits(channel.message());
    program.main_awaits(
        "core::future::poll_fn::PollFn<app::main::{closure}>",
        in_macro,
    );
    program
}

#[test]
fn the_wakers_of_a_thread_tell_whether_its_future_waits_for_more() {
    let mut program = main_awaits_a_type(false);
    assert_well(&program);
    program.0.block_ons[0].wakers = Some(1);
    assert_stuck(&program, &["idle-receiver"]);
    program.0.block_ons[0].wakers = Some(2);
    assert_well(&program);
    // It is not the one that waits in the channel.
    program.0.block_ons[0].wakers = Some(1);
    program.0.block_ons[0].futures.leaves[0].registered = Some(false);
    assert_well(&program);
}

#[test]
fn a_branch_of_a_select_that_is_not_understood_may_be_woken() {
    let mut program = main_awaits_a_type(true);
    let other = program.channel(1);
    program.main_holds(HandleKind::MpscSender, other);
    program.main_waits(other.message());
    assert_stuck(&program, &["idle-receiver"]);
    let type_name = NameId(0);
    program.main_left_off(WaitsFor::Unknown { type_name });
    assert_well(&program);
}

#[test]
fn a_task_without_a_waker_is_stuck_whatever_it_waits_for() {
    let mut program = Program::new();
    let task = program.task();
    program.waits(
        task,
        WaitsFor::Unknown {
            type_name: NameId(0),
        },
    );
    program.0.tasks[task.0].state.references = 1;
    program.main_waits(program.end_of(task));
    assert_stuck(&program, &["lost-waker"]);
}

#[test]
fn somebody_who_moves_may_abort_a_task_of_a_deadlock() {
    for kind in [HandleKind::JoinHandle, HandleKind::AbortHandle] {
        let (mut program, one, _) = deadlock();
        let ticker = program.ticker();
        program.holds_task(ticker, kind, one);
        assert_part(&program, "lock-cycle", Until::Cancelled);
    }
}

#[test]
fn a_timeout_ends_a_deadlock_and_does_not_hide_it() {
    let (mut program, one, _) = deadlock();
    program.has_timeout(one);
    assert_part(&program, "lock-cycle", Until::Timeout(5_000_000_000));
}

#[test]
fn a_timer_beside_a_lock_is_no_timeout() {
    let (mut program, one, _) = deadlock();
    program.waits(one, timer());
    assert_well(&program);
}

#[test]
fn threads_that_wait_for_work_queued_behind_them_are_stuck() {
    let mut program = Program::new();
    let main_waits_for = program.blocking(BlockingState::Running { thread: Some(2) });
    let queued = program.blocking(BlockingState::Queued);
    program.thread(2, ThreadActivity::BlockOn);
    let inner = program.block_on(2);
    program.thread_waits(inner, WaitsFor::Task { task: queued });
    program.main_waits(WaitsFor::Task {
        task: main_waits_for,
    });
    assert_stuck(&program, &["starved-pool"]);
    // There may be one thread more.
    let pool = program.0.runtimes[0].blocking_pool.as_mut().unwrap();
    pool.limit = Some(3);
    assert_well(&program);
}

#[test]
fn a_closure_on_a_thread_may_do_anything() {
    let mut program = Program::new();
    let task = program.blocking(BlockingState::Running { thread: Some(2) });
    program.thread(2, ThreadActivity::RunsClosure);
    program.main_waits(WaitsFor::Task { task });
    assert_well(&program);
}

#[test]
fn what_differs_between_two_readings_moves() {
    let (before, one, _) = deadlock();
    let (mut after, ..) = deadlock();
    after.0.tasks[one.0].state.references += 1;
    let diagnosis = diagnose(&Positions::of(&before.0), &after.0);
    assert_eq!(diagnosis.verdict, Verdict::Running);
    assert_eq!(diagnosis.waits().count(), 0, "{diagnosis:#?}");
}

#[test]
fn a_task_that_has_ended_keeps_nobody_alive_but_who_awaits_it() {
    let (mut program, ..) = deadlock();
    let ended = program.task();
    program.0.tasks[ended.0].state.lifecycle = Lifecycle::Complete;
    assert_eq!(diagnose_one(&program.0).verdict, Verdict::Stuck);
    // It is about to be woken.
    let address = program.0.tasks[ended.0].address;
    program.main_waits(WaitsFor::Task { task: address });
    assert_ne!(diagnose_one(&program.0).verdict, Verdict::Stuck);
}

#[test]
fn a_task_that_ends_between_two_readings_moves() {
    let with_another = |lifecycle| {
        let (mut program, ..) = deadlock();
        let task = program.task();
        program.0.tasks[task.0].state.lifecycle = lifecycle;
        program.0
    };
    let (runs, ended) = (Lifecycle::Running, Lifecycle::Complete);
    let verdict = |before, after| {
        let diagnosis = diagnose(&Positions::of(&with_another(before)), &with_another(after));
        diagnosis.verdict
    };
    assert_eq!(verdict(runs, ended), Verdict::Running);
    assert_eq!(verdict(ended, ended), Verdict::Stuck);
}

#[test]
fn a_task_that_runs_or_is_going_to_is_live() {
    for lifecycle in [Lifecycle::Running, Lifecycle::Scheduled] {
        let (mut program, one, _) = deadlock();
        program.0.tasks[one.0].state.lifecycle = lifecycle;
        let diagnosis = diagnosed(&program);
        assert_eq!(diagnosis.verdict, Verdict::Running);
        assert_eq!(diagnosis.waits().count(), 0, "{diagnosis:#?}");
    }
}

#[test]
fn what_was_not_read_may_wake_the_rest() {
    let (mut program, ..) = deadlock();
    program.0.gaps.push(Gap::SeveralTokioVersions {
        versions: Vec::new(),
    });
    assert_part(&program, "lock-cycle", Until::Never);
}

#[test]
fn one_snapshot_is_one_moment_of_a_core_or_one_reading() {
    let (mut program, ..) = deadlock();
    let diagnosis = diagnose_one(&program.0);
    assert_eq!(diagnosis.basis, Basis::OneReading);
    assert_eq!(diagnosis.verdict, Verdict::Stuck);
    program.0.taken_at_ns = None;
    assert_eq!(diagnose_one(&program.0).basis, Basis::Core);
}

#[test]
fn a_thread_that_sleeps_inside_a_poll_is_blocked() {
    let mut program = Program::new();
    program.main_waits(timer());
    program.0.block_ons[0].polled = true;
    program.0.threads[0].activity = ThreadActivity::Polls;
    let diagnosis = diagnosed(&program);
    assert_eq!(diagnosis.verdict, Verdict::Blocked);
    let [finding] = &diagnosis.findings[..] else {
        panic!("{diagnosis:#?}")
    };
    assert_eq!(finding.rule, "blocked-worker");
    let Cause::BlockedThread(blocked) = finding.cause else {
        panic!("{finding:#?}")
    };
    assert_eq!(
        (blocked.thread, blocked.block_on),
        (0, Some(Actor::BlockOn(0)))
    );
}

#[test]
fn errors_that_nobody_has_read_are_counted_by_what_they_say() {
    let mut program = Program::new();
    program.main_waits(timer());
    for number in 0..20_000 {
        let task = program.task();
        program.ends_with(task, &format!("error {}", number / 2));
    }
    let diagnosis = diagnosed(&program);
    let [errors] = &diagnosis.errors[..] else {
        panic!("{}", diagnosis.errors.len())
    };
    assert_eq!(errors.holder, None);
    assert_eq!(errors.failures.len(), 10_000);
    assert!(errors.failures.iter().all(|(_, count)| *count == 2));
    // One that runs may read them next.
    program.0.block_ons[0].polled = true;
    program.0.threads[0].state = unstuck_inspect::snapshot::ThreadState::Running;
    assert_eq!(diagnosed(&program).errors, []);
}

#[test]
fn who_holds_the_lock_that_blocks_a_thread_is_found_by_its_address_or_as_the_only_one() {
    let holder = |program: &Program| {
        let diagnosis = diagnosed(program);
        let Cause::BlockedThread(blocked) = diagnosis.findings[0].cause else {
            panic!("{diagnosis:#?}")
        };
        blocked
            .holder
            .map(|holder| (holder.actor, holder.is_certain))
    };
    let mut program = Program::new();
    let task = program.task();
    program.waits(task, timer());
    let [lock, other] =
        [0; 2].map(|_| program.thing("std::sync::poison::mutex::Mutex<()>", Counts::default()));
    program.holds(task, HandleKind::SyncMutexGuard, lock);
    program.main_waits(timer());
    program.0.block_ons[0].polled = true;
    program.0.threads[0].activity = ThreadActivity::Polls;
    program.main_sleeps_on(lock);
    assert_eq!(holder(&program), Some((Actor::Task(0), true)));
    program.main_sleeps_on(other);
    assert_eq!(holder(&program), None);

    // Where the lock does not have what the thread sleeps on.
    let main = program.0.process.id;
    program.is_in(main, &["lock_api::rwlock::RwLock<R,T>::write"]);
    let kind = "lock_api::rwlock::RwLock<dashmap::lock::RawRwLock, ()>";
    let [one, another] = [0; 2].map(|_| program.thing(kind, Counts::default()));
    program.holds(task, HandleKind::SyncWriteGuard, one);
    assert_eq!(holder(&program), Some((Actor::Task(0), false)));
    program.holds(task, HandleKind::SyncWriteGuard, another);
    assert_eq!(holder(&program), None);
}
