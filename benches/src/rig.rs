//! A manager with durable store and real driver, on simulated devices in the same process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use encoder_aja::simulator::{Simulator, SimulatorConfig, SimulatorFleet};
use encoder_aja::{AjaConfig, AjaDriverFactory};
use encoder_core::model::{
    Bitrate, EncoderId, EncoderSpec, FrameRate, Resolution, StreamId, StreamRequest, StreamState,
    StreamView,
};
use encoder_core::store::{SqliteConfig, SqliteStore};
use encoder_core::{Manager, ManagerConfig};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::Outcome;

/// How long anything on the way to a measurement may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between looks at a condition.
const LOOK: Duration = Duration::from_millis(5);

/// The manager and its devices.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) manager: Manager,
    fleet: SimulatorFleet,
    places: BTreeMap<EncoderId, usize>,
    _folder: TempDir,
}

impl Rig {
    /// Starts the devices and a manager that knows them all.
    pub(crate) async fn start(
        count: u16,
        devices: SimulatorConfig,
        config: ManagerConfig,
    ) -> Outcome<Self> {
        let fleet = SimulatorFleet::start(count, devices).await?;
        let folder = TempDir::new()?;
        let specs = specs(&fleet.urls());
        let places = specs.iter().enumerate();
        let places = places
            .map(|(place, spec)| (spec.id.clone(), place))
            .collect();
        let manager = manager(folder.path(), config, specs).await?;
        until("all encoders answer", || {
            manager.fleet_counts().online == usize::from(count)
        })
        .await?;
        Ok(Self {
            manager,
            fleet,
            places,
            _folder: folder,
        })
    }

    /// The device behind an encoder.
    pub(crate) fn device(&self, id: &EncoderId) -> &Simulator {
        &self.fleet[self.places[id]]
    }

    /// Brings so many streams on air, each with a backup that is ready.
    pub(crate) async fn start_streams(&self, count: usize) -> Outcome<Vec<StreamId>> {
        start_streams(&self.manager, count).await
    }

    /// Waits until the stream is on air and its backup ready.
    pub(crate) async fn protected(&self, stream: &StreamId) -> Outcome<StreamView> {
        protected(&self.manager, stream).await
    }

    /// Ends manager and devices.
    pub(crate) async fn shutdown(self) {
        self.manager.shutdown().await;
        self.fleet.shutdown().await;
    }
}

/// Registrations under names that sort like the addresses.
pub(crate) fn specs(urls: &[String]) -> Vec<EncoderSpec> {
    let named = urls.iter().enumerate().map(|(place, url)| {
        let id = EncoderId::try_new(format!("helo-{place:04}")).expect("letters and digits");
        EncoderSpec::new(id, url.as_str()).with_site(format!("site-{}", place % 2))
    });
    named.collect()
}

/// A manager with SQLite on disk and the HELO driver.
async fn manager(
    folder: &Path,
    config: ManagerConfig,
    specs: Vec<EncoderSpec>,
) -> Outcome<Manager> {
    let store = SqliteStore::open(SqliteConfig::new(folder.join("bench.db"))).await?;
    let builder = Manager::builder()
        .with_config(config)
        .with_store(Arc::new(store))
        .with_driver_factory(Arc::new(AjaDriverFactory::new(AjaConfig::default())?));
    let builder = specs
        .into_iter()
        .fold(builder, |builder, spec| builder.with_encoder(spec));
    Ok(builder.build().await?)
}

/// What a client asks for; the rate is that of the simulated input.
pub(crate) fn request() -> StreamRequest {
    let resolution = Resolution::new(1920, 1080);
    let (bitrate, rate) = (Bitrate::from_kbps(8000), FrameRate::from_fps(29.97));
    StreamRequest::new(resolution, bitrate, rate).to_url("rtmp://ingest.example/live")
}

pub(crate) async fn start_streams(manager: &Manager, count: usize) -> Outcome<Vec<StreamId>> {
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(manager.start_stream(request()).await?.record.id);
    }
    for stream in &streams {
        protected(manager, stream).await?;
    }
    Ok(streams)
}

async fn protected(manager: &Manager, stream: &StreamId) -> Outcome<StreamView> {
    let holds = || {
        manager.stream(stream).is_ok_and(|view| {
            let live = view.record.state == StreamState::Live;
            live && view.backup.ready && view.record.fences.is_empty()
        })
    };
    match until("a stream is live and protected", holds).await {
        Ok(()) => Ok(manager.stream(stream)?),
        Err(error) => {
            let view = manager.stream(stream)?;
            let (state, reasons) = (view.record.state, view.backup.reasons);
            Err(format!(
                "{error}; {state}, backup: {reasons:?}, {:?}",
                view.health.issues
            )
            .into())
        }
    }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) -> Outcome<()> {
    let begun = Instant::now();
    while !holds() {
        if begun.elapsed() > PATIENCE {
            return Err(format!("never happened within {} s: {what}", PATIENCE.as_secs()).into());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
