//! Real video end to end: simulated encoders that send it, nginx as ingest, the whole server, and
//! players that note which picture arrived when.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use encoder_aja::AjaConfig;
use encoder_aja::simulator::{MediaConfig, Simulator, SimulatorConfig};
use encoder_core::model::{
    DestinationRequest, EncoderId, EncoderSpec, FailoverSummary, Personality, Protection,
    PublishTarget, Secret, StreamId, StreamRequest, StreamState, StreamView,
};
use encoder_core::{Manager, ManagerConfig};
use encoder_server::AppState;
use encoder_server::config::IngestConfig;
use encoder_server::config::ServerConfig;
use encoder_server::ingest::{LocalIngest, LocalIngestOptions};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

mod audience;
pub mod case;

pub use audience::Audience;

use crate::devices::helo;

/// What everything here returns.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Pictures per second of every stream here.
pub const FPS: u32 = 15;
/// Time between key frames of every stream here.
pub const GOP: Duration = Duration::from_secs(1);
/// Key of every stream here.
const KEY: &str = "real_video_0815";
/// What the ingest says when it asks who may publish.
const INGEST_SECRET: &str = "the-ingest-itself-0123456789";
/// How long anything on the way may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// Devices that send small pictures, so that several of them fit on two cores.
#[must_use]
pub fn sending(device: SimulatorConfig) -> SimulatorConfig {
    let media = MediaConfig::default().with_max_resolution(320, 180);
    device.with_live_media(media.with_max_fps(f64::from(FPS)))
}

/// What a broadcast starts from.
#[derive(Clone, Debug)]
pub struct Stage {
    /// How many encoders there are; each is at a site of its own.
    pub encoders: usize,
    /// Every encoder.
    pub device: SimulatorConfig,
    /// The manager.
    pub manager: ManagerConfig,
    /// The driver.
    pub aja: AjaConfig,
}

/// Encoders, ingest and server of one broadcast.
#[derive(Debug)]
pub struct Broadcast {
    /// The manager inside the server.
    pub manager: Manager,
    simulators: Vec<Option<Simulator>>,
    ingest: LocalIngest,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
    _folder: TempDir,
}

