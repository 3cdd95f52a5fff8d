//! Splitting an error group by a condition, like Python's exception groups (PEP 654): each part keeps the tree, without
//! groups that are empty.

use std::{mem, vec};

use super::contents::Contents;
use super::{ErrorGroup, Failure, Origin, TaskFailure};

impl ErrorGroup {
    /// Splits the group in two: the failures that `matches`, and the rest. Each part keeps the groups
    /// that its failures were in; a part without failures is none at all. Both have the number of tasks that
    /// were [cancelled](ErrorGroup::cancelled_count).
    ///
    /// `matches` is asked for each of the [leaves](ErrorGroup::leaves) once, in their order.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::{OnFailure, TaskGroup};
    ///
    /// # let errors = TaskGroup::new("pool")
    /// #     .on_failure(OnFailure::WaitForAll)
    /// #     .scope(async |group| {
    /// #         group.spawn("odd", async { "x".parse::<u8>() })?;
    /// #         group.spawn("even", async { "y".parse::<u8>() })?;
    /// #         Ok(())
    /// #     })
    /// #     .await
    /// #     .unwrap_err();
    /// assert_eq!(errors.error_count(), 2);
    /// let (odd, rest) = errors.split(|failure| failure.task() == "odd");
    /// assert_eq!(odd.map(|errors| errors.error_count()), Some(1));
    /// assert_eq!(rest.map(|errors| errors.error_count()), Some(1));
    /// # }
    /// ```
    #[must_use = "the errors are gone with it"]
    pub fn split(
        self,
        mut matches: impl FnMut(&TaskFailure) -> bool,
    ) -> (Option<ErrorGroup>, Option<ErrorGroup>) {
        // Not recursive: groups may be nested deeper than the stack has room for.
        let mut around: Vec<(Origin, Halves)> = Vec::new();
        let mut halves = Halves::of(self);
        loop {
            match halves.ahead.next() {
                Some(TaskFailure {
                    origin,
                    failure: Failure::Group(inner),
                }) => around.push((origin, mem::replace(&mut halves, Halves::of(*inner)))),
                Some(failure) if matches(&failure) => halves.matching.push(failure),
                Some(failure) => halves.rest.push(failure),
                None => {
                    let (matching, rest) = halves.done();
                    let Some((origin, outer)) = around.pop() else {
                        return (matching, rest);
                    };
                    halves = outer;
                    let member = |inner| TaskFailure {
                        origin: origin.clone(),
                        failure: Failure::Group(Box::new(inner)),
                    };
                    halves.matching.extend(matching.map(member));
                    halves.rest.extend(rest.map(member));
                }
            }
        }
    }

    /// The part of the group whose failures `matches`: the first of what [`split`](ErrorGroup::split)
    /// gives.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::{OnFailure, TaskGroup};
    ///
    /// # let errors = TaskGroup::new("pool")
    /// #     .on_failure(OnFailure::WaitForAll)
    /// #     .scope(async |group| {
    /// #         group.spawn("odd", async { "x".parse::<u8>() })?;
    /// #         group.spawn("even", async { "y".parse::<u8>() })?;
    /// #         Ok(())
    /// #     })
    /// #     .await
    /// #     .unwrap_err();
    /// assert_eq!(errors.error_count(), 2);
    /// let odd = errors.filter(|failure| failure.task() == "odd");
    /// assert_eq!(odd.map(|errors| errors.error_count()), Some(1));
    /// # }
    /// ```
    #[must_use = "the errors are gone with it"]
    pub fn filter(self, matches: impl FnMut(&TaskFailure) -> bool) -> Option<ErrorGroup> {
        self.split(matches).0
    }
}

/// A group that is being split.
struct Halves {
    /// The group, without its failures.
    group: ErrorGroup,
    ahead: vec::IntoIter<TaskFailure>,
    matching: Vec<TaskFailure>,
    rest: Vec<TaskFailure>,
}

impl Halves {
    fn of(mut group: ErrorGroup) -> Self {
        Self {
            ahead: mem::take(&mut group.contents.failures).into_iter(),
            group,
            matching: Vec::new(),
            rest: Vec::new(),
        }
    }

    fn done(self) -> (Option<ErrorGroup>, Option<ErrorGroup>) {
        let part = |failures: Vec<TaskFailure>| {
            let Contents {
                name,
                opened_at,
                cancelled,
                ..
            } = &self.group.contents;
            (!failures.is_empty())
                .then(|| ErrorGroup::of(name.clone(), opened_at, failures, *cancelled))
        };
        (part(self.matching), part(self.rest))
    }
}
