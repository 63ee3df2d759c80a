//! A manager on fake encoders, with time standing still between events.

use std::sync::Arc;
use std::time::Duration;

use encoder_core::model::{
    DestinationRequest, EncoderId, EncoderSpec, Personality, Protection, PublishTarget, StreamId,
    StreamRequest, StreamState, StreamView, TimelineEntry, Timestamp,
};
use encoder_core::store::{MemoryStore, StateStore};
use encoder_core::tasks::Clock;
use encoder_core::testkit::{CallKind, FakeEncoder, FakeIngest, FakeWitness};
use encoder_core::{EncoderDriver, Manager, ManagerConfig};

pub(crate) const URL: &str = "rtmp://ingest.example/live";
pub(crate) const BACKUP_URL: &str = "rtmp://backup.example/live";
pub(crate) const KEY: &str = "bench_key_0123456789";

pub(crate) struct Bench {
    pub(crate) encoders: Vec<FakeEncoder>,
    pub(crate) ingest: FakeIngest,
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) config: ManagerConfig,
    pub(crate) manager: Manager,
    witness: Option<FakeWitness>,
    sites: Vec<Option<String>>,
}

pub(crate) struct Setup {
    pub(crate) count: usize,
    pub(crate) personality: Personality,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) config: ManagerConfig,
    pub(crate) witness: Option<fn(FakeWitness) -> FakeWitness>,
    pub(crate) keeps_closed: bool,
    pub(crate) store: Arc<dyn StateStore>,
}

impl Setup {
    pub(crate) fn new(count: usize, personality: Personality) -> Self {
        Self {
            count,
            personality,
            idle_timeout: None,
            config: ManagerConfig::default(),
            witness: None,
            keeps_closed: false,
            store: Arc::new(MemoryStore::default()),
        }
    }

    /// Lets the ingest be witnessed, in the way that `adapt` makes of a complete witness.
    pub(crate) fn witnessed(mut self, adapt: fn(FakeWitness) -> FakeWitness) -> Self {
        self.witness = Some(adapt);
        self
    }

    pub(crate) async fn build(self) -> Bench {
        let mut ingest = FakeIngest::new(self.personality).with_idle_timeout(self.idle_timeout);
        if self.keeps_closed {
            ingest = ingest.keeping_closed();
        }
        let encoders: Vec<_> = (1..=self.count)
            .map(|n| FakeEncoder::new(&format!("enc-{n}")).with_ingest(&ingest))
            .collect();
        let store = self.store;
        let sites = (1..=self.count)
            .map(|n| Some(format!("site-{n}")))
            .collect::<Vec<_>>();
        let witness = self.witness;
        let witness = witness.map(|adapt| adapt(FakeWitness::new("ingest-1", &ingest)));
        let manager = manager(&encoders, &sites, &store, &self.config, witness.as_ref()).await;
        let bench = Bench {
            encoders,
            ingest,
            store,
            config: self.config,
            manager,
            witness,
            sites,
        };
        bench
            .until("all encoders are known", |b| {
                b.manager.fleet_counts().unknown == 0
            })
            .await;
        bench
    }
}

async fn manager(
    encoders: &[FakeEncoder],
    sites: &[Option<String>],
    store: &Arc<dyn StateStore>,
    config: &ManagerConfig,
    witness: Option<&FakeWitness>,
) -> Manager {
    let mut builder = Manager::builder()
        .with_config(config.clone())
        .with_store(Arc::clone(store))
        .with_clock(Clock::anchored(Timestamp::from_millis(
            1_700_000_000_000 + i64::try_from(elapsed().as_millis()).unwrap(),
        )));
    for (encoder, site) in encoders.iter().zip(sites) {
        let mut spec = EncoderSpec::new(encoder.id().clone(), "fake://").with_driver("fake");
        spec.site.clone_from(site);
        builder = builder.with_encoder_driver(spec, encoder.driver());
    }
    if let Some(witness) = witness {
        builder = builder.with_ingest_witness(Arc::new(witness.clone()));
    }
    builder.build().await.unwrap()
}

/// Time since the first call in this thread, so that a second manager's wall clock goes on where
/// the first one's stood.
fn elapsed() -> Duration {
    thread_local! {
        static START: tokio::time::Instant = tokio::time::Instant::now();
    }
    START.with(tokio::time::Instant::elapsed)
}

