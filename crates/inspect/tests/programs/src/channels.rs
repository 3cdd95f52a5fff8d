//! Channels of other libraries than Tokio. Of each, in one program nobody brings about what is waited for, and in
//! another one a task that sleeps will, or a thread.

use std::future::pending;
use std::thread;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::main]
pub async fn futures_channel() {
    use futures_channel::mpsc;
    tokio::spawn(futures::hears());
    tokio::spawn(futures::fills());
    let (requests, inbox) = mpsc::unbounded();
    let (start, started) = mpsc::channel(0);
    tokio::spawn(futures::asks(requests, start));
    tokio::spawn(futures::serves(inbox, started));
    crate::ready();
    pending::<()>().await;
}

#[tokio::main]
pub async fn futures_channel_in_use() {
    use futures_channel::{mpsc, oneshot};
    let (sender, receiver) = mpsc::unbounded::<u8>();
    tokio::spawn(futures::receives(receiver));
    tokio::spawn(futures::sends_later(sender));

    let (mut sender, receiver) = mpsc::channel::<u8>(0);
    tokio::spawn(async move { sender.send(1).await });
    tokio::spawn(futures::receives_later(receiver));

    let (sender, receiver) = oneshot::channel::<u8>();
    thread::spawn(|| in_thread(sender));
    tokio::spawn(receiver);
    crate::ready();
    pending::<()>().await;
}

/// It has something that a task waits for.
fn in_thread<T>(held: T) {
    thread::sleep(HOUR);
    drop(held);
}

mod futures {
    use super::*;
    use futures_channel::{mpsc, oneshot};

    /// Its only sender is its own.
    pub(super) async fn hears() {
        let (sender, mut receiver) = mpsc::channel::<u8>(4);
        receiver.next().await; // waits: hears
        drop(sender);
    }

    /// Its receiver is its own.
    pub(super) async fn fills() {
        let (mut sender, receiver) = mpsc::channel(1);
        for number in 0..9 {
            sender.send(number).await.ok(); // waits: fills
        }
        drop(receiver);
    }

    /// The sender of its reply lies in the queue of one who waits for a word of it.
    pub(super) async fn asks(
        requests: mpsc::UnboundedSender<oneshot::Sender<u8>>,
        start: mpsc::Sender<u8>,
    ) {
        let (reply, answer) = oneshot::channel();
        requests.unbounded_send(reply).ok();
        answer.await.ok(); // waits: asks
        drop(start);
    }

    pub(super) async fn serves(
        mut inbox: mpsc::UnboundedReceiver<oneshot::Sender<u8>>,
        mut started: mpsc::Receiver<u8>,
    ) {
        started.next().await; // waits: serves
        inbox.next().await;
    }

    pub(super) async fn receives(mut receiver: mpsc::UnboundedReceiver<u8>) {
        receiver.next().await;
    }

    pub(super) async fn sends_later(sender: mpsc::UnboundedSender<u8>) {
        tokio::time::sleep(HOUR).await;
        sender.unbounded_send(1).ok();
    }

    pub(super) async fn receives_later(mut receiver: mpsc::Receiver<u8>) {
        tokio::time::sleep(HOUR).await;
        receiver.next().await;
    }
}

#[tokio::main]
pub async fn flume() {
    tokio::spawn(flumes::hears());
    tokio::spawn(flumes::fills());
    tokio::spawn(flumes::streams());
    let (requests, inbox) = flume::unbounded();
    let (start, started) = flume::bounded(0);
    tokio::spawn(flumes::asks(requests, start));
    tokio::spawn(flumes::serves(inbox.clone(), started.clone()));
    tokio::spawn(flumes::serves(inbox, started));
    crate::ready();
    pending::<()>().await;
}

#[tokio::main]
pub async fn flume_in_use() {
    let (sender, receiver) = flume::unbounded::<u8>();
    tokio::spawn(flumes::receives(receiver));
    tokio::spawn(flumes::sends_later(sender));

    let (sender, receiver) = flume::bounded(1);
    tokio::spawn(flumes::overflows(sender));
    // One of two receivers is with a task that waits for nothing.
    tokio::spawn(flumes::keeps(receiver.clone()));
    tokio::spawn(flumes::receives_later(receiver));

    let (sender, receiver) = flume::unbounded::<u8>();
    thread::spawn(move || in_thread(sender));
    tokio::spawn(flumes::receives(receiver));
    crate::ready();
    pending::<()>().await;
}

mod flumes {
    use super::*;
    use flume::{Receiver, Sender, bounded};

    /// Its only sender is its own.
    pub(super) async fn hears() {
        let (sender, receiver) = bounded::<u8>(4);
        receiver.recv_async().await.ok(); // waits: flume_hears
        drop(sender);
    }

