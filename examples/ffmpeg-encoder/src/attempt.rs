//! One attempt at being on air: a run of ffmpeg with what belongs to it.

use std::io;
use std::time::Duration;

use encoder_core::model::{OutputReadings, StreamConfig};
use encoder_core::{Error, ErrorKind, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::config::FfmpegConfig;
use crate::encode;
use crate::engine::Held;
use crate::meter::Meter;
use crate::publish::Publish;
use crate::run::{self, Run};
use crate::setup::Setup;
use crate::tools::{Tools, missing};

/// Time between two reports of ffmpeg.
const PERIOD: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) run: Run,
    pub(crate) meter: Meter,
    /// Whether it is known that nothing leaves.
    pub(crate) stalled: bool,
    begun: Instant,
    /// ffmpeg reads the key from it.
    _publish: Publish,
}

impl Attempt {
    /// Starts ffmpeg.
    ///
    /// # Errors
    /// [`ErrorKind::DeviceUnreachable`] when it cannot be run, and those of
    /// [`Publish::try_new`].
    pub(crate) async fn begin(setup: &Setup, held: &Held, tools: &Tools) -> Result<Self> {
        let publish = Publish::try_new(&held.target, &tools.version)?.with_agent(setup.agent());
        let mut command = run::command(&tools.path, PERIOD);
        let (id, config) = (&setup.id, &held.config);
        setup
            .input
            .add_to(&mut command, id, config, tools.writes_text);
        encode::add_to(&mut command, &setup.config, config);
        publish.add_to(&mut command);
        let mut secrets = setup.input.secrets();
        secrets.push(held.target.stream_key.clone());
        let started = Run::start(command, secrets).await;
        let mut run = started.map_err(|error| not_run(&error, tools))?;
        if let (Some(script), Some(mut stdin)) = (setup.input.script(), run.take_stdin()) {
            // One that does not read it ends, which is told by its end.
            let _ = stdin.write_all(script.as_bytes()).await;
        }
        Ok(Self {
            run,
            meter: Meter::default(),
            stalled: false,
            begun: Instant::now(),
            _publish: publish,
        })
    }

    /// When it is too late for the next bytes.
    pub(crate) fn due(&self, config: &FfmpegConfig) -> Instant {
        match self.meter.grown() {
            None => self.begun + config.start_timeout,
            Some(grown) if self.stalled => grown + config.stall_timeout.saturating_mul(2),
            Some(grown) => grown + config.stall_timeout,
        }
    }

    /// How long it has been on air.
    pub(crate) fn lasted(&self) -> Duration {
        self.meter.duration(Instant::now()).unwrap_or_default()
    }

    /// What it puts out; nothing before the first bytes.
    pub(crate) fn output(&self, config: &StreamConfig) -> OutputReadings {
        let now = Instant::now();
        let Some(duration) = self.meter.duration(now) else {
            return OutputReadings::default();
        };
        OutputReadings {
            bitrate: self.meter.bitrate(now),
            fps: self.meter.fps(now),
            dropped_frames: self.meter.dropped(),
            duration: Some(duration),
            format: Some(format!("H.264 {} {}, AAC", config.resolution, config.fps)),
        }
    }

    /// Ends it with a goodbye.
    pub(crate) fn stop(self, patience: Duration) -> BoxFuture<'static, ()> {
        let Self { run, _publish, .. } = self;
        async move {
            run.stop(patience).await;
            drop(_publish);
        }
        .boxed()
    }

    /// Ends it without.
    pub(crate) fn kill(self) -> BoxFuture<'static, ()> {
        self.run.kill().boxed()
    }
}

fn not_run(error: &io::Error, tools: &Tools) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return missing(&tools.path);
    }
    let message = format!(
        "the ffmpeg at {} does not run: {error}",
        tools.path.display()
    );
    Error::new(ErrorKind::DeviceUnreachable, message)
}
