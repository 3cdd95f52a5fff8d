//! Pools of connections. Each connection that is in use takes a permit of the pool's semaphore. No guard holds that
//! permit: the destructor of the connection returns it.

use super::handles::Count;
use super::names::{self, Need};
use super::waits::WaitKind;
use crate::snapshot::{HandleKind, NotifyKind, PermitKind};

/// A type that has a connection.
pub(super) struct Connection {
    ty: &'static str,
    /// The reference to its pool.
    pub(super) pool: Need,
    /// The connection, if that may be gone already.
    pub(super) value: Option<Need>,
}

const CONNECTIONS: &[Connection] = &[
    Connection {
        ty: "sqlx_core::pool::connection::PoolConnection<",
        pool: names::CONNECTION_POOL,
        value: Some(names::SQLX_CONNECTION),
    },
    // While a connection is made or checked.
    Connection {
        ty: "sqlx_core::pool::inner::DecrementSizeGuard<",
        pool: names::CONNECTION_POOL,
        value: None,
    },
    Connection {
        ty: "deadpool::managed::object::Object<",
        pool: names::CONNECTION_POOL,
        value: Some(names::DEADPOOL_OBJECT),
    },
    Connection {
        ty: "deadpool::managed::Object<",
        pool: names::CONNECTION_POOL,
        value: Some(names::DEADPOOL_OBJECT),
    },
];

/// What a type has, if it has a connection.
pub(super) fn of_type(ty: &str) -> Option<&'static Connection> {
    CONNECTIONS.iter().find(|it| ty.starts_with(it.ty))
}

pub(super) fn handle(ty: &str) -> Option<HandleKind> {
    of_type(ty).map(|_| HandleKind::Connection)
}

pub(super) const WAITS: &[(&str, WaitKind)] =
    &[("sqlx_core::pool::CloseEvent", WaitKind::CloseEvent)];

const fn connections(of: &'static str, at: Need) -> Count {
    Count {
        of,
        at,
        store: |counts, count| counts.connections = Some(count),
    }
}

pub(super) const COUNTS: &[Count] = &[
    connections(
        "sqlx_core::pool::inner::PoolInner<",
        names::SQLX_CONNECTIONS,
    ),
    connections("deadpool::managed::pool::PoolInner<", names::DEADPOOL_SIZE),
    connections("deadpool::managed::PoolInner<", names::DEADPOOL_SIZE),
];

/// What a semaphore is part of, by the function of a pool that awaits its permits.
pub(super) fn permits_of(function: &str) -> PermitKind {
    let of_sqlx = function.starts_with("sqlx_core::sync::");
    let of_deadpool =
        function.starts_with("deadpool::managed::") && function.contains("::timeout_get");
    if of_sqlx || of_deadpool {
        PermitKind::Connection
    } else {
        PermitKind::Other
    }
}

/// What a notification is of, by the function of a pool that awaits it.
pub(super) fn notify_of(function: &str) -> Option<NotifyKind> {
    let waits = function.starts_with("sqlx_core::pool::") && function.contains("::acquire_permit");
    waits.then_some(NotifyKind::PoolClosed)
}
