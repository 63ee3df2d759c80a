//! Opening the file: settings of the connection, ownership and migrations.

use std::fs::OpenOptions;
use std::io;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::SqliteConfig;
use super::failure::{Failure, unavailable};
use crate::error::{Error, ErrorKind, Result, Retry};

/// Marks files of this program; `PRAGMA application_id`. ASCII `ENCM`.
const APPLICATION_ID: i64 = 0x454E_434D;

/// Each entry brings the schema one version further; `PRAGMA user_version` counts them. Entries
/// are never changed once released, only added.
const MIGRATIONS: [&str; 2] = [
    "
    CREATE TABLE records (
        key TEXT PRIMARY KEY NOT NULL,
        value BLOB NOT NULL,
        revision INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE leases (
        name TEXT PRIMARY KEY NOT NULL,
        owner TEXT NOT NULL,
        token INTEGER NOT NULL,
        ttl INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE counters (
        name TEXT PRIMARY KEY NOT NULL,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO counters VALUES ('revision', 0);
",
    // Recorded readings; the index finds what is too old.
    "
    CREATE TABLE series (
        subject TEXT NOT NULL,
        step INTEGER NOT NULL,
        metric TEXT NOT NULL,
        start INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (subject, step, metric, start)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX series_age ON series (step, start);
",
];

/// Opens, checks and migrates the file.
pub(super) fn open(config: &SqliteConfig) -> Result<Connection> {
    create_private(config)?;
    let mut connection = Connection::open(&config.path).map_err(Failure::from)?;
    set_up(&connection, config).map_err(Failure::from)?;
    check_owner(&connection)?;
    use_wal(&connection)?;
    migrate(&mut connection)?;
    check_pages(&connection)?;
    Ok(connection)
}

/// Passwords and stream keys are in the file, so only its owner may read it. SQLite gives its
/// `-wal` and `-shm` files the same mode.
fn create_private(config: &SqliteConfig) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&config.path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unavailable(
            "the store's file cannot be created; check that its folder exists, is writable and \
             has space",
        )
        .with_source(error)),
    }
}

fn set_up(connection: &Connection, config: &SqliteConfig) -> rusqlite::Result<()> {
    // SQLite counts the span in an i32 of milliseconds.
    let longest = Duration::from_millis(i32::MAX as u64);
    connection.busy_timeout(config.busy_timeout.min(longest))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    if let Some(bytes) = config.max_bytes {
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
        let set = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        connection.pragma_update_and_check(None, "max_page_count", pages.max(1), set)?;
    }
    Ok(())
}

fn number(connection: &Connection, pragma: &str) -> Result<i64> {
    let value = connection.pragma_query_value(None, pragma, |row| row.get(0));
    Ok(value.map_err(Failure::from)?)
}

fn check_owner(connection: &Connection) -> Result<()> {
    let application = number(connection, "application_id")?;
    let version = number(connection, "user_version")?;
    let newest = MIGRATIONS.len() as i64;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(Failure::from)?;
    let is_new = application == 0 && version == 0 && tables == 0;
    if application != APPLICATION_ID && !is_new {
        let message = "the store's file is a database of another program; name another file";
        return Err(Error::new(ErrorKind::ConfigInvalid, message));
    }
    if version > newest {
        let message = format!(
            "the store's file has schema version {version} and this program knows versions up \
             to {newest}; it was written by a newer release, so run that one"
        );
        return Err(Error::new(ErrorKind::ConfigInvalid, message));
    }
    Ok(())
}

fn use_wal(connection: &Connection) -> Result<()> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(Failure::from)?;
    if mode != "wal" {
        let message = "the store's file cannot use a write-ahead log there; put it on a local disk";
        return Err(Error::new(ErrorKind::ConfigInvalid, message).with_context("mode", mode));
    }
    Ok(())
}

fn migrate(connection: &mut Connection) -> Result<()> {
    let newest = MIGRATIONS.len() as i64;
    if number(connection, "user_version")? == newest {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(Failure::from)?;
    // Another process may have migrated while this one waited for the lock.
    check_owner(&transaction)?;
    let version = usize::try_from(number(&transaction, "user_version")?).unwrap_or(0);
    for migration in &MIGRATIONS[version..] {
        transaction
            .execute_batch(migration)
            .map_err(Failure::from)?;
    }
    let stamp = |pragma, value| transaction.pragma_update(None, pragma, value);
    stamp("application_id", APPLICATION_ID).map_err(Failure::from)?;
    stamp("user_version", newest).map_err(Failure::from)?;
    Ok(transaction.commit().map_err(Failure::from)?)
}

/// Tables that no failover can do without.
const CHECKED: [&str; 3] = ["records", "leases", "counters"];

/// Finds damage now instead of in the middle of a failover. Recorded series are left out: they may be
/// hundreds of megabytes, and can be missed.
fn check_pages(connection: &Connection) -> Result<()> {
    CHECKED
        .iter()
        .try_for_each(|table| check_table(connection, table))
}

fn check_table(connection: &Connection, table: &str) -> Result<()> {
    let verdict: String = connection
        .query_row(&format!("PRAGMA quick_check({table})"), [], |row| {
            row.get(0)
        })
        .map_err(Failure::from)?;
    if verdict == "ok" {
        return Ok(());
    }
    let damage = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    let damage = rusqlite::Error::SqliteFailure(damage, Some(verdict));
    Err(Error::from(Failure::from(damage)).with_retry(Retry::Never))
}
