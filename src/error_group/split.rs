//! Taking an error group apart, as Python's exception groups can be (PEP 654): the shape is kept, and
//! what is empty vanishes.

use std::mem;

use super::{ErrorGroup, Failure, TaskFailure};

impl ErrorGroup {
    /// Splits the group in two: the failures that `matches`, and the rest. Each part keeps the groups
    /// that its failures were in; a part without failures is none at all. Both have the number of tasks that
    /// were [cancelled](ErrorGroup::cancelled).
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
    /// assert_eq!(errors.len(), 2);
    /// let (odd, rest) = errors.split(|failure| failure.task() == "odd");
    /// assert_eq!(odd.map(|errors| errors.len()), Some(1));
    /// assert_eq!(rest.map(|errors| errors.len()), Some(1));
    /// # }
    /// ```
    #[must_use = "the errors are gone with it"]
    pub fn split(
        self,
        mut matches: impl FnMut(&TaskFailure) -> bool,
    ) -> (Option<ErrorGroup>, Option<ErrorGroup>) {
        self.split_by(&mut matches)
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
    /// assert_eq!(errors.len(), 2);
    /// let odd = errors.filter(|failure| failure.task() == "odd");
    /// assert_eq!(odd.map(|errors| errors.len()), Some(1));
    /// # }
    /// ```
    #[must_use = "the errors are gone with it"]
    pub fn filter(self, matches: impl FnMut(&TaskFailure) -> bool) -> Option<ErrorGroup> {
        self.split(matches).0
    }

    fn split_by(
        mut self,
        matches: &mut impl FnMut(&TaskFailure) -> bool,
    ) -> (Option<ErrorGroup>, Option<ErrorGroup>) {
        let (mut matching, mut rest) = (Vec::new(), Vec::new());
        for failure in mem::take(&mut self.failures) {
            match failure.failure {
                Failure::Group(inner) => {
                    let (inner_matching, inner_rest) = inner.split_by(matches);
                    let whole = |inner: ErrorGroup| TaskFailure {
                        order: failure.order,
                        task: failure.task.clone(),
                        id: failure.id,
                        spawned_at: failure.spawned_at,
                        failure: Failure::Group(Box::new(inner)),
                    };
                    matching.extend(inner_matching.map(whole));
                    rest.extend(inner_rest.map(whole));
                }
                _ if matches(&failure) => matching.push(failure),
                _ => rest.push(failure),
            }
        }
        let part = |failures: Vec<TaskFailure>| {
            (!failures.is_empty()).then(|| ErrorGroup {
                name: self.name.clone(),
                opened_at: self.opened_at,
                failures,
                cancelled: self.cancelled,
            })
        };
        (part(matching), part(rest))
    }
}