impl Broadcast {
    /// Starts everything and waits until every encoder is online.
    ///
    /// # Errors
    /// When a part is not installed or does not start.
    pub async fn open(stage: Stage) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let asking = LocalIngestOptions::new()
            .with_authorize(listener.local_addr()?, Secret::from(INGEST_SECRET));
        let ingest = LocalIngest::start(&asking).await?;
        let simulators = simulators(&stage).await?;
        let folder = tempfile::tempdir()?;
        let config = server_config(&stage, &simulators, &ingest, folder.path());
        let store = Arc::new(encoder_server::serve::open_store(&config.data).await?);
        let manager = encoder_server::serve::build_manager(&config, store).await?;
        let state = AppState::new(manager.clone(), config);
        let stop = CancellationToken::new();
        let served = encoder_server::serve(state, listener, stop.clone().cancelled_owned());
        #[expect(
            clippy::disallowed_methods,
            reason = "the broadcast is the outermost supervisor"
        )]
        let server = tokio::spawn(served);
        let broadcast = Self {
            manager,
            simulators: simulators.into_iter().map(Some).collect(),
            ingest,
            stop,
            server,
            _folder: folder,
        };
        let all = stage.encoders;
        broadcast
            .until("all encoders are online", |b| {
                b.manager.fleet_counts().online == all
            })
            .await?;
        Ok(broadcast)
    }

    /// The encoder of that number, counted from 1.
    ///
    /// # Panics
    /// When it was destroyed.
    #[must_use]
    pub fn nth(&self, number: usize) -> &Simulator {
        self.simulators[number - 1]
            .as_ref()
            .expect("not destroyed yet")
    }

    /// Ends an encoder as a power cut does that closes its connections: nothing answers any more.
    pub fn destroy(&mut self, number: usize) {
        self.simulators[number - 1] = None;
    }

    /// Starts a stream on `helo-1`, waits until it is live and as protected as it gets.
    ///
    /// # Errors
    /// When it does not get there.
    pub async fn live(
        &self,
        protection: Protection,
        personality: Personality,
    ) -> Outcome<StreamId> {
        let json = r#"{"resolution":"640x360","bitrate":1000000,"fps":15}"#;
        let mut request: StreamRequest = serde_json::from_str(json)?;
        request.protection = Some(protection);
        request.encoder_id = Some(helo(1));
        request.keyframe_interval_seconds = Some(GOP.as_secs_f64());
        let apart = personality == Personality::Separate || protection == Protection::Hot;
        request.destination = Some(DestinationRequest {
            url: Some(self.ingest.rtmp_url("live")),
            stream_key: Some(Secret::from(KEY)),
            backup_url: apart.then(|| self.ingest.rtmp_url("backup")),
            personality: Some(personality),
            idle_timeout_seconds: Some(10.0),
        });
        let id = self.manager.start_stream(request).await?.record.id;
        let ready = |view: &StreamView| {
            let held = protection.holds_backup();
            view.record.state == StreamState::Live && (!held || view.backup.ready)
        };
        self.until_stream(&id, "live and protected", ready).await?;
        Ok(id)
    }

    /// Players at both addresses.
    ///
    /// # Errors
    /// When they do not start.
    pub async fn audience(&self) -> Outcome<Audience> {
        let target = |application: &str| PublishTarget {
            url: self.ingest.rtmp_url(application),
            stream_key: Secret::from(KEY),
        };
        Audience::gather(&[target("live"), target("backup")], FPS).await
    }

    /// The last failover of a stream.
    ///
    /// # Errors
    /// When there was none.
    pub fn last_failover(&self, id: &StreamId) -> Outcome<FailoverSummary> {
        let history = self.manager.stream(id)?.record.history;
        Ok(history.last().ok_or("no failover yet")?.clone())
    }

    /// Waits until the condition holds for a stream.
    ///
    /// # Errors
    /// When it never does; the stream is in the message.
    pub async fn until_stream(
        &self,
        id: &StreamId,
        what: &str,
        holds: impl Fn(&StreamView) -> bool + Sync,
    ) -> Outcome<()> {
        let reached = |b: &Self| b.manager.stream(id).is_ok_and(|view| holds(&view));
        match self.until(what, reached).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let timeline = self.manager.timeline(id).await?;
                let health = self.manager.stream(id)?.health;
                Err(format!("{error}\n{health:#?}\n{timeline:#?}").into())
            }
        }
    }

    /// Waits until the condition holds.
    ///
    /// # Errors
    /// When it never does.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool + Sync) -> Outcome<()> {
        let begun = Instant::now();
        while !holds(self) {
            if begun.elapsed() > PATIENCE {
                return Err(format!("never happened: {what}").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Ends everything.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn close(self) -> Outcome<()> {
        self.stop.cancel();
        self.server.await??;
        for simulator in self.simulators.into_iter().flatten() {
            simulator.shutdown().await;
        }
        self.ingest.shutdown().await;
        Ok(())
    }
}

async fn simulators(stage: &Stage) -> Outcome<Vec<Simulator>> {
    let mut simulators = Vec::new();
    for number in 1..=stage.encoders {
        let mut device = stage.device.clone().with_serial(helo(number).as_str());
        if let Some(media) = &mut device.live_media {
            media.source = u8::try_from(number)?;
        }
        simulators.push(Simulator::start(device).await?);
    }
    Ok(simulators)
}

fn server_config(
    stage: &Stage,
    simulators: &[Simulator],
    ingest: &LocalIngest,
    folder: &Path,
) -> ServerConfig {
    let spec = |(simulator, number): (&Simulator, usize)| {
        EncoderSpec::new(helo(number), simulator.url()).with_site(format!("site-{number}"))
    };
    ServerConfig {
        data: folder.join("data"),
        manager: stage.manager.clone(),
        aja: stage.aja.clone(),
        ingest: IngestConfig {
            secret: Some(Secret::from(INGEST_SECRET)),
            witness: Some(ingest.witness_config()),
            ..IngestConfig::default()
        },
        encoders: simulators.iter().zip(1..).map(spec).collect(),
        ..ServerConfig::default()
    }
}

/// The number at the end of an encoder's name.
///
/// # Errors
/// When there is none.
pub fn number_of(encoder: &EncoderId) -> Outcome<u8> {
    let digits = encoder.as_str().trim_start_matches("helo-");
    Ok(digits.parse()?)
}
