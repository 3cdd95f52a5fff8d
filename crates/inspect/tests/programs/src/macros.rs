//! A task for each way in which a macro writes an `.await`.

use std::future::{Future, pending, ready};
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::Notify;

#[tokio::main]
pub async fn main() {
    let bell = Arc::new(Notify::new());
    tokio::spawn(selects(bell.clone()));
    tokio::spawn(selects_in_one_line(bell.clone()));
    tokio::spawn(joins(bell.clone()));
    tokio::spawn(tries(bell.clone()));
    tokio::spawn(selects_in_a_loop(bell.clone()));
    tokio::spawn(selects_in_an_arm(bell.clone()));
    tokio::spawn(awaits_in_an_arm(bell.clone()));
    tokio::spawn(selects_in_a_branch(bell.clone()));
    tokio::spawn(selects_among_others(bell.clone()));
    tokio::spawn(joins_among_others(bell.clone()));
    tokio::spawn(generic(bell.clone(), 1_u8));
    tokio::spawn(generic(bell.clone(), "one"));
    tokio::spawn(Server(bell.clone()).serves());
    tokio::spawn(block(bell.clone()));
    tokio::spawn(closure(bell.clone()));
    tokio::spawn(other_selects(bell.clone()));
    tokio::spawn(other_joins(bell.clone()));
    tokio::spawn(pends());
    tokio::spawn(pends_twice());
    tokio::spawn(pends_twice_in_one_line());
    tokio::spawn(macro_of_this_file(bell.clone()));
    tokio::spawn(own_macro(bell.clone()));
    tokio::spawn(own_macro_selects(bell));
    crate::ready();
    tokio::select! { // waits: main
        () = pending() => {}
        () = pending() => {}
    }
}

async fn selects(bell: Arc<Notify>) {
    tokio::select! { // waits: selects
        () = bell.notified() => {}
        () = pending() => {}
    }
}

#[rustfmt::skip]
async fn selects_in_one_line(bell: Arc<Notify>) {
    tokio::select! { () = bell.notified() => {}, () = pending() => {} } // waits: selects_in_one_line
}

async fn joins(bell: Arc<Notify>) {
    let _both = tokio::join!( // waits: joins
        bell.notified(),
        bell.notified(),
    );
}

async fn tries(bell: Arc<Notify>) -> Result<(), ()> {
    let wait = || async {
        bell.notified().await;
        Ok::<(), ()>(())
    };
    tokio::try_join!(wait(), wait())?; // waits: tries
    Ok(())
}

async fn selects_in_a_loop(bell: Arc<Notify>) {
    let mut rounds = 0;
    loop {
        tokio::select! { // waits: selects_in_a_loop
            biased;
            () = ready(()), if rounds < 3 => rounds += 1,
            () = bell.notified() => return,
        }
    }
}

async fn selects_in_an_arm(bell: Arc<Notify>) {
    tokio::select! {
        biased;
        () = ready(()) => {
            tokio::select! { // waits: selects_in_an_arm
                () = bell.notified() => {}
                () = pending() => {}
            }
        }
        () = bell.notified() => {}
    }
}

async fn awaits_in_an_arm(bell: Arc<Notify>) {
    tokio::select! {
        biased;
        () = ready(()) => {
            bell.notified().await; // waits: awaits_in_an_arm
        }
        () = bell.notified() => {}
    }
}

async fn selects_in_a_branch(bell: Arc<Notify>) {
    tokio::select! { // waits: around_a_branch
        () = async {
            tokio::select! { // waits: selects_in_a_branch
                () = bell.notified() => {}
                () = rings(&bell) => {}
            }
        } => {}
    }
}

async fn selects_among_others(bell: Arc<Notify>) {
    ready(1).await;
    tokio::select! {
        () = ready(()) => {}
        else => {}
    }
    tokio::join!(ready(1), ready(2));
    ready("two").await;
    tokio::select! { // waits: selects_among_others
        () = bell.notified() => {}
        () = pending() => {}
    }
    ready(3).await;
    tokio::select! {
        () = bell.notified() => {}
        () = pending() => {}
    }
    bell.notified().await;
}

async fn joins_among_others(bell: Arc<Notify>) {
    if Arc::strong_count(&bell) == 0 {
        tokio::join!(bell.notified(), bell.notified());
        bell.notified().await;
    } else {
        ready(()).await;
        tokio::join!(bell.notified(), bell.notified()); // waits: joins_among_others
    }
    tokio::join!(bell.notified(), bell.notified());
}

async fn generic<T: Send>(bell: Arc<Notify>, value: T) -> T {
    tokio::select! { // waits: generic
        () = bell.notified() => {}
        () = pending() => {}
    }
    value
}

struct Server(Arc<Notify>);

impl Server {
    async fn serves(self) {
        tokio::select! { // waits: serves
            () = self.0.notified() => {}
            () = pending() => {}
        }
    }
}

fn block(bell: Arc<Notify>) -> impl Future<Output = ()> {
    async move {
        tokio::join!(bell.notified(), pending::<()>()); // waits: block
    }
}

async fn closure(bell: Arc<Notify>) {
    let wait = async || {
        tokio::join!(bell.notified(), pending::<()>()); // waits: in_closure
    };
    wait().await; // waits: closure
}

async fn other_selects(bell: Arc<Notify>) {
    futures_util::select! { // waits: other_selects
        () = Box::pin(bell.notified()).fuse() => {}
        () = pending().fuse() => {}
    }
}

async fn other_joins(bell: Arc<Notify>) {
    futures_util::join!(bell.notified(), pending::<()>()); // waits: other_joins
}

async fn pends() {
    futures_util::pending!(); // waits: pends
}

async fn pends_twice() {
    futures_util::pending!(); // begins: pends_twice
    futures_util::pending!();
}

#[rustfmt::skip]
async fn pends_twice_in_one_line() {
    futures_util::pending!(); futures_util::pending!(); // waits: pends_twice_in_one_line
}

macro_rules! selects_here {
    ($future:expr) => {
        tokio::select! { // waits: selects_here
            () = $future => {}
            () = pending() => {}
        }
    };
}

async fn macro_of_this_file(bell: Arc<Notify>) {
    selects_here!(bell.notified());
}

async fn own_macro(bell: Arc<Notify>) {
    waits!(bell.notified()); // begins: own_macro
}

async fn own_macro_selects(bell: Arc<Notify>) {
    selects!(bell.notified()); // begins: own_macro_selects
}

async fn rings(bell: &Notify) {
    bell.notified().await; // waits: rings
}
