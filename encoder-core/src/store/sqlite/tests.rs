use futures::StreamExt;
use futures::future::join_all;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::error::{ErrorKind, Retry};
use crate::model::Timestamp;
use crate::store::SeriesChunk;

const LONG: Duration = Duration::from_secs(600);

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn config(folder: &TempDir) -> SqliteConfig {
    SqliteConfig::new(folder.path().join("fleet.db"))
}

fn key(name: &str) -> Key {
    Key::try_new(name).unwrap()
}

async fn open(config: SqliteConfig) -> SqliteStore {
    SqliteStore::open(config).await.unwrap()
}

async fn refusal(config: SqliteConfig) -> crate::Error {
    SqliteStore::open(config).await.unwrap_err()
}

#[tokio::test]
async fn everything_survives_reopening() {
    let folder = folder();
    let store = open(config(&folder)).await;
    let revision = store.put(&key("a"), b"1", Expect::Absent).await.unwrap();
    let lease = store.lease("fleet", "m-1", LONG).await.unwrap();
    store.close().await;

    let store = open(config(&folder)).await;
    let record = store.get(&key("a")).await.unwrap().unwrap();
    assert_eq!((record.value, record.revision), (b"1".to_vec(), revision));
    assert!(store.put(&key("b"), b"2", Expect::Any).await.unwrap() > revision);
    let refused = store.lease("fleet", "m-2", LONG).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let again = store.lease("fleet", "m-1", LONG).await.unwrap();
    assert_eq!(again.token, lease.token);
}

#[tokio::test]
async fn a_locked_file_refuses_writes_and_recovers() {
    let folder = folder();
    let settings = config(&folder).with_busy_timeout(Duration::from_millis(50));
    let store = open(settings.clone()).await;
    store.put(&key("a"), b"1", Expect::Any).await.unwrap();

    let intruder = Connection::open(&settings.path).unwrap();
    intruder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let names: Vec<_> = (0..10).map(|n| key(&format!("n/{n}"))).collect();
    let attempts = names.iter().map(|name| store.put(name, b"2", Expect::Any));
    for result in join_all(attempts).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        assert_eq!(error.retry(), Retry::Safe);
        assert!(error.to_string().contains("locked"), "{error}");
    }
    let record = store.get(&key("a")).await.unwrap().unwrap();
    assert_eq!(record.value, b"1", "reading goes on while another writes");
    intruder.execute_batch("ROLLBACK").unwrap();

    assert!(store.list(&key("n/")).await.unwrap().is_empty());
    store.put(&key("a"), b"3", Expect::Any).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_only_what_does_not_fit() {
    let folder = folder();
    let store = open(config(&folder).with_max_bytes(40 * 4096)).await;
    let mut written = 0;
    let error = loop {
        let name = key(&format!("fill/{written}"));
        match store.put(&name, &[7; 20_000], Expect::Absent).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 40, "the limit has no effect");
    };
    assert!(written > 0);
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert_eq!(error.retry(), Retry::Safe);
    assert!(error.to_string().contains("full"), "{error}");
    assert_eq!(store.list(&key("fill/")).await.unwrap().len(), written);

    // Queued together, so they share a transaction that the large ones spoil.
    let keys: Vec<_> = (0..6).map(|n| key(&format!("mixed/{n}"))).collect();
    let sizes = [10, 30_000, 20, 30_000, 30, 40];
    let values = sizes.map(|size| vec![1; size]);
    let attempts = keys.iter().zip(&values);
    let attempts = attempts.map(|(name, value)| store.put(name, value, Expect::Absent));
    for (size, result) in sizes.into_iter().zip(join_all(attempts).await) {
        assert_eq!(result.is_ok(), size < 1000, "{size} bytes: {result:?}");
    }
    assert_eq!(store.list(&key("mixed/")).await.unwrap().len(), 4);

    store.delete(&key("fill/0"), Expect::Any).await.unwrap();
    store
        .put(&key("after"), &[9; 15_000], Expect::Absent)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let folder = folder();
    let settings = config(&folder);
    open(settings.clone()).await.close().await;
    let other = Connection::open(&settings.path).unwrap();
    let ours: i64 = other
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    let error = refusal(settings.clone()).await;
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("version 99"), "{error}");
    other.pragma_update(None, "user_version", ours).unwrap();
    open(settings).await;
}