    /// Its receiver is its own.
    pub(super) async fn fills() {
        let (sender, receiver) = bounded(1);
        for number in 0..9 {
            sender.send_async(number).await.ok(); // waits: flume_fills
        }
        drop(receiver);
    }

    /// The stream owns its receiver.
    pub(super) async fn streams() {
        let (sender, receiver) = bounded::<u8>(4);
        let mut stream = receiver.into_stream();
        stream.next().await; // waits: flume_streams
        drop(sender);
    }

    /// The sender of its reply lies in the queue of two who wait for a word of it.
    pub(super) async fn asks(requests: Sender<Sender<u8>>, start: Sender<u8>) {
        let (reply, answer) = bounded(1);
        requests.send(reply).ok();
        answer.recv_async().await.ok(); // waits: flume_asks
        drop(start);
    }

    pub(super) async fn serves(inbox: Receiver<Sender<u8>>, started: Receiver<u8>) {
        started.recv_async().await.ok(); // waits: flume_serves
        inbox.recv_async().await.ok();
    }

    pub(super) async fn receives(receiver: Receiver<u8>) {
        receiver.recv_async().await.ok();
    }

    pub(super) async fn sends_later(sender: Sender<u8>) {
        tokio::time::sleep(HOUR).await;
        sender.send(1).ok();
    }

    pub(super) async fn overflows(sender: Sender<u8>) {
        for number in 0..9 {
            sender.send_async(number).await.ok();
        }
    }

    pub(super) async fn keeps(receiver: Receiver<u8>) {
        pending::<()>().await;
        drop(receiver);
    }

    pub(super) async fn receives_later(receiver: Receiver<u8>) {
        tokio::time::sleep(HOUR).await;
        receiver.recv().ok();
    }
}

#[tokio::main]
pub async fn async_channel() {
    tokio::spawn(async_channels::hears());
    tokio::spawn(async_channels::fills());
    tokio::spawn(async_channels::streams());
    let (requests, inbox) = async_channel::bounded(1);
    let (replies, answers) = async_channel::bounded(1);
    tokio::spawn(async_channels::asks(requests, answers));
    tokio::spawn(async_channels::serves(inbox, replies));
    crate::ready();
    pending::<()>().await;
}

#[tokio::main]
pub async fn async_channel_in_use() {
    let (sender, receiver) = async_channel::unbounded::<u8>();
    tokio::spawn(async_channels::receives(receiver));
    tokio::spawn(async_channels::sends_later(sender));

    let (sender, receiver) = async_channel::bounded(1);
    tokio::spawn(async_channels::overflows(sender));
    tokio::spawn(async_channels::receives_later(receiver));

    // Whoever has a weak sender may make a sender of it.
    let (sender, receiver) = async_channel::unbounded::<u8>();
    let weak = sender.downgrade();
    thread::spawn(|| in_thread(weak));
    tokio::spawn(async_channels::listens(sender, receiver));
    crate::ready();
    pending::<()>().await;
}

mod async_channels {
    use super::*;
    use async_channel::{Receiver, Sender, bounded};

    /// Its only sender is its own.
    pub(super) async fn hears() {
        let (sender, receiver) = bounded::<u8>(4);
        receiver.recv().await.ok(); // waits: async_hears
        drop(sender);
    }

    /// Its receiver is its own.
    pub(super) async fn fills() {
        let (sender, receiver) = bounded(1);
        for number in 0..9 {
            sender.send(number).await.ok(); // waits: async_fills
        }
        drop(receiver);
    }

    pub(super) async fn streams() {
        let (sender, receiver) = bounded::<u8>(4);
        let mut stream = std::pin::pin!(receiver);
        stream.next().await; // waits: async_streams
        drop(sender);
    }

    /// Each has filled what the other one receives from.
    pub(super) async fn asks(requests: Sender<u8>, answers: Receiver<u8>) {
        for number in 0..9 {
            requests.send(number).await.ok(); // waits: async_asks
        }
        while answers.recv().await.is_ok() {}
    }

    pub(super) async fn serves(inbox: Receiver<u8>, replies: Sender<u8>) {
        while let Ok(number) = inbox.recv().await {
            replies.send(number).await.ok(); // waits: async_serves
        }
    }

    pub(super) async fn receives(receiver: Receiver<u8>) {
        receiver.recv().await.ok();
    }

    pub(super) async fn sends_later(sender: Sender<u8>) {
        tokio::time::sleep(HOUR).await;
        sender.try_send(1).ok();
    }

    pub(super) async fn overflows(sender: Sender<u8>) {
        for number in 0..9 {
            sender.send(number).await.ok();
        }
    }

    pub(super) async fn receives_later(receiver: Receiver<u8>) {
        tokio::time::sleep(HOUR).await;
        receiver.recv().await.ok();
    }

    pub(super) async fn listens(sender: Sender<u8>, receiver: Receiver<u8>) {
        receiver.recv().await.ok();
        drop(sender);
    }
}
