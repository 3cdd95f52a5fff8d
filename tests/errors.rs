//! Errors of other crates in a task group, and what a task group ended with in theirs.

mod failing;

use std::error::Error;
use std::future::ready;
use std::iter::successors;
use std::num::ParseIntError;

use unstuck::{BoxError, ErrorGroup, Failure, OnFailure, Scope, TaskFailure, TaskGroup};

use failing::{Unit, fail, shape};

/// A group of two errors.
async fn inner() -> Result<(), ErrorGroup> {
    TaskGroup::new("inner")
        .on_failure(OnFailure::WaitForAll)
        .scope(async |group| {
            group.spawn("parses", async { parse() })?;
            group.spawn("fails", async { fail("b") })?;
            Ok(())
        })
        .await
}

/// A group around one task that ends like this.
async fn outer<E>(child: Result<(), E>) -> ErrorGroup
where
    E: Into<BoxError> + Send + 'static,
{
    TaskGroup::new("outer")
        .scope(async |group| {
            group.spawn("child", ready(child))?;
            Ok(())
        })
        .await
        .unwrap_err()
}

fn parse() -> Result<(), ParseIntError> {
    "x".parse::<u8>().map(drop)
}

async fn inner_by_anyhow() -> anyhow::Result<()> {
    inner().await?;
    Ok(())
}

async fn inner_by_eyre() -> eyre::Result<()> {
    inner().await?;
    Ok(())
}

async fn inner_by_box() -> Unit {
    inner().await?;
    Ok(())
}

async fn inner_by_anyhow_with_context() -> anyhow::Result<()> {
    anyhow::Context::context(inner().await, "while it ran")
}

async fn inner_by_eyre_with_context() -> eyre::Result<()> {
    eyre::WrapErr::wrap_err(inner().await, "while it ran")
}

/// What the only task of a group failed with, which is no group to it.
fn only_error(errors: &ErrorGroup) -> &(dyn Error + 'static) {
    assert_eq!(errors.error_count(), 1);
    let Failure::Error(error) = errors.failures()[0].failure() else {
        panic!("it is an error: {errors:?}");
    };
    &**error
}

/// Where in the chain of causes an error of that type stands.
fn place_of<E: Error + 'static>(error: &(dyn Error + 'static)) -> Option<usize> {
    let mut chain = successors(Some(error), |&error| error.source());
    chain.position(<dyn Error>::is::<E>)
}

#[tokio::test]
async fn children_with_errors_of_any_crate_are_in_one_group() {
    let errors = TaskGroup::new("g")
        .on_failure(OnFailure::WaitForAll)
        .scope(async |group| {
            let even = group.spawn("even", async { anyhow::Ok(8) })?;
            let odd = group.spawn("odd", async { eyre::Ok(7) })?;
            group.spawn("anyhow", async { anyhow::Ok(parse()?) })?;
            group.spawn("eyre", async { eyre::Ok(parse()?) })?;
            group.spawn("std", async { parse() })?;
            group.spawn_blocking("blocks", || Err::<(), _>(anyhow::anyhow!("blocked")))?;
            assert_eq!((even.value().await, odd.value().await), (Ok(8), Ok(7)));
            Unit::Err(eyre::eyre!("the body's").into())
        })
        .await
        .unwrap_err();
    let digit = "invalid digit found in string";
    assert_eq!(
        shape(&errors),
        format!("[the body's, {digit}, {digit}, {digit}, blocked]")
    );
}

#[tokio::test]
async fn what_a_scope_ended_with_goes_up_by_question_mark_and_comes_back_by_downcast() {
    let error = inner_by_anyhow().await.unwrap_err();
    assert_eq!(error.to_string(), "2 errors in task group `inner`");
    assert_eq!(error.downcast_ref::<ErrorGroup>().unwrap().error_count(), 2);
    assert_eq!(error.downcast::<ErrorGroup>().unwrap().error_count(), 2);

    let error = inner_by_eyre().await.unwrap_err();
    assert_eq!(error.to_string(), "2 errors in task group `inner`");
    assert_eq!(error.downcast_ref::<ErrorGroup>().unwrap().error_count(), 2);
    assert_eq!(error.downcast::<ErrorGroup>().unwrap().error_count(), 2);

    let error = inner_by_box().await.unwrap_err();
    assert_eq!(error.to_string(), "2 errors in task group `inner`");
    assert_eq!(error.downcast_ref::<ErrorGroup>().unwrap().error_count(), 2);
    assert_eq!(error.downcast::<ErrorGroup>().unwrap().error_count(), 2);
}