#[tokio::test]
async fn a_foreign_database_is_left_alone() {
    let folder = folder();
    let settings = config(&folder);
    let other = Connection::open(&settings.path).unwrap();
    other
        .execute_batch("CREATE TABLE invoices (id INTEGER)")
        .unwrap();
    let error = refusal(settings).await;
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    let tables = other.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0));
    assert_eq!(tables, Ok(1));
}

#[tokio::test]
async fn a_damaged_file_says_what_to_do() {
    let folder = folder();
    let settings = config(&folder);
    std::fs::write(&settings.path, [b'x'; 8192]).unwrap();
    let no_database = refusal(settings.clone()).await;

    std::fs::remove_file(&settings.path).unwrap();
    let store = open(settings.clone()).await;
    for n in 0..50 {
        let name = key(&format!("n/{n}"));
        store.put(&name, &[1; 1000], Expect::Any).await.unwrap();
    }
    store.close().await;
    let mut bytes = std::fs::read(&settings.path).unwrap();
    bytes[5 * 4096..9 * 4096].fill(0xA5);
    std::fs::write(&settings.path, bytes).unwrap();
    let damaged = refusal(settings).await;
    for error in [no_database, damaged] {
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        assert_eq!(error.retry(), Retry::Never);
        assert!(error.to_string().contains("backup"), "{error}");
        assert!(error.to_string().contains("fleet.db"), "{error}");
    }
}

#[tokio::test]
async fn damage_in_recorded_series_alone_keeps_nobody_off_the_records() {
    let folder = folder();
    let settings = config(&folder);
    let store = open(settings.clone()).await;
    store.put(&key("a"), b"1", Expect::Any).await.unwrap();
    store.close().await;
    let root: u32 = Connection::open(&settings.path)
        .unwrap()
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'series'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let mut bytes = std::fs::read(&settings.path).unwrap();
    let page = (root - 1) as usize * 4096;
    bytes[page..page + 4096].fill(0xA5);
    std::fs::write(&settings.path, bytes).unwrap();

    let store = open(settings).await;
    let record = store.get(&key("a")).await.unwrap().unwrap();
    assert_eq!(record.value, b"1");
    store.put(&key("b"), b"2", Expect::Any).await.unwrap();
    let chunk = SeriesChunk {
        subject: "encoder/helo-1".to_owned(),
        metric: "temperature".to_owned(),
        step: Duration::from_secs(10),
        start: Timestamp::from_millis(0),
        body: vec![1],
    };
    let lost = store.append(vec![chunk]).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::StoreUnavailable);
    store.put(&key("c"), b"3", Expect::Any).await.unwrap();
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let error = refusal(SqliteConfig::new("/nowhere/at/all/fleet.db")).await;
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder();
    let store = open(config(&folder)).await;
    store.put(&key("a"), b"secret", Expect::Any).await.unwrap();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
        names.push(entry.file_name().into_string().unwrap());
    }
    assert!(names.contains(&"fleet.db-wal".to_owned()), "{names:?}");
}

#[tokio::test]
async fn closing_completes_what_is_queued_and_ends_watchers() {
    let folder = folder();
    let store = open(config(&folder)).await;
    let mut watch = store.watch(&key("n/"));
    let names: Vec<_> = (0..100).map(|n| key(&format!("n/{n:03}"))).collect();
    let puts = join_all(
        names
            .iter()
            .map(|name| store.put(name, b"x", Expect::Absent)),
    );
    let (written, ()) = tokio::join!(puts, store.close());
    let acknowledged = written.iter().filter(|result| result.is_ok()).count();
    assert!(acknowledged > 0);
    let mut seen = 0;
    while let Some(change) = watch.next().await {
        assert!(matches!(change, Change::Put(_)));
        seen += 1;
    }
    assert_eq!(seen, acknowledged);
    let late = store.get(&key("n/000")).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::StoreUnavailable);
    assert_eq!(store.watch(&key("n/")).next().await, None);
    let store = open(config(&folder)).await;
    assert_eq!(store.list(&key("n/")).await.unwrap().len(), acknowledged);
}

