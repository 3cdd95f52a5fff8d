//! Errors that can't be printed, beside others that can.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use unstuck::{BoxError, ErrorGroup, OnFailure, TaskGroup};

use crate::failing::{Unit, fail};
use crate::flavor::on_each_flavor;

#[derive(Debug)]
enum Bad {
    Panics,
    Fails,
    /// Its cause is the error itself.
    Circle,
    /// Its `source` panics.
    NoSource,
    /// Its cause can't be printed.
    Inner(Box<Bad>),
    /// It has so many causes.
    Chain(usize, Option<Box<Bad>>),
}

impl Display for Bad {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Bad::Panics => panic!("no words"),
            Bad::Fails => {
                f.write_str("begun ")?;
                Err(fmt::Error)
            }
            Bad::Circle => f.write_str("circle"),
            Bad::NoSource => f.write_str("no source"),
            Bad::Inner(_) => f.write_str("outer"),
            Bad::Chain(n, _) => write!(f, "{n} causes"),
        }
    }
}

impl Error for Bad {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Bad::Panics | Bad::Fails => None,
            Bad::Circle => Some(self),
            Bad::NoSource => panic!("no source"),
            Bad::Inner(inner) => Some(inner),
            Bad::Chain(_, cause) => Some(cause.as_ref()?),
        }
    }
}

impl Bad {
    fn chain(causes: usize) -> Self {
        let mut error = Bad::Chain(0, None);
        for n in 1..=causes {
            error = Bad::Chain(n, Some(Box::new(error)));
        }
        error
    }
}

async fn failing() -> ErrorGroup {
    let group = TaskGroup::new("g").on_failure(OnFailure::WaitForAll);
    let ended = group.scope(async |group| {
        group.spawn("good", async { fail("the first") })?;
        // More than are printed one by one, so that they are compared.
        for _ in 0..6 {
            group.spawn("panics", async { Err::<(), _>(Bad::Panics) })?;
        }
        group.spawn("fails", async { Err::<(), _>(Bad::Fails) })?;
        group.spawn("circle", async { Err::<(), _>(Bad::Circle) })?;
        group.spawn("no source", async { Err::<(), _>(Bad::NoSource) })?;
        group.spawn("inner", async {
            Err::<(), _>(Bad::Inner(Bad::Panics.into()))
        })?;
        group.spawn("chain", async { Err::<(), _>(Bad::chain(300)) })?;
        group.spawn("good", async { fail("the last") })?;
        Ok(())
    });
    ended.await.unwrap_err()
}

#[test]
fn case_35_the_other_errors_are_still_printed() {
    on_each_flavor(async || {
        let errors = failing().await;
        assert_eq!(errors.error_count(), 13);
        for text in [errors.tree().to_string(), format!("{errors:?}")] {
            for line in [
                "| good: the first",
                "| panics … panics (6 tasks): <error whose Display panicked>",
                "| fails: begun <error whose Display failed>",
                "| circle: circle",
                "| no source: no source",
                "| inner: outer",
                "| caused by: <error whose Display panicked>",
                "| chain: 300 causes",
                "| caused by: 200 causes",
                "| caused by: <more causes than are shown>",
                "| good: the last",
            ] {
                assert!(text.contains(line), "{line} is missing in:\n{text}");
            }
            assert!(!text.contains("caused by: 199 causes"));
        }
        let texts = errors.leaves().map(|leaf| leaf.failure().to_string());
        assert_eq!(texts.last().unwrap(), "the last");
    });
}

#[cfg(feature = "serde")]
#[test]
fn the_other_errors_are_still_written_as_data() {
    on_each_flavor(async || {
        let json = serde_json::to_value(failing().await).unwrap();
        let failures = json["failures"].as_array().unwrap();
        assert_eq!(failures.len(), 13);
        let message = |n: usize| failures[n]["message"].as_str().unwrap();
        assert_eq!(message(1), "<error whose Display panicked>");
        assert_eq!(message(7), "begun <error whose Display failed>");
        assert_eq!(message(12), "the last");
        let causes = |n: usize| failures[n]["causes"].as_array().unwrap();
        assert_eq!(causes(8).len(), 101, "a circle has an end");
        assert_eq!(causes(9).len(), 0);
        assert_eq!(causes(10), &["<error whose Display panicked>"]);
    });
}

/// Counts what it is told, and prints errors as loggers do.
struct Printing(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl tracing::Subscriber for Printing {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "unstuck::group"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Error<'a>(&'a mut Vec<String>);
        impl tracing::field::Visit for Error<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
                if field.name() == "error" {
                    self.0.push(format!("{value:?}"));
                }
            }
        }
        event.record(&mut Error(&mut self.0.lock().unwrap()));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// A panic while it holds a lock, as that of standard output, would harm whoever prints next.
#[tokio::test]
async fn a_subscriber_is_not_made_to_panic() {
    let fail = || {
        TaskGroup::new("g").scope(async |group| {
            group.spawn("panics", async { Err::<(), BoxError>(Bad::Panics.into()) })?;
            Unit::Ok(())
        })
    };
    let printed = std::sync::Arc::default();
    let _guard = tracing::subscriber::set_default(Printing(std::sync::Arc::clone(&printed)));
    // The first event registers its callsite. Where that is another test's, whose thread has no subscriber, the
    // callsite is off for all.
    assert_eq!(fail().await.unwrap_err().error_count(), 1);
    tracing::callsite::rebuild_interest_cache();
    printed.lock().unwrap().clear();
    assert_eq!(fail().await.unwrap_err().error_count(), 1);
    assert_eq!(*printed.lock().unwrap(), ["<error whose Display panicked>"]);
}
