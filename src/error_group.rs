//! The errors of a task group.

mod cancellation;
mod causes;
mod contents;
mod printable;
mod refused;
#[cfg(feature = "serde")]
mod serialize;
mod split;
mod tree;

use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use tokio::task;

use crate::place::Place;
use contents::Contents;
use printable::Printable;

pub(crate) use cancellation::{Cancellation, GroupId};
pub use refused::Refused;
pub use tree::Tree;

/// An error of any kind that can cross threads.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// Every error and every panic that the children of a task group, and its body, ended with. Errors that
/// only pass a cancellation on are left out: [`Refused`], [`NoValue`](crate::NoValue),
/// [`NeverStarted`](crate::NeverStarted) and an [empty](ErrorGroup::is_cancelled) group say when.
///
/// It is a tree: the `ErrorGroup` of a child that ran a group of its own is kept whole, as [`Failure::Group`].
/// Failures are in the order in which their tasks were spawned, so what is printed does not depend on which task
/// failed first.
///
/// `Display` is one line. `Debug`, which is what Rust prints when `main` returns an error, is the
/// whole [`tree`](ErrorGroup::tree). So is the text of its [`source`](std::error::Error::source), which anyhow, eyre
/// and others print as the cause: every error is printed, whichever of them `main` returns. As a group has many
/// causes, the chain of sources ends there; [`leaves`](ErrorGroup::leaves) iterates over the errors.
///
/// If the `Display` of an error panics or fails, a placeholder is printed in its place, and the others are printed.
/// The panic hook runs. At most 100 causes of an error are read, in case its chain of sources has no end. Groups may
/// be nested to any depth.
///
/// The idea and the shape are those of Python's exception groups (PEP 654).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::TaskGroup;
///
/// let errors = TaskGroup::new("pool")
///     .scope(async |group| {
///         group.spawn("odd", async { "x".parse::<u8>() })?;
///         Ok(())
///     })
///     .await
///     .unwrap_err();
///
/// assert_eq!(errors.to_string(), "1 error in task group `pool`");
/// assert_eq!((errors.name(), errors.error_count(), errors.cancelled_count()), ("pool", 1, 0));
/// assert_eq!(errors.failures()[0].task(), "odd");
/// for failure in errors.leaves() {
///     eprintln!("{}: {}", failure.task(), failure.failure());
/// }
/// eprintln!("the group of {} as a tree:\n{}", errors.opened_at(), errors.tree());
/// assert_eq!(errors.into_failures().len(), 1);
/// # }
/// ```
pub struct ErrorGroup {
    contents: Contents,
}

/// How one task of a group failed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::{Failure, TaskGroup};
///
/// # let errors = TaskGroup::new("pool")
/// #     .scope(async |group| {
/// #         group.spawn("odd", async { "x".parse::<u8>() })?;
/// #         Ok(())
/// #     })
/// #     .await
/// #     .unwrap_err();
/// for failure in errors.into_failures() {
///     assert_eq!(failure.task(), "odd");
///     assert!(failure.id().is_some());
///     eprintln!("spawned at {}: {}", failure.spawned_at(), failure.failure());
///     assert!(matches!(failure.into_failure(), Failure::Error(_)));
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct TaskFailure {
    pub(crate) origin: Origin,
    pub(crate) failure: Failure,
}

/// Which task of a group failed.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// When the task was spawned, counted from 0, which is the body.
    pub(crate) order: usize,
    pub(crate) task: Cow<'static, str>,
    pub(crate) id: Option<task::Id>,
    pub(crate) spawned_at: &'static Location<'static>,
}

/// The ways in which a task fails.
///
/// An error can be had back as what it was:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::num::ParseIntError;
/// use unstuck::{Failure, TaskGroup};
///
/// # let errors = TaskGroup::new("pool")
/// #     .scope(async |group| {
/// #         group.spawn("odd", async { "x".parse::<u8>() })?;
/// #         Ok(())
/// #     })
/// #     .await
/// #     .unwrap_err();
/// match errors.failures()[0].failure() {
///     Failure::Error(error) => assert!(error.is::<ParseIntError>()),
///     Failure::Panic(panic) => eprintln!("panicked: {}", panic.message()),
///     Failure::Group(inner) => eprintln!("{} errors in {}", inner.error_count(), inner.name()),
///     other => eprintln!("{other}"),
/// }
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// It returned this error, which may have been caused by a group: see [`ErrorGroup::tree`].
    Error(BoxError),
    /// It panicked.
    Panic(Panic),
    /// It ran a task group of its own, and returned its errors.
    ///
    /// That has to be the `ErrorGroup` itself. One that was turned into an `anyhow::Error` or an `eyre::Report` is a
    /// [`Failure::Error`] and counts as one error, though the [tree](ErrorGroup::tree) has all that is in it. A group
    /// without failures is no failure of the task, whatever error wraps it.
    Group(Box<ErrorGroup>),
    /// It tried to spawn a task into a group that took no more, and returned the [refusal](Refused). That group is
    /// neither its own nor one around that.
    Refused(Box<Refused>),
    /// The group did not end before its deadline.
    Deadline,
}