#[tokio::test]
async fn closing_does_not_wait_for_the_next_look_at_other_processes() {
    let folder = folder();
    for _ in 0..20 {
        let store = open(config(&folder).with_watch_interval(LONG)).await;
        let closed = tokio::time::timeout(Duration::from_secs(10), store.close()).await;
        closed.expect("closing waits for an interval");
    }
}

#[tokio::test]
async fn dropping_the_last_clone_ends_the_thread() {
    let folder = folder();
    let store = open(config(&folder)).await;
    let clone = store.clone();
    let ended = store.0.ended.clone();
    drop(store);
    clone.put(&key("a"), b"1", Expect::Any).await.unwrap();
    assert!(!ended.is_cancelled());
    drop(clone);
    tokio::time::timeout(Duration::from_secs(10), ended.cancelled())
        .await
        .expect("the thread still runs");
}

#[tokio::test]
async fn two_handles_share_records_leases_and_revisions() {
    let folder = folder();
    let settings = config(&folder).with_watch_interval(Duration::from_millis(10));
    let (one, two) = (open(settings.clone()).await, open(settings).await);
    let first = one.put(&key("a"), b"1", Expect::Absent).await.unwrap();
    let second = two
        .put(&key("a"), b"2", Expect::Revision(first))
        .await
        .unwrap();
    assert!(second > first);
    let stale = one
        .put(&key("a"), b"3", Expect::Revision(first))
        .await
        .unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::RevisionMismatch);
    one.lease("fleet", "m-1", LONG).await.unwrap();
    let refused = two.lease("fleet", "m-2", LONG).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn writes_of_another_process_are_reported_as_lag() {
    let folder = folder();
    let settings = config(&folder).with_watch_interval(Duration::from_millis(10));
    let (one, two) = (open(settings.clone()).await, open(settings).await);
    let mut watch = one.watch(&key("a"));
    two.put(&key("a"), b"1", Expect::Any).await.unwrap();
    let change = tokio::time::timeout(Duration::from_secs(10), watch.next()).await;
    assert_eq!(change.expect("nothing was reported"), Some(Change::Lagged));
}

#[tokio::test]
async fn a_clock_set_back_does_not_stretch_a_lease() {
    let folder = folder();
    let ttl = Duration::from_millis(200);
    let now = Timestamp::from_millis(1_700_000_000_000);
    let ahead = Clock::anchored(now.plus(Duration::from_secs(3600)));
    let store = SqliteStore::open_with_clock(config(&folder), ahead)
        .await
        .unwrap();
    store.lease("fleet", "m-1", ttl).await.unwrap();
    store.close().await;
    let store = SqliteStore::open_with_clock(config(&folder), Clock::anchored(now))
        .await
        .unwrap();
    let refused = store.lease("fleet", "m-2", LONG).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    tokio::time::sleep(ttl + Duration::from_millis(20)).await;
    store.lease("fleet", "m-2", LONG).await.unwrap();
}

#[tokio::test]
async fn a_dropped_call_leaves_a_working_store() {
    let folder = folder();
    let store = open(config(&folder)).await;
    for n in 0..50 {
        let name = key(&format!("n/{n}"));
        let put = store.put(&name, b"x", Expect::Any);
        // Polled once: the command is on its way, and nobody waits for it.
        let _ = futures::future::FutureExt::now_or_never(put);
    }
    store.put(&key("end"), b"x", Expect::Absent).await.unwrap();
    assert!(store.get(&key("end")).await.unwrap().is_some());
}

#[tokio::test]
async fn writes_that_wait_together_share_a_flush() {
    let folder = folder();
    let settings = config(&folder).with_busy_timeout(Duration::from_secs(30));
    let store = open(settings.clone()).await;
    let log = folder.path().join("fleet.db-wal");
    let length = || std::fs::metadata(&log).unwrap().len();
    let names: Vec<_> = (0..60).map(|n| key(&format!("n/{n}"))).collect();
    let put = |name| store.put(name, b"x", Expect::Any);

    let before = length();
    for name in &names {
        put(name).await.unwrap();
    }
    let one_by_one = length() - before;

    let intruder = Connection::open(&settings.path).unwrap();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut together = join_all(names.iter().map(put));
    // Polled once, all of them are queued; the thread holds at most the first few.
    assert!(futures::FutureExt::now_or_never(&mut together).is_none());
    let before = length();
    intruder.execute_batch("ROLLBACK").unwrap();
    for result in together.await {
        result.unwrap();
    }
    let together = length() - before;
    assert!(
        together * 3 < one_by_one,
        "{together} and {one_by_one} bytes of log"
    );
}

