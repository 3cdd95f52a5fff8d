//! Blocking pools: threads for `spawn_blocking`, and what is queued for them.

use super::names;
use super::runtimes::RawRuntime;
use crate::context::Context;
use crate::debug_info::Value;
use crate::snapshot::{Address, BlockingPool, Gap, RuntimeKind};

/// A blocking pool, and the addresses of the tasks in its queue.
pub(crate) struct RawPool {
    pub(crate) pool: BlockingPool,
    /// `None` if the queue can't be read.
    pub(crate) queued: Option<Vec<u64>>,
}

/// The blocking pool of a runtime. A `LocalSet` has none.
pub(crate) fn of_runtime(context: &Context<'_>, runtime: &RawRuntime) -> Option<RawPool> {
    if runtime.kind == RuntimeKind::LocalSet {
        return None;
    }
    let (debug, memory) = (context.debug, context.memory);
    let inner = names::HANDLE_POOL.at(context, &runtime.value)?;
    let number = |need: &names::Need| need.at(context, &inner)?.read(memory);
    let queue = names::POOL_QUEUE.find(debug, memory, &inner);
    let queued = queue
        .and_then(|queue| queue.deque(debug, memory))
        .map(|tasks| {
            let task = |task: &Value| task.target(debug, memory).map(|header| header.address);
            tasks.iter().filter_map(task).collect()
        });
    Some(RawPool {
        pool: BlockingPool {
            address: Address(inner.address),
            threads: number(&names::POOL_THREADS),
            idle: number(&names::POOL_IDLE),
            limit: number(&names::POOL_LIMIT),
        },
        queued,
    })
}

/// Notes if a queue can't be read.
pub(crate) fn check_queues<'p>(context: &Context<'_>, pools: impl Iterator<Item = &'p RawPool>) {
    if pools.into_iter().any(|pool| pool.queued.is_none()) {
        context.gap(Gap::MissingName {
            feature: "tasks that are queued for a blocking pool".to_owned(),
            name: "Inner.queue, a VecDeque".to_owned(),
        });
    }
}