impl Bench {
    /// Waits, in paused time, until the condition holds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..12_000 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let streams: Vec<_> = self
            .manager
            .streams()
            .iter()
            .map(|view| (view.record.clone(), view.health.clone()))
            .collect();
        panic!(
            "never happened: {what}\n{streams:#?}\n{:#?}",
            self.ingest.order()
        );
    }

    pub(crate) fn request(
        &self,
        personality: Personality,
        protection: Protection,
    ) -> StreamRequest {
        let mut request: StreamRequest =
            serde_json::from_str(r#"{"resolution":"1920x1080","bitrate":8000000,"fps":30}"#)
                .unwrap();
        request.protection = Some(protection);
        request.encoder_id = Some(id(1));
        let apart = personality == Personality::Separate || protection == Protection::Hot;
        request.destination = Some(DestinationRequest {
            url: Some(URL.to_owned()),
            stream_key: Some(KEY.into()),
            backup_url: apart.then(|| BACKUP_URL.to_owned()),
            personality: Some(personality),
            idle_timeout_seconds: None,
        });
        request
    }

    /// Starts a stream on `enc-1` and waits until it is live and as protected as it gets.
    pub(crate) async fn live(&self, request: StreamRequest) -> StreamId {
        let held = matches!(request.protection, Some(Protection::Warm | Protection::Hot));
        let id = self.manager.start_stream(request).await.unwrap().record.id;
        self.until("live", |b| b.state(&id) == StreamState::Live)
            .await;
        if held && self.encoders.len() > 1 {
            self.until("protected", |b| b.view(&id).backup.ready).await;
        }
        id
    }

    pub(crate) fn view(&self, id: &StreamId) -> StreamView {
        self.manager.stream(id).unwrap()
    }

    /// The witness that the setup asked for.
    pub(crate) fn witness(&self) -> &FakeWitness {
        self.witness.as_ref().unwrap()
    }

    /// Where the primary publishes.
    pub(crate) fn target(&self, stream: &StreamId) -> PublishTarget {
        let record = self.view(stream).record;
        record.target(record.primary.slot)
    }

    /// The stream's issue of that code, as its message.
    pub(crate) fn issue(&self, stream: &StreamId, code: &str) -> Option<String> {
        let issues = self.view(stream).health.issues;
        let issue = issues.into_iter().find(|issue| issue.code.as_str() == code);
        issue.map(|issue| issue.message)
    }

    /// The stream's timeline entries of that transition.
    pub(crate) async fn noted(&self, stream: &StreamId, transition: &str) -> Vec<TimelineEntry> {
        let mut entries = self.manager.timeline(stream).await.unwrap();
        entries.retain(|entry| entry.transition == transition);
        entries
    }

    pub(crate) fn state(&self, id: &StreamId) -> StreamState {
        self.view(id).record.state
    }

    pub(crate) fn primary(&self, stream: &StreamId) -> EncoderId {
        self.view(stream).record.primary.encoder_id
    }

    pub(crate) fn backup(&self, stream: &StreamId) -> Option<EncoderId> {
        self.view(stream)
            .record
            .backup
            .map(|backup| backup.encoder_id)
    }

    /// The encoder with that number.
    pub(crate) fn encoder(&self, id: &EncoderId) -> &FakeEncoder {
        self.encoders
            .iter()
            .find(|encoder| encoder.id() == id)
            .unwrap()
    }

    /// How many failovers have ended for the stream.
    pub(crate) fn failovers(&self, stream: &StreamId) -> usize {
        self.view(stream).record.history.len()
    }

    pub(crate) fn on_air(&self) -> Vec<EncoderId> {
        self.encoders
            .iter()
            .filter(|e| e.is_publishing())
            .map(|e| e.id().clone())
            .collect()
    }

    pub(crate) fn starts(&self, id: &EncoderId) -> usize {
        self.encoder(id)
            .commands()
            .iter()
            .filter(|call| **call == CallKind::Start)
            .count()
    }

    /// Ends the manager the hard way, without a goodbye to devices or store, and starts another.
    pub(crate) async fn crash_and_restart(&mut self) {
        self.manager.shutdown().await;
        let witness = self.witness.as_ref();
        self.manager = manager(
            &self.encoders,
            &self.sites,
            &self.store,
            &self.config,
            witness,
        )
        .await;
    }
}

pub(crate) fn id(number: usize) -> EncoderId {
    EncoderId::try_new(format!("enc-{number}")).unwrap()
}

/// Lets paused time pass.
pub(crate) async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
}