#[test]
fn settings_are_read_with_their_units() {
    let text = r#"{"path":"/var/lib/fleet.db","busy_timeout_ms":250}"#;
    let settings: SqliteConfig = serde_json::from_str(text).unwrap();
    let expected = SqliteConfig::new("/var/lib/fleet.db");
    let timeout = Duration::from_millis(250);
    assert_eq!(settings, expected.with_busy_timeout(timeout));
    let misspelt = r#"{"path":"fleet.db","busy_timeout":250}"#;
    assert!(serde_json::from_str::<SqliteConfig>(misspelt).is_err());
}

mod series {
    use super::*;
    use crate::store::{SeriesChunk, SeriesRange, SeriesStore};

    const MINUTE: Duration = Duration::from_secs(60);

    fn chunk(subject: &str, metric: &str, start: i64, body: &[u8]) -> SeriesChunk {
        SeriesChunk {
            subject: subject.to_owned(),
            metric: metric.to_owned(),
            step: MINUTE,
            start: Timestamp::from_millis(start),
            body: body.to_vec(),
        }
    }

    async fn all(store: &SqliteStore, subject: &str) -> Vec<SeriesChunk> {
        let range = SeriesRange {
            subject: subject.to_owned(),
            step: MINUTE,
            from: Timestamp::from_millis(0),
            to: Timestamp::from_millis(1_000_000),
        };
        store.load(&range).await.unwrap()
    }

    #[tokio::test]
    async fn chunks_survive_reopening_and_replace_each_other() {
        let folder = folder();
        let store = open(config(&folder)).await;
        let (old, new) = (chunk("a", "fps", 5, b"old"), chunk("a", "fps", 5, b"new"));
        let later = chunk("a", "fps", 9, b"later");
        let other = chunk("b", "fps", 5, b"other");
        store
            .append(vec![later.clone(), old, other.clone()])
            .await
            .unwrap();
        store.append(vec![new.clone()]).await.unwrap();
        store.close().await;

        let store = open(config(&folder)).await;
        assert_eq!(all(&store, "a").await, [new, later]);
        store.forget("a").await.unwrap();
        assert!(all(&store, "a").await.is_empty());
        assert_eq!(all(&store, "b").await, [other]);
    }

    #[tokio::test]
    async fn old_chunks_are_removed_some_at_a_time() {
        let folder = folder();
        let store = open(config(&folder)).await;
        let chunks = (0..1200).map(|n| chunk("a", "fps", n, b"x")).collect();
        store.append(chunks).await.unwrap();
        let before = Timestamp::from_millis(700);
        let mut removed = Vec::new();
        while removed.last() != Some(&0) {
            removed.push(store.prune(MINUTE, before).await.unwrap());
        }
        assert_eq!(removed, [500, 200, 0]);
        assert_eq!(store.prune(MINUTE * 2, before).await.unwrap(), 0);
        let left = all(&store, "a").await;
        assert_eq!((left.len(), left[0].start), (500, before));
    }

    #[tokio::test]
    async fn a_file_of_the_first_release_is_brought_forward() {
        let folder = folder();
        let settings = config(&folder);
        let store = open(settings.clone()).await;
        store.put(&key("a"), b"1", Expect::Any).await.unwrap();
        store.close().await;
        let file = Connection::open(&settings.path).unwrap();
        file.execute_batch("DROP TABLE series; PRAGMA user_version = 1")
            .unwrap();
        drop(file);
        let store = open(settings).await;
        store
            .append(vec![chunk("a", "fps", 5, b"x")])
            .await
            .unwrap();
        assert_eq!(store.get(&key("a")).await.unwrap().unwrap().value, b"1");
    }
}