#[tokio::test]
async fn context_that_is_added_to_a_group_does_not_keep_it_from_coming_back() {
    let error = inner_by_anyhow_with_context().await.unwrap_err();
    assert_eq!(error.to_string(), "while it ran");
    assert_eq!(error.downcast::<ErrorGroup>().unwrap().error_count(), 2);

    let error = inner_by_eyre_with_context().await.unwrap_err();
    assert_eq!(error.to_string(), "while it ran");
    assert_eq!(error.downcast::<ErrorGroup>().unwrap().error_count(), 2);
}

#[tokio::test]
async fn an_error_in_a_group_is_of_the_type_that_its_task_returned() {
    let errors = outer(parse()).await;
    assert!(only_error(&errors).is::<ParseIntError>());
    let errors = outer(parse().map_err(BoxError::from)).await;
    assert!(only_error(&errors).is::<ParseIntError>());
}

/// They box an error as a type of their own. With context, the error itself is the cause of that.
#[tokio::test]
async fn an_error_that_came_by_anyhow_or_eyre_is_not_of_its_own_type_but_a_cause_of_it_is() {
    let with_anyhow = anyhow::Context::context(parse(), "while parsing");
    let with_eyre = eyre::WrapErr::wrap_err(parse(), "while parsing");
    for errors in [outer(with_anyhow).await, outer(with_eyre).await] {
        assert_eq!(shape(&errors), "[while parsing]");
        assert_eq!(place_of::<ParseIntError>(only_error(&errors)), Some(1));
    }
    let by_anyhow = parse().map_err(anyhow::Error::from);
    let by_eyre = parse().map_err(eyre::Report::from);
    for errors in [outer(by_anyhow).await, outer(by_eyre).await] {
        assert_eq!(shape(&errors), "[invalid digit found in string]");
        assert_eq!(place_of::<ParseIntError>(only_error(&errors)), None);
    }
    // Anyhow can be told not to.
    let by_anyhow = parse().map_err(anyhow::Error::from);
    let errors =
        outer(by_anyhow.map_err(anyhow::Error::reallocate_into_boxed_dyn_error_without_backtrace));
    assert!(only_error(&errors.await).is::<ParseIntError>());
}

#[tokio::test]
async fn an_inner_group_that_was_boxed_on_its_way_is_still_a_group() {
    let errors = outer(inner_by_box().await).await;
    assert_eq!(shape(&errors), "[[invalid digit found in string, b]]");
}

/// It counts as one, but all of it is seen.
#[tokio::test]
async fn an_inner_group_that_came_by_anyhow_or_eyre_is_one_error_with_all_errors_in_the_tree() {
    let by_anyhow = outer(inner_by_anyhow().await).await;
    let by_eyre = outer(inner_by_eyre().await).await;
    for errors in [by_anyhow, by_eyre] {
        assert_eq!(shape(&errors), "[2 errors in task group `inner`]");
        assert_eq!(place_of::<ErrorGroup>(only_error(&errors)), None);
        expect_once(&errors.tree().to_string(), &INNER);
    }
}

/// What is to be seen of the inner group.
const INNER: [&str; 3] = [
    "2 errors in task group `inner`",
    "parses: invalid digit found in string",
    "fails: b",
];

fn expect_once(text: &str, parts: &[&str]) {
    for part in parts {
        assert_eq!(text.matches(part).count(), 1, "{part} in:\n{text}");
    }
}

/// Rust prints an error that `main` returns by its `Debug`.
#[tokio::test]
async fn every_error_is_seen_once_when_main_returns_them_whatever_its_error_type() {
    expect_once(&format!("{:?}", inner().await.unwrap_err()), &INNER);
    expect_once(&format!("{:?}", inner_by_box().await.unwrap_err()), &INNER);
    expect_once(
        &format!("{:?}", inner_by_anyhow().await.unwrap_err()),
        &INNER,
    );
    expect_once(&format!("{:?}", inner_by_eyre().await.unwrap_err()), &INNER);
    let with_context = [
        format!("{:?}", inner_by_anyhow_with_context().await.unwrap_err()),
        format!("{:?}", inner_by_eyre_with_context().await.unwrap_err()),
    ];
    for text in with_context {
        expect_once(&text, &INNER);
        expect_once(&text, &["while it ran"]);
    }
    // Within another group, too.
    let errors = outer(inner_by_anyhow_with_context().await).await;
    let text = format!("{:?}", anyhow::Error::from(errors));
    expect_once(&text, &INNER);
    expect_once(&text, &["1 error in task group `outer`", "while it ran"]);
}

