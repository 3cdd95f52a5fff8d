//! Events of `unstuck`.

use unstuck::Event;

/// Waits for the event, as one of a pool does.
async fn wait(mut opened: Event) {
    opened.wait().await;
}

/// The one that was to set it has ended without.
#[tokio::main]
pub async fn orphaned() {
    let mut opened = Event::new("opened");
    let setter = opened.clone();
    tokio::spawn(async move { drop(setter) }).await.unwrap();
    tokio::spawn(wait(opened.clone()));
    crate::spawn_ticker();
    crate::ready();
    opened.wait().await;
}

/// A task sleeps, and sets it then.
#[tokio::main]
pub async fn late_setter() {
    let mut opened = Event::new("opened");
    let setter = opened.clone();
    tokio::spawn(async move {
        tokio::time::sleep(crate::HOUR).await;
        setter.set();
    });
    tokio::spawn(wait(opened.clone()));
    crate::ready();
    opened.wait().await;
}
