//! An error group as data, and a place.

use std::error::Error;
use std::fmt;

use unstuck::{BoxError, ErrorGroup, OnFailure, Place, Scope, TaskGroup};

/// An error that was caused by another.
#[derive(Debug)]
struct Because(&'static str, BoxError);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Because {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.1)
    }
}

fn group(name: &'static str) -> TaskGroup {
    TaskGroup::new(name).on_failure(OnFailure::WaitForAll)
}

async fn inner() -> Result<(), ErrorGroup> {
    let fails = async |_| Err::<(), BoxError>("of the inner group".into());
    group("inner").scope(fails).await
}

/// One failure of each kind.
async fn failing() -> ErrorGroup {
    let outcome = group("outer").scope(async |group: Scope| {
        group.spawn("chain", async {
            let root = Because("nearest", "farthest".into());
            Err::<(), _>(Because("chained", root.into()))
        })?;
        group.spawn("panic", async {
            let unlucky = true;
            assert!(!unlucky, "oh no");
            Ok::<_, BoxError>(())
        })?;
        group.spawn("group", inner())?;
        group.spawn("caused by a group", async {
            inner()
                .await
                .map_err(|errors| Because("wrapped", errors.into()))
        })?;
        group.spawn("refused", async {
            let gone = TaskGroup::new("gone").scope(async |gone| Ok(gone)).await?;
            gone.spawn("late", async { Ok::<_, BoxError>(()) })?;
            Ok::<_, BoxError>(())
        })?;
        group.spawn("deadline", async {
            let soon = TaskGroup::new("soon").deadline(tokio::time::Instant::now());
            soon.scope(async |_| std::future::pending::<Result<(), BoxError>>().await)
                .await
        })?;
        Err::<(), BoxError>("of the body".into())
    });
    outcome.await.unwrap_err()
}

#[tokio::test]
async fn an_error_group_is_written_with_all_that_it_holds() {
    let json = serde_json::to_string_pretty(&failing().await).unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"serialize\.rs:\d+", "serialize.rs:[line]");
    settings.add_filter(r#""id": "\d+""#, r#""id": "[id]""#);
    settings.bind(|| insta::assert_snapshot!("error-json", json));
}

#[test]
fn a_place_is_written_as_it_is_printed() {
    let place = serde_json::to_value(Place::new("src/main.rs", 7)).unwrap();
    assert_eq!(place, "src/main.rs:7");
}
