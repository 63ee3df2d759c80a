//! One suite for every [`StateStore`]: a test per item of its contract.
//!
//! ```no_run
//! use std::sync::Arc;
//! use encoder_core::store::MemoryStore;
//! use encoder_core::testkit::store::StoreUnderTest;
//!
//! async fn memory() -> StoreUnderTest {
//!     StoreUnderTest::new(Arc::new(MemoryStore::new()))
//! }
//!
//! encoder_core::store_conformance!(memory_store, memory);
//! # fn main() {}
//! ```

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt, join_all};
use futures::stream::BoxStream;

use crate::error::{Error, ErrorKind, Result};
use crate::store::{Change, Expect, Key, Record, Revision, StateStore};

/// A lease that no test outlives.
const LONG: Duration = Duration::from_secs(600);
/// A lease that ends within a test.
const SHORT: Duration = Duration::from_millis(300);
/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// An empty store, and how to let time pass for its leases.
pub struct StoreUnderTest {
    store: Arc<dyn StateStore>,
    elapse: Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
    /// Dropped after the store. Never looked at; the mutex only makes it shareable.
    _kept: Option<Mutex<Box<dyn Any + Send>>>,
}

impl StoreUnderTest {
    /// An empty store whose leases run on the clock of the tokio runtime, or on the wall clock.
    pub fn new(store: Arc<dyn StateStore>) -> Self {
        Self {
            store,
            elapse: Box::new(|span| tokio::time::sleep(span).boxed()),
            _kept: None,
        }
    }

    /// Lets time pass in another way, for a store with a clock of its own.
    #[must_use]
    pub fn with_elapse<F>(mut self, elapse: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.elapse = Box::new(move |span| elapse(span).boxed());
        self
    }

    /// Keeps something, such as a temporary folder, until the test is over.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any + Send) -> Self {
        self._kept = Some(Mutex::new(Box::new(kept)));
        self
    }
}

