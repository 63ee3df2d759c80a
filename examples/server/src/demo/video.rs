//! Real video for the demo, where ffmpeg and nginx are installed: what the simulated encoders send
//! arrives at an ingest, and a player tells what a viewer saw of the failover.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use encoder_aja::simulator::{MediaConfig, SimulatorConfig};
use encoder_core::model::{PublishTarget, Secret};
use encoder_ffmpeg::viewer::{Interruption, Viewer, Watched};
use tokio::task::JoinHandle;

use crate::config::IngestConfig;
use crate::ingest::{LocalIngest, LocalIngestOptions};

/// Small enough for two streams on two cores beside everything else.
const SIZE: (u32, u32) = (640, 360);
const FPS: u32 = 15;
/// Pictures of the replacement that a player has to see.
const SEEN: usize = 15;

/// An ingest on this machine.
pub(super) struct Video {
    ingest: LocalIngest,
    secret: Secret,
}

impl Video {
    /// Starts the ingest; it asks the server at that address who may publish. When a program is
    /// missing, the error says which.
    pub(super) async fn open(server: SocketAddr) -> anyhow::Result<Self> {
        LocalIngest::available()?;
        MediaConfig::default().check().await?;
        let secret = Secret::new(format!("{:032x}", rand::random::<u128>()));
        let options = LocalIngestOptions::new().with_authorize(server, secret.clone());
        let ingest = LocalIngest::start(&options).await?;
        Ok(Self { ingest, secret })
    }

    /// Settings of encoders that send video.
    pub(super) fn encoders(&self) -> SimulatorConfig {
        let media = MediaConfig::default().with_max_resolution(SIZE.0, SIZE.1);
        SimulatorConfig::default().with_live_media(media.with_max_fps(f64::from(FPS)))
    }

    /// Settings of the server that watches the ingest.
    pub(super) fn server(&self) -> IngestConfig {
        IngestConfig {
            secret: Some(self.secret.clone()),
            witness: Some(self.ingest.witness_config()),
            ..IngestConfig::default()
        }
    }

    /// Where streams are published and played.
    pub(super) fn url(&self) -> String {
        self.ingest.rtmp_url("live")
    }

    /// Plays a stream from now on.
    pub(super) async fn play(&self, key: &Secret) -> anyhow::Result<Player> {
        let target = PublishTarget {
            url: self.url(),
            stream_key: key.clone(),
        };
        let viewer = Viewer::play(Path::new("ffmpeg"), &target).await?;
        let mut player = Player {
            viewer,
            watched: Watched::new(Duration::from_secs(1) / FPS),
        };
        player.until(|watched| watched.source().is_some()).await?;
        Ok(player)
    }

    pub(super) async fn close(self) {
        self.ingest.shutdown().await;
    }
}

/// A player in the background, and in the end everything that it was shown.
pub(super) type Watching = JoinHandle<anyhow::Result<Watched>>;

/// Somebody who watches.
pub(super) struct Player {
    viewer: Viewer,
    watched: Watched,
}

impl Player {
    /// Watches on in the background, until another encoder has been seen for a while.
    pub(super) fn watch(mut self) -> Watching {
        let first = self.watched.source();
        let others = move |watched: &Watched| {
            let codes = watched.pictures().iter().filter_map(|picture| picture.code);
            codes.filter(|code| Some(code.source) != first).count()
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "ends with the failover that the demo waits for, or with the demo"
        )]
        tokio::spawn(async move {
            self.until(|watched| others(watched) >= SEEN).await?;
            Ok(self.watched)
        })
    }

    async fn until(&mut self, enough: impl Fn(&Watched) -> bool) -> anyhow::Result<()> {
        while !enough(&self.watched) {
            let picture = self.viewer.next().await;
            self.watched.add(picture.context("the player ended")?);
        }
        Ok(())
    }
}

/// What a viewer saw of a fault at that moment, in words.
pub(super) fn in_words(seen: &Interruption) -> String {
    format!(
        "A viewer saw the picture stand still for {} ms and missed {} pictures of {FPS} a second.",
        seen.gap.as_millis(),
        seen.lost_pictures
    )
}

/// What was seen around a moment.
pub(super) async fn seen(watching: Watching, moment: Instant) -> anyhow::Result<Interruption> {
    let watched = watching.await.context("the player panicked")??;
    let first = watched.pictures().iter().find_map(|picture| picture.code);
    let seen = first.and_then(|first| watched.interruption(moment, first.source));
    seen.context("nothing was seen before the fault")
}
