//! Recorded series in their own table.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::worker::Operation;
use crate::error::Result;
use crate::model::Timestamp;
use crate::store::{SeriesChunk, SeriesRange, SeriesStore};

/// Rows that one command removes; more would hold up the others.
const PRUNED: usize = 500;

#[async_trait]
impl SeriesStore for SqliteStore {
    async fn append(&self, chunks: Vec<SeriesChunk>) -> Result<()> {
        self.run(Append(chunks)).await
    }

    async fn load(&self, range: &SeriesRange) -> Result<Vec<SeriesChunk>> {
        self.run(Load(range.clone())).await
    }

    async fn prune(&self, step: Duration, before: Timestamp) -> Result<usize> {
        self.run(Prune { step, before }).await
    }

    async fn forget(&self, subject: &str) -> Result<()> {
        self.run(Forget(subject.to_owned())).await
    }
}

struct Append(Vec<SeriesChunk>);

impl Operation for Append {
    type Output = ();
    const NAME: &'static str = "SeriesStore::append";
    const WRITES: bool = true;

    fn run(&self, connection: &Connection) -> rusqlite::Result<Result<()>> {
        let mut statement = connection.prepare_cached(
            "INSERT OR REPLACE INTO series (subject, step, metric, start, body)
             VALUES (?, ?, ?, ?, ?)",
        )?;
        for chunk in &self.0 {
            let start = chunk.start.as_millis();
            let (subject, metric) = (&chunk.subject, &chunk.metric);
            statement.execute(params![
                subject,
                millis(chunk.step),
                metric,
                start,
                chunk.body
            ])?;
        }
        Ok(Ok(()))
    }
}

struct Load(SeriesRange);

impl Operation for Load {
    type Output = Vec<SeriesChunk>;
    const NAME: &'static str = "SeriesStore::load";
    const WRITES: bool = false;

    fn run(&self, connection: &Connection) -> rusqlite::Result<Result<Self::Output>> {
        let range = &self.0;
        let mut statement = connection.prepare_cached(
            "SELECT metric, start, body FROM series
             WHERE subject = ? AND step = ? AND start >= ? AND start < ?
             ORDER BY metric, start",
        )?;
        let (from, to) = (range.from.as_millis(), range.to.as_millis());
        let wanted = params![range.subject, millis(range.step), from, to];
        let chunks = statement.query_map(wanted, |row| {
            Ok(SeriesChunk {
                subject: range.subject.clone(),
                metric: row.get(0)?,
                step: range.step,
                start: Timestamp::from_millis(row.get(1)?),
                body: row.get(2)?,
            })
        })?;
        chunks.collect::<rusqlite::Result<_>>().map(Ok)
    }
}

struct Prune {
    step: Duration,
    before: Timestamp,
}

impl Operation for Prune {
    type Output = usize;
    const NAME: &'static str = "SeriesStore::prune";
    const WRITES: bool = true;

    fn run(&self, connection: &Connection) -> rusqlite::Result<Result<usize>> {
        let mut statement = connection.prepare_cached(
            "DELETE FROM series WHERE (subject, step, metric, start) IN (
                 SELECT subject, step, metric, start FROM series
                 WHERE step = ? AND start < ? LIMIT ?)",
        )?;
        let before = self.before.as_millis();
        let removed = statement.execute(params![millis(self.step), before, PRUNED as i64])?;
        Ok(Ok(removed))
    }
}

struct Forget(String);

impl Operation for Forget {
    type Output = ();
    const NAME: &'static str = "SeriesStore::forget";
    const WRITES: bool = true;

    fn run(&self, connection: &Connection) -> rusqlite::Result<Result<()>> {
        connection
            .prepare_cached("DELETE FROM series WHERE subject = ?")?
            .execute([&self.0])?;
        Ok(Ok(()))
    }
}

fn millis(step: Duration) -> i64 {
    i64::try_from(step.as_millis()).unwrap_or(i64::MAX)
}