impl fmt::Debug for StoreUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreUnderTest")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// Makes a module with one test per item of the contract of [`StateStore`].
///
/// Takes the module's name and an async function without arguments that gives a
/// [`StoreUnderTest`] with an empty store. An attribute before the name replaces
/// `#[tokio::test]`; a paused clock suits only stores that work on the runtime itself, because it
/// runs ahead of other threads and processes.
#[macro_export]
macro_rules! store_conformance {
    ($suite:ident, $factory:expr) => {
        $crate::store_conformance!(#[tokio::test] $suite, $factory);
    };
    (#[$test:meta] $suite:ident, $factory:expr) => {
        $crate::store_conformance!(
            @items #[$test] $suite, $factory,
            put_then_get
            missing_is_none
            absent_put_refuses_existing
            stale_revision_is_refused
            revisions_grow
            one_of_many_writers_wins
            list_is_ordered_and_prefixed
            delete_is_conditional
            watch_reports_changes_in_order
            lease_excludes_others
            lease_is_renewed_by_its_owner
            lease_passes_on_after_expiry
            lease_is_released
        );
    };
    (@items #[$test:meta] $suite:ident, $factory:expr, $($item:ident)+) => {
        mod $suite {
            use super::*;
            $(
                #[$test]
                async fn $item() {
                    $crate::testkit::store::$item(($factory)().await).await;
                }
            )+
        }
    };
}

fn key(name: &str) -> Key {
    Key::try_new(name).expect("the suite names keys correctly")
}

fn assert_kind<T: fmt::Debug>(result: Result<T>, kind: ErrorKind, when: &str) {
    let found = result.as_ref().err().map(Error::kind);
    assert_eq!(found, Some(kind), "{when}: {result:?}");
}

async fn put(store: &dyn StateStore, name: &str, value: &[u8], expect: Expect) -> Revision {
    let written = store.put(&key(name), value, expect).await;
    written.unwrap_or_else(|error| panic!("put {name} ({expect:?}): {error:?}"))
}

async fn get(store: &dyn StateStore, name: &str) -> Option<Record> {
    let read = store.get(&key(name)).await;
    read.unwrap_or_else(|error| panic!("get {name}: {error:?}"))
}

/// Contract item 1.
pub async fn put_then_get(subject: StoreUnderTest) {
    let store = &*subject.store;
    let every_byte: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for value in [&b""[..], b"{\"a\":1}", &every_byte] {
        let revision = put(store, "encoders/Rack-1.helo_2", value, Expect::Any).await;
        let record = get(store, "encoders/Rack-1.helo_2").await;
        let record = record.expect("the record was just written");
        assert_eq!(record.key.as_str(), "encoders/Rack-1.helo_2");
        assert!(
            record.value == value,
            "{} bytes came back changed",
            value.len()
        );
        assert_eq!(record.revision, revision);
    }
}

/// Contract item 2.
pub async fn missing_is_none(subject: StoreUnderTest) {
    let store = &*subject.store;
    assert_eq!(get(store, "streams/none").await, None);
    put(store, "streams/none2", b"x", Expect::Any).await;
    assert_eq!(get(store, "streams/none").await, None);
}

/// Contract item 3.
pub async fn absent_put_refuses_existing(subject: StoreUnderTest) {
    let store = &*subject.store;
    put(store, "a", b"first", Expect::Absent).await;
    let second = store.put(&key("a"), b"second", Expect::Absent).await;
    assert_kind(
        second,
        ErrorKind::RevisionMismatch,
        "absent put on existing",
    );
    let record = get(store, "a").await.expect("still there");
    assert_eq!(record.value, b"first");
}

/// Contract item 4.
pub async fn stale_revision_is_refused(subject: StoreUnderTest) {
    let store = &*subject.store;
    let first = put(store, "a", b"1", Expect::Absent).await;
    let second = put(store, "a", b"2", Expect::Revision(first)).await;
    let stale = store.put(&key("a"), b"3", Expect::Revision(first)).await;
    assert_kind(stale, ErrorKind::RevisionMismatch, "stale put");
    let record = get(store, "a").await.expect("still there");
    assert_eq!(
        (record.value.as_slice(), record.revision),
        (&b"2"[..], second)
    );
    let on_missing = store.put(&key("b"), b"1", Expect::Revision(first)).await;
    assert_kind(
        on_missing,
        ErrorKind::RevisionMismatch,
        "revision on missing",
    );
    assert_eq!(get(store, "b").await, None);
}

/// Contract item 5.
pub async fn revisions_grow(subject: StoreUnderTest) {
    let store = &*subject.store;
    let mut last = Revision(0);
    for name in ["a", "b", "a", "c", "b"] {
        let next = put(store, name, b"x", Expect::Any).await;
        assert!(next > last, "{next:?} after {last:?}");
        last = next;
    }
    store.delete(&key("b"), Expect::Any).await.expect("delete");
    let reborn = put(store, "b", b"x", Expect::Absent).await;
    assert!(reborn > last, "{reborn:?} after a delete and {last:?}");
}

/// Contract item 6.
pub async fn one_of_many_writers_wins(subject: StoreUnderTest) {
    let store = &*subject.store;
    let mut expect = Expect::Absent;
    for round in 0..5_u8 {
        let values: Vec<_> = (0..20_u8).map(|writer| [round, writer]).collect();
        let name = key("a");
        let attempts = values.iter().map(|value| store.put(&name, value, expect));
        let results = join_all(attempts).await;
        let winners: Vec<_> = results
            .iter()
            .zip(&values)
            .filter(|(r, _)| r.is_ok())
            .collect();
        assert_eq!(winners.len(), 1, "{results:?}");
        for lost in results.iter().filter_map(|result| result.as_ref().err()) {
            assert_eq!(lost.kind(), ErrorKind::RevisionMismatch);
        }
        let record = get(store, "a").await.expect("somebody wrote it");
        assert_eq!(record.value, winners[0].1);
        expect = Expect::Revision(record.revision);
    }
}

/// Contract item 7.
pub async fn list_is_ordered_and_prefixed(subject: StoreUnderTest) {
    let store = &*subject.store;
    let names = [
        "s/b", "s/a.1", "s/Z", "s/a", "s/a/x", "s-", "t/a", "s", "s/_", "s/a-1",
    ];
    for name in names {
        put(store, name, name.as_bytes(), Expect::Absent).await;
    }
    let listed = store.list(&key("s/")).await.expect("list");
    let mut expected: Vec<_> = names.into_iter().filter(|n| n.starts_with("s/")).collect();
    expected.sort_unstable();
    let found: Vec<_> = listed.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(found, expected);
    assert!(listed.iter().all(|r| r.value == r.key.as_str().as_bytes()));
    let none = store.list(&key("u/")).await.expect("list");
    assert!(none.is_empty(), "{none:?}");
}

/// Contract item 8.
pub async fn delete_is_conditional(subject: StoreUnderTest) {
    let store = &*subject.store;
    let first = put(store, "a", b"1", Expect::Absent).await;
    let second = put(store, "a", b"2", Expect::Any).await;
    let stale = store.delete(&key("a"), Expect::Revision(first)).await;
    assert_kind(stale, ErrorKind::RevisionMismatch, "stale delete");
    let absent = store.delete(&key("a"), Expect::Absent).await;
    assert_kind(absent, ErrorKind::RevisionMismatch, "absent delete");
    assert!(
        get(store, "a").await.is_some(),
        "a refused delete removed it"
    );
    let deleted = store.delete(&key("a"), Expect::Revision(second)).await;
    deleted.expect("delete with the present revision");
    assert_eq!(get(store, "a").await, None);
    for expect in [Expect::Any, Expect::Absent, Expect::Revision(second)] {
        let again = store.delete(&key("a"), expect).await;
        again.unwrap_or_else(|error| panic!("delete of nothing ({expect:?}): {error:?}"));
    }
}

/// Contract item 9.
pub async fn watch_reports_changes_in_order(subject: StoreUnderTest) {
    let store = &*subject.store;
    put(store, "s/before", b"0", Expect::Any).await;
    let mut watch = store.watch(&key("s/"));
    let mut expected = Vec::new();
    for round in 0..20_u8 {
        let revision = put(store, "s/a", &[round], Expect::Any).await;
        expected.push(Change::Put(Record {
            key: key("s/a"),
            value: vec![round],
            revision,
        }));
        put(store, "other", &[round], Expect::Any).await;
    }
    let refused = store.put(&key("s/a"), b"no", Expect::Absent).await;
    assert_kind(
        refused,
        ErrorKind::RevisionMismatch,
        "absent put on existing",
    );
    store
        .delete(&key("s/a"), Expect::Any)
        .await
        .expect("delete");
    expected.push(Change::Deleted(key("s/a")));
    store
        .delete(&key("s/a"), Expect::Any)
        .await
        .expect("delete");
    let revision = put(store, "s/end", b"", Expect::Any).await;
    expected.push(Change::Put(Record {
        key: key("s/end"),
        value: Vec::new(),
        revision,
    }));
    for expected in expected {
        assert_eq!(next_change(&mut watch).await, expected);
    }
}

async fn next_change(watch: &mut BoxStream<'static, Change>) -> Change {
    let change = tokio::time::timeout(PATIENCE, watch.next()).await;
    change
        .expect("a change was not reported in time")
        .expect("the watch ended before the store was closed")
}

/// Contract item 10.
pub async fn lease_excludes_others(subject: StoreUnderTest) {
    let store = &*subject.store;
    let lease = store.lease("fleet", "a", LONG).await.expect("free lease");
    assert_eq!((lease.name.as_str(), lease.owner.as_str()), ("fleet", "a"));
    assert_eq!(lease.ttl, LONG);
    let refused = store.lease("fleet", "b", LONG).await;
    assert_kind(refused, ErrorKind::Conflict, "lease held by another");
    store
        .lease("other", "b", LONG)
        .await
        .expect("another lease");
    let contenders: Vec<_> = (0..10).map(|owner| format!("owner-{owner}")).collect();
    let attempts = contenders
        .iter()
        .map(|owner| store.lease("new", owner, LONG));
    let holders: Vec<_> = join_all(attempts).await.into_iter().flatten().collect();
    assert_eq!(holders.len(), 1, "{holders:?}");
}

/// Contract item 11.
pub async fn lease_is_renewed_by_its_owner(subject: StoreUnderTest) {
    let store = &*subject.store;
    let short = store.lease("fleet", "a", SHORT).await.expect("free lease");
    let renewed = store.lease("fleet", "a", LONG).await.expect("own lease");
    assert_eq!(renewed.token, short.token);
    (subject.elapse)(SHORT + Duration::from_millis(50)).await;
    let refused = store.lease("fleet", "b", LONG).await;
    assert_kind(refused, ErrorKind::Conflict, "renewed lease");
    let again = store.lease("fleet", "a", LONG).await.expect("own lease");
    assert_eq!(again.token, short.token);
}

/// Contract item 12.
pub async fn lease_passes_on_after_expiry(subject: StoreUnderTest) {
    let store = &*subject.store;
    let mut tokens = HashSet::new();
    let mut last = 0;
    for owner in ["a", "b", "a"] {
        let lease = store
            .lease("fleet", owner, SHORT)
            .await
            .expect("expired lease");
        assert!(
            lease.token > last || last == 0,
            "{lease:?} after token {last}"
        );
        assert!(tokens.insert(lease.token), "{lease:?} reuses a token");
        last = lease.token;
        (subject.elapse)(SHORT + Duration::from_millis(50)).await;
    }
}

/// Contract item 13.
pub async fn lease_is_released(subject: StoreUnderTest) {
    let store = &*subject.store;
    let first = store.lease("fleet", "a", LONG).await.expect("free lease");
    store.release(&first).await.expect("release");
    let second = store
        .lease("fleet", "b", LONG)
        .await
        .expect("released lease");
    assert!(second.token > first.token, "{second:?} after {first:?}");
    store
        .release(&first)
        .await
        .expect("release of a lost lease does nothing");
    let refused = store.lease("fleet", "c", LONG).await;
    assert_kind(refused, ErrorKind::Conflict, "lease after a late release");
}