/// A panic, with its payload.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::{BoxError, Failure, TaskGroup};
///
/// let errors = TaskGroup::new("bets")
///     .scope(async |_| -> Result<(), BoxError> { panic!("no luck") })
///     .await
///     .unwrap_err();
/// for failure in errors.into_failures() {
///     let Failure::Panic(panic) = failure.into_failure() else { continue };
///     assert_eq!(panic.message(), "no luck");
///     assert!(panic.into_payload().is::<&str>());
/// }
/// # }
/// ```
pub struct Panic(Box<Caught>);

struct Caught {
    message: Cow<'static, str>,
    // A mutex makes it `Sync`, as the payload is only `Send`.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl ErrorGroup {
    /// A group of these failures, in this order: for tests, and to merge the errors of several groups. Without
    /// failures, it is what a group that was [cancelled](ErrorGroup::is_cancelled) returns.
    ///
    /// ```
    /// use unstuck::{ErrorGroup, TaskFailure};
    ///
    /// let first = ErrorGroup::new("first", [TaskFailure::new("a", "boom")]);
    /// let second = ErrorGroup::new("second", [TaskFailure::new("b", "bang")]);
    /// let leaves = first.into_leaves().into_iter().chain(second.into_leaves());
    /// let both = ErrorGroup::new("both", leaves);
    /// assert_eq!(both.to_string(), "2 errors in task group `both`");
    /// ```
    #[track_caller]
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        failures: impl IntoIterator<Item = TaskFailure>,
    ) -> Self {
        let failures = failures.into_iter().collect();
        Self::of(name.into(), Location::caller(), failures, 0)
    }

    pub(crate) fn of(
        name: Cow<'static, str>,
        opened_at: &'static Location<'static>,
        failures: Vec<TaskFailure>,
        cancelled: usize,
    ) -> Self {
        let contents = Contents::new(name, opened_at, failures, cancelled);
        Self { contents }
    }

    /// The name of the task group.
    pub fn name(&self) -> &str {
        &self.contents.name
    }

    /// The line that opened the task group.
    pub fn opened_at(&self) -> Place {
        self.contents.opened_at.into()
    }

    /// The failures in this group itself, in spawn order; the body's own comes first.
    pub fn failures(&self) -> &[TaskFailure] {
        &self.contents.failures
    }

    /// The same failures, by value.
    pub fn into_failures(mut self) -> Vec<TaskFailure> {
        mem::take(&mut self.contents.failures)
    }

    /// How many tasks the group cancelled, which is no error.
    pub fn cancelled_count(&self) -> usize {
        self.contents.cancelled
    }

    /// Every failure that is not itself a group, in this group and in those inside it, depth first.
    pub fn leaves(&self) -> impl Iterator<Item = &TaskFailure> {
        let mut ahead: Vec<&TaskFailure> = self.failures().iter().rev().collect();
        std::iter::from_fn(move || {
            loop {
                let next = ahead.pop()?;
                let Failure::Group(inner) = &next.failure else {
                    return Some(next);
                };
                ahead.extend(inner.failures().iter().rev());
            }
        })
    }

    /// The same failures, by value, without the groups around them.
    pub fn into_leaves(self) -> Vec<TaskFailure> {
        // Not recursive: groups may be nested deeper than the stack has room for.
        let mut ahead = self.into_failures();
        ahead.reverse();
        let mut leaves = Vec::new();
        while let Some(mut next) = ahead.pop() {
            match next.failure {
                Failure::Group(inner) => ahead.extend(inner.into_failures().into_iter().rev()),
                failure => {
                    next.failure = failure;
                    leaves.push(next);
                }
            }
        }
        leaves
    }

    /// Whether nothing has failed: the group was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.contents.failures.is_empty()
    }

    /// How many [leaves](ErrorGroup::leaves) there are.
    pub fn error_count(&self) -> usize {
        self.contents.len
    }

    /// The whole tree, on several lines, in the form in which Python prints an exception group. A group that caused an
    /// error is part of it, though it counts as that one error.
    pub fn tree(&self) -> Tree<'_> {
        Tree::new(&self.contents)
    }
}