#[tokio::test]
async fn a_body_may_have_an_error_type_of_its_own() {
    async fn by_anyhow(group: Scope) -> anyhow::Result<u8> {
        let digit = group.spawn("digit", async { anyhow::Ok("x".parse::<u8>()?) })?;
        anyhow::ensure!(digit.value().await? < 8, "it is too much");
        anyhow::bail!("it is too little")
    }
    let errors = TaskGroup::new("g")
        .scope_typed(by_anyhow)
        .await
        .unwrap_err();
    assert_eq!(shape(&errors), "[invalid digit found in string]");
    let errors = TaskGroup::new("g")
        .scope_typed(async |group| -> eyre::Result<()> {
            group.spawn_infallible("seven", async { 7 })?;
            eyre::bail!("eyre's")
        })
        .await
        .unwrap_err();
    assert_eq!(shape(&errors), "[eyre's]");
}

#[tokio::test]
async fn a_task_that_cannot_fail_can_panic() {
    let errors = TaskGroup::new("g")
        .scope(async |group| {
            let seven = group.spawn_infallible("seven", async { 7 })?;
            assert_eq!(seven.value().await, Ok(7));
            group.spawn_infallible("panics", async { panic!("boom") })?;
            Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(shape(&errors), "[panicked: boom]");
}

#[tokio::test]
async fn groups_are_made_taken_apart_and_merged_by_hand() {
    let group = |name| {
        let inner = ErrorGroup::new(
            "inner",
            [TaskFailure::new("b", "b"), TaskFailure::new("c", "c")],
        );
        ErrorGroup::new(
            name,
            [
                TaskFailure::new("a", "a"),
                TaskFailure::new("inner", inner),
                TaskFailure::new("d", "d"),
            ],
        )
    };
    let made = group("made");
    assert_eq!(shape(&made), "[a, [b, c], d]");
    assert!(made.opened_at().file().ends_with("errors.rs"));
    let leaves = made.into_leaves();
    let names: Vec<_> = leaves.iter().map(TaskFailure::task).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    let merged = ErrorGroup::new(
        "both",
        leaves.into_iter().chain(group("other").into_leaves()),
    );
    assert_eq!(shape(&merged), "[a, b, c, d, a, b, c, d]");
    assert_eq!(merged.to_string(), "8 errors in task group `both`");
    // In a group they are what they would be had a task returned them.
    assert_eq!(
        shape(&outer(Err(merged)).await),
        "[[a, b, c, d, a, b, c, d]]"
    );
}

#[tokio::test]
async fn an_inner_group_that_was_given_context_is_the_cause_of_one_error() {
    let by_anyhow = outer(inner_by_anyhow_with_context().await).await;
    let by_eyre = outer(inner_by_eyre_with_context().await).await;
    for errors in [by_anyhow, by_eyre] {
        assert_eq!(shape(&errors), "[while it ran]");
        let error = only_error(&errors);
        assert_eq!(place_of::<ErrorGroup>(error), Some(1));
        let inner = error
            .source()
            .and_then(<dyn Error>::downcast_ref::<ErrorGroup>);
        assert_eq!(shape(inner.unwrap()), "[invalid digit found in string, b]");
    }
}

/// What keeps all errors of an inner group in the tree, at the price of the context.
#[tokio::test]
async fn an_inner_group_that_is_taken_out_of_anyhow_or_eyre_is_a_group_again() {
    for ended in [
        inner_by_anyhow().await,
        inner_by_anyhow_with_context().await,
    ] {
        let errors = outer(ended.map_err(|error| match error.downcast::<ErrorGroup>() {
            Ok(group) => group.into(),
            Err(other) => BoxError::from(other),
        }));
        assert_eq!(shape(&errors.await), "[[invalid digit found in string, b]]");
    }
    for ended in [inner_by_eyre().await, inner_by_eyre_with_context().await] {
        let errors = outer(ended.map_err(|error| match error.downcast::<ErrorGroup>() {
            Ok(group) => group.into(),
            Err(other) => BoxError::from(other),
        }));
        assert_eq!(shape(&errors.await), "[[invalid digit found in string, b]]");
    }
}
