//! The statements behind each method of the store.

use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, params};

use super::worker::Operation;
use crate::error::Result;
use crate::model::Timestamp;
use crate::store::{Change, Expect, Key, Lease, Record, Revision, conditions};

pub(super) struct Get(pub(super) Key);

impl Operation for Get {
    type Output = Option<Record>;
    const NAME: &'static str = "StateStore::get";
    const WRITES: bool = false;

    fn run(&self, connection: &Connection) -> rusqlite::Result<Result<Self::Output>> {
        let mut statement =
            connection.prepare_cached("SELECT value, revision FROM records WHERE key = ?1")?;
        let found = statement.query_row([self.0.as_str()], |row| {
            Ok(Record {
                key: self.0.clone(),
                value: row.get(0)?,
                revision: revision(row.get(1)?),
            })
        });
        found.optional().map(Ok)
    }
}

pub(super) struct List(pub(super) Key);

impl Operation for List {
    type Output = Vec<Record>;
    const NAME: &'static str = "StateStore::list";
    const WRITES: bool = false;

    fn run(&self, connection: &Connection) -> rusqlite::Result<Result<Self::Output>> {
        // Keys are ASCII below `~`, so this bound lies behind every key with the prefix.
        let (first, end) = (self.0.as_str(), format!("{}~", self.0));
        let mut statement = connection.prepare_cached(
            "SELECT key, value, revision FROM records WHERE key >= ?1 AND key < ?2 ORDER BY key",
        )?;
        let records = statement.query_map([first, &end], |row| {
            let key = Key::try_new(row.get::<_, String>(0)?).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
            })?;
            Ok(Record {
                key,
                value: row.get(1)?,
                revision: revision(row.get(2)?),
            })
        })?;
        records.collect::<rusqlite::Result<_>>().map(Ok)
    }
}

pub(super) struct Put {
    pub(super) key: Key,
    pub(super) value: Vec<u8>,
    pub(super) expect: Expect,
}

impl Operation for Put {
    type Output = Revision;
    const NAME: &'static str = "StateStore::put";
    const WRITES: bool = true;

    fn run(&self, connection: &Connection) -> rusqlite::Result<Result<Revision>> {
        let found = current(connection, &self.key)?;
        if !conditions::meets(self.expect, found) {
            return Ok(Err(conditions::mismatch(&self.key, found)));
        }
        let next: i64 = connection
            .prepare_cached(
                "UPDATE counters SET value = value + 1 WHERE name = 'revision' RETURNING value",
            )?
            .query_row([], |row| row.get(0))?;
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO records (key, value, revision) VALUES (?, ?, ?)",
            )?
            .execute(params![self.key.as_str(), self.value, next])?;
        Ok(Ok(revision(next)))
    }

    fn change(&self, output: &Revision) -> Option<Change> {
        Some(Change::Put(Record {
            key: self.key.clone(),
            value: self.value.clone(),
            revision: *output,
        }))
    }
}

pub(super) struct Delete {
    pub(super) key: Key,
    pub(super) expect: Expect,
}

impl Operation for Delete {
    /// Whether there was something to remove.
    type Output = bool;
    const NAME: &'static str = "StateStore::delete";
    const WRITES: bool = true;

    fn run(&self, connection: &Connection) -> rusqlite::Result<Result<bool>> {
        let Some(found) = current(connection, &self.key)? else {
            return Ok(Ok(false));
        };
        if !conditions::meets(self.expect, Some(found)) {
            return Ok(Err(conditions::mismatch(&self.key, Some(found))));
        }
        connection
            .prepare_cached("DELETE FROM records WHERE key = ?1")?
            .execute([self.key.as_str()])?;
        Ok(Ok(true))
    }

    fn change(&self, output: &bool) -> Option<Change> {
        output.then(|| Change::Deleted(self.key.clone()))
    }
}

pub(super) struct TakeLease {
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) ttl: Duration,
    pub(super) now: Timestamp,
}

/// A row of the table of leases.
struct Held {
    owner: String,
    token: i64,
    ttl: i64,
    expires_at: i64,
}

impl Operation for TakeLease {
    type Output = Lease;
    const NAME: &'static str = "StateStore::lease";
    const WRITES: bool = true;

    fn run(&self, connection: &Connection) -> rusqlite::Result<Result<Lease>> {
        let now = self.now.as_millis();
        let held = self.held(connection)?;
        let token = match &held {
            None => 1,
            Some(held) if held.owner == self.owner => held.token,
            Some(held) if held.expires_at <= now => held.token + 1,
            Some(held) => {
                self.shorten(connection, held)?;
                return Ok(Err(conditions::held_by_another(&self.name, &held.owner)));
            }
        };
        let ttl = i64::try_from(self.ttl.as_millis()).unwrap_or(i64::MAX);
        let expires_at = now.saturating_add(ttl);
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO leases (name, owner, token, ttl, expires_at)
                 VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![self.name, self.owner, token, ttl, expires_at])?;
        Ok(Ok(Lease {
            name: self.name.clone(),
            owner: self.owner.clone(),
            token: token.cast_unsigned(),
            ttl: self.ttl,
        }))
    }
}

impl TakeLease {
    fn held(&self, connection: &Connection) -> rusqlite::Result<Option<Held>> {
        connection
            .prepare_cached("SELECT owner, token, ttl, expires_at FROM leases WHERE name = ?1")?
            .query_row([&self.name], |row| {
                Ok(Held {
                    owner: row.get(0)?,
                    token: row.get(1)?,
                    ttl: row.get(2)?,
                    expires_at: row.get(3)?,
                })
            })
            .optional()
    }

    /// An end further away than the whole span means that the wall clock was set back. Without
    /// this the lease of a dead owner would block the others for as long as the clock jumped.
    fn shorten(&self, connection: &Connection, held: &Held) -> rusqlite::Result<()> {
        let latest = self.now.as_millis().saturating_add(held.ttl);
        if held.expires_at > latest {
            connection
                .prepare_cached("UPDATE leases SET expires_at = ?2 WHERE name = ?1")?
                .execute(params![self.name, latest])?;
        }
        Ok(())
    }
}

pub(super) struct Release(pub(super) Lease);

impl Operation for Release {
    type Output = ();
    const NAME: &'static str = "StateStore::release";
    const WRITES: bool = true;

    fn run(&self, connection: &Connection) -> rusqlite::Result<Result<()>> {
        // The row stays, so that tokens keep growing.
        connection
            .prepare_cached(
                "UPDATE leases SET expires_at = ?4
                 WHERE name = ?1 AND owner = ?2 AND token = ?3",
            )?
            .execute(params![
                self.0.name,
                self.0.owner,
                self.0.token.cast_signed(),
                i64::MIN
            ])?;
        Ok(Ok(()))
    }
}

fn current(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Revision>> {
    connection
        .prepare_cached("SELECT revision FROM records WHERE key = ?1")?
        .query_row([key.as_str()], |row| row.get(0).map(revision))
        .optional()
}

/// SQLite counts in i64; the counter never comes near its end.
fn revision(stored: i64) -> Revision {
    Revision(stored.cast_unsigned())
}
