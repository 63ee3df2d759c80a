//! Every store in this crate keeps the contract of `StateStore`.

use std::sync::Arc;

use encoder_core::store::MemoryStore;
use encoder_core::store_conformance;
use encoder_core::testkit::store::StoreUnderTest;

async fn memory() -> StoreUnderTest {
    StoreUnderTest::new(Arc::new(MemoryStore::default()))
}

store_conformance!(
    #[tokio::test(start_paused = true)]
    memory_store,
    memory
);

#[cfg(feature = "sqlite")]
mod durable {
    use super::*;
    use encoder_core::store::{SqliteConfig, SqliteStore};

    async fn sqlite() -> StoreUnderTest {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = SqliteConfig::new(folder.path().join("fleet.db"));
        let store = SqliteStore::open(config).await.expect("a new file opens");
        StoreUnderTest::new(Arc::new(store)).keeping(folder)
    }

    store_conformance!(sqlite_store, sqlite);
}
