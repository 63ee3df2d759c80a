//! A manager in this process, in front of simulated devices, with its records on disk.

use std::sync::Arc;

use encoder_aja::AjaDriverFactory;
use encoder_core::Manager;
use encoder_core::events::{Delivery, Subscription};
use encoder_core::model::{
    EncoderId, EventKind, IssueCode, StreamFailoverReport, StreamId, StreamRecord, StreamRequest,
    StreamState, StreamView,
};
use encoder_core::store::{Key, Record, SqliteConfig, SqliteStore, StateStore};
use tempfile::TempDir;

use crate::devices::{Devices, Setup, helo};

/// Devices, store and manager of one scenario.
#[derive(Debug)]
pub struct Studio {
    /// The devices.
    pub devices: Devices,
    /// The store; another one after every restart.
    pub store: SqliteStore,
    /// The manager; another one after every restart.
    pub manager: Manager,
    /// What everything was made from.
    pub setup: Setup,
    folder: TempDir,
}

impl Studio {
    /// Starts everything and waits until every encoder is known.
    ///
    /// # Panics
    /// When anything of it fails.
    pub async fn open(setup: Setup) -> Self {
        let devices = Devices::start(&setup).await;
        let folder = tempfile::tempdir().expect("a folder");
        let (store, manager) = run(&setup, &devices, &folder).await;
        let studio = Self {
            devices,
            store,
            manager,
            setup,
            folder,
        };
        studio
            .until("all encoders are known", |s| {
                let counts = s.manager.fleet_counts();
                counts.total == s.setup.count && counts.online == counts.total
            })
            .await;
        studio
    }

    /// Waits until the condition holds.
    ///
    /// # Panics
    /// When it never does; streams and ingest are in the message.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let story = || {
            let records: Vec<_> = self
                .manager
                .streams()
                .into_iter()
                .map(|v| v.record)
                .collect();
            let counts = self.manager.fleet_counts();
            format!(
                "{what}\n{records:#?}\n{counts:?}\n{:?}",
                self.devices.story()
            )
        };
        let begun = std::time::Instant::now();
        while !holds(self) {
            let late = begun.elapsed() > crate::PATIENCE;
            assert!(!late, "never happened: {}", story());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Starts a stream on `helo-1` and waits until it is live and as protected as it gets.
    ///
    /// # Panics
    /// When it is not accepted or does not get there.
    pub async fn live(&self, request: StreamRequest) -> StreamId {
        let protected = request.protection != Some(encoder_core::model::Protection::None);
        let view = self.manager.start_stream(request).await.expect("accepted");
        let id = view.record.id;
        self.until("live", |s| s.state(&id) == StreamState::Live)
            .await;
        if protected && self.setup.count > 1 {
            self.until("protected", |s| s.view(&id).backup.ready).await;
        }
        id
    }

    /// The stream.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn view(&self, id: &StreamId) -> StreamView {
        self.manager.stream(id).expect("a stream of that name")
    }

    /// Where the stream is in its life.
    #[must_use]
    pub fn state(&self, id: &StreamId) -> StreamState {
        self.view(id).record.state
    }

    /// Who publishes.
    #[must_use]
    pub fn primary(&self, id: &StreamId) -> EncoderId {
        self.view(id).record.primary.encoder_id
    }

    /// Who would take over.
    #[must_use]
    pub fn backup(&self, id: &StreamId) -> Option<EncoderId> {
        let backup = self.view(id).record.backup;
        backup.map(|backup| backup.encoder_id)
    }

    /// Failovers that have ended.
    #[must_use]
    pub fn failovers(&self, id: &StreamId) -> usize {
        self.view(id).record.history.len()
    }

    /// Whether the stream is live on that encoder.
    #[must_use]
    pub fn is_live_on(&self, id: &StreamId, number: usize) -> bool {
        self.state(id) == StreamState::Live && self.primary(id) == helo(number)
    }

    /// What the stream reports under an issue's code.
    #[must_use]
    pub fn issue(&self, id: &StreamId, code: &'static str) -> Option<String> {
        let issues = self.view(id).health.issues.into_iter();
        let mut found = issues.filter(|issue| issue.code == IssueCode::new(code));
        found.next().map(|issue| issue.message)
    }

    /// The stream's record as it is on disk.
    ///
    /// # Panics
    /// When there is none.
    pub async fn on_disk(&self, id: &StreamId) -> (StreamRecord, Record) {
        let key = Key::try_new(format!("streams/{id}")).expect("a valid key");
        let stored = self.store.get(&key).await.expect("a store that answers");
        let stored = stored.expect("a record");
        let record = serde_json::from_slice(&stored.value).expect("a stream's record");
        (record, stored)
    }

    /// Ends the manager properly and starts another one on the same records.
    pub async fn restart(&mut self) {
        assert!(self.manager.shutdown().await, "shut down in time");
        self.store.close().await;
        let (store, manager) = run(&self.setup, &self.devices, &self.folder).await;
        self.store = store;
        self.manager = manager;
    }

    /// Ends everything, so that the next test finds an idle machine.
    pub async fn close(self) {
        self.manager.shutdown().await;
        self.store.close().await;
    }
}

async fn run(setup: &Setup, devices: &Devices, folder: &TempDir) -> (SqliteStore, Manager) {
    let mut config = SqliteConfig::new(folder.path().join("fleet.db"));
    config.max_bytes = setup.max_bytes;
    let store = SqliteStore::open(config).await.expect("a store");
    let factory = AjaDriverFactory::new(setup.aja.clone()).expect("valid settings");
    let mut builder = Manager::builder()
        .with_config(setup.config.clone())
        .with_store(Arc::new(store.clone()))
        .with_driver_factory(Arc::new(factory));
    for spec in devices.specs() {
        builder = builder.with_encoder(spec);
    }
    (store, builder.build().await.expect("a manager"))
}

/// The failover events of a stream until one of them ends it, with every sequence checked.
///
/// # Panics
/// When events are lost or none ends it.
pub async fn failover_events(
    feed: &mut Subscription,
    stream: &StreamId,
) -> Vec<StreamFailoverReport> {
    let mut told = Vec::new();
    let mut last = None;
    let all = async {
        loop {
            let Some(Delivery::Event(event)) = feed.next().await else {
                panic!("the feed broke off or lagged");
            };
            if event.subject != encoder_core::model::Subject::Stream(stream.clone()) {
                continue;
            }
            if let Some(last) = last.replace(event.sequence) {
                assert_eq!(event.sequence, last + 1, "a gap in the sequence");
            }
            let EventKind::StreamFailover(report) = &event.kind else {
                continue;
            };
            told.push(report.clone());
            if matches!(report.phase.as_str(), "completed" | "failed") {
                return;
            }
        }
    };
    let ended = tokio::time::timeout(crate::PATIENCE, all).await;
    assert!(ended.is_ok(), "no end was told: {told:?}");
    told
}

/// Lets time pass in which nothing may happen.
pub async fn watch_nothing_happen(span: std::time::Duration) {
    tokio::time::sleep(span).await;
}