impl TaskFailure {
    /// A failure of a task with that name: for tests, and to add errors to those of a group. It has no
    /// [id](TaskFailure::id), and the line that calls this is the one that spawned it.
    ///
    /// ```
    /// use unstuck::TaskFailure;
    ///
    /// let failure = TaskFailure::new("parses", "x".parse::<u8>().unwrap_err());
    /// assert_eq!(failure.task(), "parses");
    /// ```
    #[track_caller]
    pub fn new(task: impl Into<Cow<'static, str>>, error: impl Into<BoxError>) -> Self {
        Self {
            origin: Origin {
                order: 0,
                task: task.into(),
                id: None,
                spawned_at: Location::caller(),
            },
            failure: Failure::from(error.into()),
        }
    }

    /// The name of the task.
    pub fn task(&self) -> &str {
        &self.origin.task
    }

    /// Tokio's id of the task; none for the body of the group, which is no task of its own.
    pub fn id(&self) -> Option<task::Id> {
        self.origin.id
    }

    /// The line that spawned the task.
    pub fn spawned_at(&self) -> Place {
        self.origin.spawned_at.into()
    }

    /// How it failed.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The error that it returned, if it is of that type.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::num::ParseIntError;
    /// use unstuck::TaskGroup;
    ///
    /// let errors = TaskGroup::new("pool")
    ///     .scope(async |_| Ok("x".parse::<u8>()?))
    ///     .await
    ///     .unwrap_err();
    /// let numbers = errors.filter(|failure| failure.downcast_ref::<ParseIntError>().is_some());
    /// assert_eq!(numbers.unwrap().error_count(), 1);
    /// # }
    /// ```
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match &self.failure {
            Failure::Error(error) => error.downcast_ref(),
            _ => None,
        }
    }

    /// How it failed, by value.
    pub fn into_failure(self) -> Failure {
        self.failure
    }
}

impl Panic {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = match payload.downcast_ref::<&'static str>() {
            Some(text) => Cow::Borrowed(*text),
            None => match payload.downcast_ref::<String>() {
                Some(text) => text.clone().into(),
                None => "a payload that is no text".into(),
            },
        };
        let payload = Mutex::new(payload);
        Self(Box::new(Caught { message, payload }))
    }

    /// The panic's message, or a placeholder if the payload is no text.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The payload of the panic, for a downcast or for [`std::panic::resume_unwind`].
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        let payload = self.0.payload;
        payload.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<BoxError> for Failure {
    fn from(error: BoxError) -> Self {
        let error = match error.downcast() {
            Ok(group) => return Failure::Group(group),
            Err(error) => error,
        };
        let error = match error.downcast::<Box<ErrorGroup>>() {
            Ok(group) => return Failure::Group(*group),
            Err(error) => error,
        };
        match error.downcast() {
            Ok(refused) => Failure::Refused(refused),
            Err(error) => Failure::Error(error),
        }
    }
}

impl From<Panic> for Failure {
    fn from(panic: Panic) -> Self {
        Failure::Panic(panic)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => Printable(error).fmt(f),
            Failure::Panic(panic) => panic.fmt(f),
            Failure::Group(group) => group.fmt(f),
            Failure::Refused(refused) => refused.fmt(f),
            Failure::Deadline => f.write_str("the deadline has passed"),
        }
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.0.message)
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.0.message).finish()
    }
}

impl fmt::Display for ErrorGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.contents.title().fmt(f)
    }
}

impl fmt::Debug for ErrorGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `main` prints `Error: ` before it.
        writeln!(f, "{self}")?;
        self.contents.fmt(f)
    }
}

thread_local! {
    /// While a group is being dropped on this thread: the failures of the groups inside it.
    static DROPPING: RefCell<Option<Vec<TaskFailure>>> = const { RefCell::new(None) };
}

/// Not recursive: groups, and errors that were caused by groups, may be nested deeper than the stack has room
/// for. An inner group hands its failures to the outermost one that is being dropped.
impl Drop for ErrorGroup {
    fn drop(&mut self) {
        let mut failures = mem::take(&mut self.contents.failures);
        if failures.is_empty() {
            return;
        }
        let is_outermost = DROPPING.try_with(|inner| match &mut *inner.borrow_mut() {
            Some(inner) => {
                inner.append(&mut failures);
                false
            }
            none => {
                *none = Some(Vec::new());
                true
            }
        });
        if is_outermost != Ok(true) {
            return;
        }
        // Also if a destructor panics.
        let _done = Dropped;
        while !failures.is_empty() {
            drop(failures);
            failures =
                DROPPING.with_borrow_mut(|inner| inner.as_mut().map(mem::take).unwrap_or_default());
        }
    }
}

/// Ends the drop of an outermost group.
struct Dropped;

impl Drop for Dropped {
    fn drop(&mut self) {
        drop(DROPPING.take());
    }
}

/// The source has the text of the whole tree, as a chain of causes can't branch.
impl Error for ErrorGroup {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if self.is_cancelled() {
            Some(Cancellation::OF_EMPTY_GROUP)
        } else {
            Some(&self.contents)
        }
    }
}
