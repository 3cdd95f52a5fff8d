//! What a group failed with: kept, taken apart, and printed.

use std::sync::Arc;

use tokio::sync::Barrier;
use unstuck::{BoxError, ErrorGroup, Failure, OnFailure, TaskGroup};

use crate::failing::{fail, shape};
use crate::flavor::on_each_flavor;

/// A group that fails with these texts, and with inner groups where one has several.
async fn failing(texts: &[&'static [&'static str]]) -> ErrorGroup {
    let group = TaskGroup::new("outer").on_failure(OnFailure::WaitForAll);
    let ended = group.scope(async |group| {
        for (n, texts) in texts.iter().copied().enumerate() {
            group.spawn(format!("task-{n}"), async move {
                match texts {
                    [text] => fail(text),
                    texts => Ok(Box::pin(inner(texts)).await?),
                }
            })?;
        }
        Ok(())
    });
    ended.await.unwrap_err()
}

async fn inner(texts: &'static [&'static str]) -> Result<(), ErrorGroup> {
    let group = TaskGroup::new("inner").on_failure(OnFailure::WaitForAll);
    let ended = group.scope(async |group| {
        for text in texts {
            group.spawn(*text, async move { fail(text) })?;
        }
        Ok(())
    });
    ended.await
}

#[tokio::test]
async fn split_keeps_the_shape_and_drops_what_is_empty() {
    let errors = failing(&[&["a"], &["b", "a"], &["b", "c"]]).await;
    assert_eq!(errors.error_count(), 5);
    let (matching, rest) = errors.split(|failure| failure.failure().to_string() == "a");
    assert_eq!(shape(&matching.unwrap()), "[a, [a]]");
    assert_eq!(shape(&rest.unwrap()), "[[b], [b, c]]");

    let errors = failing(&[&["a"], &["a", "a"]]).await;
    let (matching, rest) = errors.split(|failure| failure.failure().to_string() == "a");
    assert_eq!(shape(&matching.unwrap()), "[a, [a, a]]");
    assert!(rest.is_none());
    assert!(failing(&[&["a"]]).await.filter(|_| false).is_none());
}

#[tokio::test]
async fn an_error_can_be_had_back_as_what_it_was() {
    let errors = TaskGroup::new("g")
        .scope(async |group| {
            group.spawn("parses", async { "x".parse::<u8>() })?;
            Ok(())
        })
        .await
        .unwrap_err();
    let Failure::Error(error) = errors.failures()[0].failure() else {
        panic!("it was an error");
    };
    assert!(error.is::<std::num::ParseIntError>());
}

#[tokio::test]
#[cfg_attr(miri, ignore = "reads snapshots, and starts Cargo to find them")]
async fn a_large_tree_is_folded_and_cut() {
    let mut texts: Vec<&[&str]> = vec![&["same"]; 100];
    texts.extend([&["different"] as &[_], &["deep", "deeper"]]);
    texts.extend([&["x"] as &[_], &["y"], &["x"], &["y"]]);
    let errors = failing(&texts).await;
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"failures\.rs:\d+", "failures.rs:[line]");
    settings.bind(|| {
        insta::assert_snapshot!("error-tree-folded", errors.tree().width(4));
        insta::assert_snapshot!("error-tree-flat", errors.tree().depth(1));
    });
}

#[test]
fn many_failures_at_once_are_all_kept_whatever_the_policy() {
    on_each_flavor(async || {
        const CHILDREN: usize = if cfg!(miri) { 20 } else { 20_000 };
        for on_failure in [OnFailure::WaitForAll, OnFailure::Cancel] {
            // None fails before all of them are there.
            let all = Arc::new(Barrier::new(CHILDREN));
            let errors = TaskGroup::new("g")
                .on_failure(on_failure)
                .scope(async |group| {
                    for _ in 0..CHILDREN {
                        let all = Arc::clone(&all);
                        group.spawn("child", async move {
                            all.wait().await;
                            fail("boom")
                        })?;
                    }
                    Ok(())
                })
                .await
                .unwrap_err();
            assert_eq!(errors.error_count() + errors.cancelled_count(), CHILDREN);
            assert!(on_failure == OnFailure::Cancel || errors.cancelled_count() == 0);
        }
    });
}

#[test]
fn a_boxed_error_of_a_group_is_a_group_still() {
    on_each_flavor(async || {
        let inner = async {
            let group = TaskGroup::new("inner");
            let outcome = group.scope(async |_| fail("boom")).await;
            outcome.map_err(Box::new)
        };
        let errors = TaskGroup::new("outer")
            .scope(async |group| {
                group.spawn("inner", inner)?;
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[[boom]]");
    });
}

/// Turns into an error of any kind with a panic.
struct Unprintable;

impl From<Unprintable> for BoxError {
    fn from(_: Unprintable) -> Self {
        panic!("no words for it")
    }
}

#[test]
fn an_error_that_panics_on_its_way_to_the_group_is_a_panic_of_the_task() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .on_failure(OnFailure::WaitForAll)
            .scope(async |group| {
                group.spawn("task", async { Err::<(), _>(Unprintable) })?;
                group.spawn_blocking("blocking", || Err::<(), _>(Unprintable))?;
                Ok(())
            })
            .await
            .unwrap_err();
        let panicked = "panicked: no words for it";
        assert_eq!(shape(&errors), format!("[{panicked}, {panicked}]"));
    });
}

#[tokio::test]
async fn errors_that_differ_in_their_causes_are_each_told_of() {
    let errors = TaskGroup::new("g")
        .on_failure(OnFailure::WaitForAll)
        .scope(async |group| {
            for n in 0..6 {
                let error = async move {
                    Err::<(), _>(anyhow::anyhow!("cause {n}").context("query failed"))
                };
                group.spawn("query", error)?;
            }
            Ok(())
        })
        .await
        .unwrap_err();
    let tree = errors.tree().to_string();
    for n in 0..6 {
        assert!(tree.contains(&format!("caused by: cause {n}")), "{tree}");
    }
}
