//! A test that hangs, for whoever runs tests.

#[tokio::test]
#[ignore = "it hangs"]
async fn waits_for_itself() {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<()>(1);
    receiver.recv().await; // waits: waits_for_itself
    drop(sender);
}
