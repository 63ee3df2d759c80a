//! Whatever is done to a store, it does what a plain map would do.
#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use std::collections::BTreeMap;

use encoder_core::ErrorKind;
use encoder_core::store::{Change, Expect, Key, MemoryStore, Revision, StateStore};
use futures::StreamExt;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Expected {
    Any,
    Absent,
    Present,
    Stale,
}

#[derive(Clone, Debug)]
enum Step {
    Get(usize),
    Put(usize, Vec<u8>, Expected),
    Delete(usize, Expected),
    List(usize),
}

const KEYS: [&str; 5] = ["a", "a/1", "a/2", "ab", "b/1"];

fn expected() -> impl Strategy<Value = Expected> {
    use Expected::{Absent, Any, Present, Stale};

    proptest::sample::select(vec![Any, Absent, Present, Stale])
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..KEYS.len();
    let value = proptest::collection::vec(any::<u8>(), 0..16);
    prop_oneof![
        key.clone().prop_map(Step::Get),
        (key.clone(), value, expected()).prop_map(|(k, v, e)| Step::Put(k, v, e)),
        (key.clone(), expected()).prop_map(|(k, e)| Step::Delete(k, e)),
        key.prop_map(Step::List),
    ]
}

/// The store as a map, with every revision it ever gave out.
#[derive(Default)]
struct Model {
    records: BTreeMap<&'static str, (Vec<u8>, Revision)>,
    last: Revision,
    older: Vec<Revision>,
    changes: usize,
}

impl Model {
    /// The expectation to pass, and whether it holds.
    fn resolve(&self, name: &str, expected: Expected) -> (Expect, bool) {
        let present = self.records.get(name).map(|(_, revision)| *revision);
        match expected {
            Expected::Any => (Expect::Any, true),
            Expected::Absent => (Expect::Absent, present.is_none()),
            Expected::Present => {
                let revision = present.unwrap_or(Revision(0));
                (Expect::Revision(revision), present.is_some())
            }
            Expected::Stale => {
                let stale = self.older.iter().rev().find(|old| Some(**old) != present);
                (Expect::Revision(*stale.unwrap_or(&Revision(0))), false)
            }
        }
    }

    async fn check(&mut self, store: &dyn StateStore, step: &Step) {
        match step {
            Step::Get(index) => self.get(store, KEYS[*index]).await,
            Step::Put(index, value, expected) => {
                self.put(store, KEYS[*index], value, *expected).await;
            }
            Step::Delete(index, expected) => self.delete(store, KEYS[*index], *expected).await,
            Step::List(index) => self.list(store, KEYS[*index]).await,
        }
    }

    async fn get(&self, store: &dyn StateStore, name: &str) {
        let found = store.get(&key(name)).await.unwrap();
        let found = found.map(|record| (record.value, record.revision));
        assert_eq!(found.as_ref(), self.records.get(name));
    }

    async fn put(
        &mut self,
        store: &dyn StateStore,
        name: &'static str,
        value: &[u8],
        expected: Expected,
    ) {
        let (expect, holds) = self.resolve(name, expected);
        match store.put(&key(name), value, expect).await {
            Ok(revision) => {
                assert!(holds, "{expect:?} was accepted");
                assert!(revision > self.last);
                self.last = revision;
                self.older.push(revision);
                self.records.insert(name, (value.to_vec(), revision));
                self.changes += 1;
            }
            Err(error) => {
                assert!(!holds, "{expect:?}: {error:?}");
                assert_eq!(error.kind(), ErrorKind::RevisionMismatch);
            }
        }
    }

    async fn delete(&mut self, store: &dyn StateStore, name: &'static str, expected: Expected) {
        let (expect, holds) = self.resolve(name, expected);
        let was_there = self.records.contains_key(name);
        match store.delete(&key(name), expect).await {
            Ok(()) => {
                assert!(holds || !was_there, "{expect:?} was accepted");
                self.changes += usize::from(self.records.remove(name).is_some());
            }
            Err(error) => {
                assert!(was_there && !holds, "{expect:?}: {error:?}");
                assert_eq!(error.kind(), ErrorKind::RevisionMismatch);
            }
        }
    }

    async fn list(&self, store: &dyn StateStore, prefix: &str) {
        let listed = store.list(&key(prefix)).await.unwrap();
        let listed: Vec<_> = listed
            .iter()
            .map(|record| (record.key.as_str(), (record.value.clone(), record.revision)))
            .collect();
        let records = self
            .records
            .iter()
            .filter(|(name, _)| name.starts_with(prefix));
        let records: Vec<_> = records
            .map(|(name, entry)| (*name, entry.clone()))
            .collect();
        assert_eq!(listed, records);
    }
}

fn key(name: &str) -> Key {
    Key::try_new(name).unwrap()
}

/// Runs the steps and replays what the watch told: both must end in the same records.
async fn agree(store: &dyn StateStore, steps: &[Step]) {
    let mut watches: Vec<_> = ["a", "b"].map(|prefix| store.watch(&key(prefix))).into();
    let mut model = Model::default();
    for step in steps {
        model.check(store, step).await;
    }
    for name in KEYS {
        model.get(store, name).await;
    }
    let mut replayed = BTreeMap::new();
    let mut changes = 0;
    for watch in &mut watches {
        // Changes were announced before their writes were acknowledged.
        while let Some(Some(change)) = futures::FutureExt::now_or_never(watch.next()) {
            changes += 1;
            match change {
                Change::Put(record) => {
                    let entry = (record.value, record.revision);
                    replayed.insert(record.key.to_string(), entry);
                }
                Change::Deleted(key) => drop(replayed.remove(key.as_str())),
                Change::Lagged => panic!("so few changes fit"),
            }
        }
    }
    assert_eq!(changes, model.changes);
    let records = model.records.into_iter();
    let records: BTreeMap<_, _> = records
        .map(|(name, entry)| (name.to_owned(), entry))
        .collect();
    assert_eq!(replayed, records);
}

fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_store_is_a_map(steps in proptest::collection::vec(step(), 1..60)) {
        run(async { agree(&MemoryStore::new(), &steps).await });
    }
}

#[cfg(feature = "sqlite")]
proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn sqlite_store_is_a_map(steps in proptest::collection::vec(step(), 1..60)) {
        use encoder_core::store::{SqliteConfig, SqliteStore};

        let folder = tempfile::tempdir().unwrap();
        run(async {
            let config = SqliteConfig::new(folder.path().join("fleet.db"));
            let store = SqliteStore::open(config).await.unwrap();
            agree(&store, &steps).await;
            store.close().await;
        });
    }
}
