//! Polls that go on: which they are, and what their threads do meanwhile.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::snapshot::{PollSeen, TaskId};
use super::threads::Moment;
use super::{Observer, Seat};
use crate::sync::lock;

/// Long enough to tell a thread that sleeps from one that naps.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

impl Observer {
    /// The polls that go on, each looked at twice. Takes a moment.
    pub(super) fn polls(&self) -> Vec<PollSeen> {
        let moment = |seat: &Seat| seat.thread.and_then(Moment::of);
        let seats: Vec<Arc<Seat>> = lock(&self.0.seats).clone();
        let polling = |seat: &Arc<Seat>| seat.polling.load().is_some();
        let first = seats.into_iter().filter(polling).map(|seat| {
            let (poll, then) = (seat.polls.load(), moment(&seat));
            (seat, poll, then)
        });
        let first: Vec<_> = first.collect();
        thread::sleep(BETWEEN_LOOKS);
        let second = first.into_iter().filter_map(|(seat, poll, then)| {
            let task = TaskId::from(seat.polling.load()?);
            let now = moment(&seat);
            let doing = then.zip(now).map(|(then, now)| now.doing_since(&then));
            (seat.polls.load() == poll).then_some(PollSeen { task, doing })
        });
        second.collect()
    }
}
