//! What most programs of the catalogue work on: posts in a database, and an API that has their content.

use std::time::Duration;

use sqlx::SqlitePool;
use tokio::time::sleep;
use unstuck::demo::Job;

/// Posts, whose content is to be had from an API.
#[derive(Clone)]
pub(crate) struct Blog {
    db: SqlitePool,
    latency: Duration,
    /// The post for which the API has an error page.
    broken: Option<i64>,
}

impl Blog {
    pub(crate) async fn open(job: &Job) -> Result<Self, sqlx::Error> {
        Ok(Self {
            db: SqlitePool::connect_with(job.database.clone()).await?,
            latency: job.latency,
            broken: None,
        })
    }

    /// The same, but for the post `id` the API has an error page, which the database does not take.
    #[allow(dead_code, reason = "not every chapter has a use for it")]
    pub(crate) fn with_broken(self, id: i64) -> Self {
        let broken = Some(id);
        Self { broken, ..self }
    }

    /// Stands in for a request to an API over the network. What it answers is JSON, mostly.
    pub(crate) async fn download(&self, id: i64) -> String {
        sleep(self.latency).await;
        if self.broken == Some(id) {
            return "<h1>502 Bad Gateway</h1>".to_owned();
        }
        format!(r#"{{ "text": "Content of post {id}!" }}"#)
    }

    pub(crate) async fn store(&self, id: i64, content: &str) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE post SET content = ? WHERE id = ?")
            .bind(content)
            .bind(id)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    pub(crate) async fn download_and_store(&self, id: i64) -> Result<(), sqlx::Error> {
        let content = self.download(id).await;
        self.store(id, &content).await
    }
}
