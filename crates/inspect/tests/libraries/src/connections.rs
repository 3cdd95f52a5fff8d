//! Pools of connections.

use std::convert::Infallible;

use deadpool::managed::{Manager, Metrics, Pool, RecycleResult};
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

async fn sqlx_pool() -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(2);
    options.connect("sqlite::memory:").await.unwrap()
}

/// Two tasks have a connection each, and ask for another one.
#[tokio::main]
pub async fn sqlx_in_use() {
    let pool = sqlx_pool().await;
    let [first, second] = [pool.begin().await.unwrap(), pool.begin().await.unwrap()];
    for transaction in [first, second] {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut transaction = transaction;
            sqlx::query("INSERT").execute(&pool).await.unwrap();
            sqlx::query("DELETE")
                .execute(&mut *transaction)
                .await
                .unwrap();
        });
    }
    crate::ready();
    std::future::pending::<()>().await;
}

/// One of two tasks sleeps with its connection.
#[tokio::main]
pub async fn sqlx_returned_late() {
    let pool = sqlx_pool().await;
    for _ in 0..2 {
        let connection = pool.acquire().await.unwrap();
        tokio::spawn(async move {
            tokio::time::sleep(crate::HOUR).await;
            drop(connection);
        });
    }
    crate::ready();
    pool.acquire().await.unwrap();
}

struct Numbers;

impl Manager for Numbers {
    type Type = u8;
    type Error = Infallible;

    async fn create(&self) -> Result<u8, Infallible> {
        Ok(1)
    }

    async fn recycle(&self, _: &mut u8, _: &Metrics) -> RecycleResult<Infallible> {
        Ok(())
    }
}

fn pool_of_numbers() -> Pool<Numbers> {
    Pool::builder(Numbers).max_size(1).build().unwrap()
}

/// Asks for a second object of a pool of one.
#[tokio::main]
pub async fn deadpool_in_use() {
    crate::spawn_ticker();
    let pool = pool_of_numbers();
    let _first = pool.get().await.unwrap();
    crate::ready();
    drop(pool.get().await.unwrap());
}

/// A task sleeps with the only object.
#[tokio::main]
pub async fn deadpool_returned_late() {
    let pool = pool_of_numbers();
    let first = pool.get().await.unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(crate::HOUR).await;
        drop(first);
    });
    crate::ready();
    drop(pool.get().await.unwrap());
}
