//! Groups nested deeper than the stack has room for.

use std::error::Error;
use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use unstuck::{BoxError, ErrorGroup, OnFailure, TaskGroup};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

const LEVELS: usize = 200_000;

/// An error that was caused by a group.
#[derive(Debug)]
struct Because(ErrorGroup);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("because")
    }
}

impl Error for Because {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// A group of an error and of a group, which is made of the same, and so on.
async fn nested(error: fn(ErrorGroup) -> BoxError) -> ErrorGroup {
    let group = || TaskGroup::new("g").on_failure(OnFailure::WaitForAll);
    let innermost = group().scope(async |_| fail("innermost"));
    let mut errors = innermost.await.unwrap_err();
    for _ in 1..LEVELS {
        let outer = group().scope(async |group| {
            group.spawn("leaf", async { fail("leaf") })?;
            Err::<(), _>(error(errors))
        });
        errors = outer.await.unwrap_err();
    }
    errors
}

/// Runs `test` on a thread with the stack that threads have by default.
fn on_a_small_stack(error: fn(ErrorGroup) -> BoxError, test: fn(ErrorGroup)) {
    let test = move || {
        let runtime = Builder::new_current_thread().build().unwrap();
        test(runtime.block_on(nested(error)));
    };
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(test);
    thread.unwrap().join().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "prints more than Miri does in a minute")]
fn case_33_groups_in_groups_are_counted_printed_written_split_and_dropped_to_any_depth() {
    on_a_small_stack(BoxError::from, |errors| {
        assert_eq!(
            (errors.error_count(), errors.leaves().count()),
            (LEVELS, LEVELS)
        );
        assert!(
            errors
                .source()
                .unwrap()
                .to_string()
                .contains("errors in it")
        );
        let text = format!("{LEVELS} errors in task group `g`");
        assert_eq!(errors.to_string(), text);
        assert!(format!("{errors:?}").contains(&format!("{} errors in it", LEVELS - 8)));
        expect_every_error_in_text(&errors);
        let (leaves, rest) = errors.split(|failure| failure.task() == "leaf");
        assert_eq!(leaves.unwrap().error_count(), LEVELS - 1);
        let innermost = rest.unwrap().filter(|failure| failure.task() == "body");
        assert_eq!(innermost.unwrap().into_leaves().len(), 1);
    });
    on_a_small_stack(BoxError::from, |errors| {
        assert_eq!(errors.into_leaves().len(), LEVELS);
    });
}

#[test]
#[cfg_attr(miri, ignore = "prints more than Miri does in a minute")]
fn groups_that_errors_were_caused_by_are_printed_written_split_and_dropped_to_any_depth() {
    let because = |errors| Because(errors).into();
    on_a_small_stack(because, |errors| {
        assert_eq!((errors.error_count(), errors.leaves().count()), (2, 2));
        assert!(format!("{errors:?}").contains("2 errors in it"));
        expect_every_error_in_text(&errors);
        let (leaf, rest) = errors.split(|failure| failure.task() == "leaf");
        assert_eq!(
            (leaf.unwrap().error_count(), rest.unwrap().error_count()),
            (1, 1)
        );
    });
}

fn expect_every_error_in_text(errors: &ErrorGroup) {
    let tree = errors.tree().depth(usize::MAX).to_string();
    assert_eq!(tree.matches("| leaf: leaf").count(), LEVELS - 1);
    assert_eq!(tree.matches("| body: innermost").count(), 1);
    let longest = tree.lines().map(str::len).max().unwrap();
    assert!(longest < 150, "a line of {longest} bytes");

    #[cfg(feature = "serde")]
    {
        let text = serde_json::to_string(&errors).unwrap();
        assert_eq!(text.matches(r#""message":"leaf""#).count(), LEVELS - 1);
        assert_eq!(text.matches(r#""message":"innermost""#).count(), 1);
        assert_eq!(text.matches(r#""flattened":true"#).count(), 1);
        // This parser has a limit.
        let mut group: &serde_json::Value = &serde_json::from_str(&text).unwrap();
        for _ in 1..32 {
            assert_eq!(group["flattened"], false);
            group = &group["failures"][0]["group"];
        }
        assert_eq!(group["flattened"], true);
        let failures = group["failures"].as_array().unwrap();
        assert!(failures.iter().all(|failure| failure["group"].is_null()));
    }
}

/// Groups within groups, each in a child of the one around it. Says so once the innermost task runs.
fn nested_tasks(
    levels: usize,
    inside: oneshot::Sender<()>,
) -> Pin<Box<dyn Future<Output = Unit> + Send>> {
    Box::pin(async move {
        if levels == 0 {
            let _ = inside.send(());
            return pending().await;
        }
        let group = TaskGroup::new("g").scope(async |group| {
            group.spawn("child", nested_tasks(levels - 1, inside))?;
            Ok(())
        });
        Ok(group.await?)
    })
}

/// Cancels so many groups within groups, and returns how long that takes.
async fn cancel_nested(levels: usize) -> Duration {
    let (inside, is_inside) = oneshot::channel();
    let mut cancelled_at = None;
    let errors = TaskGroup::new("outermost")
        .scope(async |group| {
            group.spawn("child", nested_tasks(levels, inside))?;
            is_inside.await?;
            cancelled_at = Some(Instant::now());
            fail("enough")
        })
        .await
        .unwrap_err();
    assert_eq!(shape(&errors), "[enough]");
    cancelled_at.unwrap().elapsed()
}

/// They are cancelled, and then dropped, one after the other: the stack has no room for all at once.
#[test]
fn thousands_of_groups_within_groups_come_to_their_end() {
    const LEVELS: usize = if cfg!(miri) { 20 } else { 10_000 };
    on_each_flavor(async || {
        cancel_nested(LEVELS).await;
    });
}

/// Four times as many take four times as long. It would be 16 times if each group looked at all around it.
#[tokio::test]
#[cfg_attr(miri, ignore = "measures time")]
async fn case_34_nested_groups_are_cancelled_in_linear_time() {
    let mut ratio = f64::INFINITY;
    // What else the machine does can only make it longer.
    for _ in 0..10 {
        let few = cancel_nested(8_000).await;
        let many = cancel_nested(32_000).await;
        ratio = ratio.min(many.as_secs_f64() / few.as_secs_f64());
        if ratio < 6.0 {
            return;
        }
    }
    panic!("four times as many groups take {ratio:.1} times as long");
}
