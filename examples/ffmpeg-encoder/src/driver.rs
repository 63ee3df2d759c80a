//! ffmpeg as an [`EncoderDriver`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use encoder_core::model::{Action, EncoderId, EncoderStatus, PublishTarget, Secret, StreamConfig};
use encoder_core::tasks::Supervisor;
use encoder_core::{Capability, DeviceEvent, EncoderDriver, Error, ErrorKind, Result, Retry};
use futures::stream::BoxStream;
use tokio::sync::{mpsc, oneshot};

use crate::config::FfmpegConfig;
use crate::engine::{Engine, Held, Reply, Request, Subscription};
use crate::feed;
use crate::setup::Setup;
use crate::status::compose;
use crate::tools::Toolbox;

/// Requests that wait for the engine.
const QUEUE: usize = 16;
/// How long the engine may take beyond what it waits for by itself.
const PATIENCE: Duration = Duration::from_secs(3);

/// A software encoder: one ffmpeg process of this machine at a time.
///
/// Cloning gives another handle on the same encoder. With the last handle its stream ends.
///
/// ```
/// use encoder_core::EncoderDriver;
/// use encoder_core::model::EncoderId;
/// use encoder_ffmpeg::{FfmpegConfig, FfmpegDriver};
///
/// let id = EncoderId::try_new("soft-1")?;
/// let encoder = FfmpegDriver::new(id, FfmpegConfig::default(), "testsrc:", None)?;
/// assert!(encoder.capability().reports_cpu);
/// # Ok::<(), encoder_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FfmpegDriver {
    encoder: Arc<Encoder>,
}

/// An encoder and the way to its engine.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) setup: Arc<Setup>,
    /// Made when it is first needed, since a driver may be made outside a runtime.
    engine: Mutex<Option<mpsc::Sender<Request>>>,
}

impl FfmpegDriver {
    /// A driver that asks ffmpeg for its abilities by itself; for more than a few encoders use
    /// [`FfmpegDriverFactory`](crate::FfmpegDriverFactory), whose drivers ask once. Starts
    /// nothing.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] when the address names no input,
    /// [`ErrorKind::ConfigInvalid`] when a setting is wrong.
    pub fn new(
        id: EncoderId,
        config: FfmpegConfig,
        address: impl AsRef<str>,
        password: Option<Secret>,
    ) -> Result<Self> {
        config.validate()?;
        let toolbox = Toolbox::new(config.path.clone(), config.video_encoder.clone());
        let (config, toolbox) = (Arc::new(config), Arc::new(toolbox));
        let address = address.as_ref();
        Setup::try_new(id, config, toolbox, address, password.as_ref()).map(Self::of)
    }

    pub(crate) fn of(setup: Setup) -> Self {
        Self {
            encoder: Arc::new(Encoder {
                setup: Arc::new(setup),
                engine: Mutex::default(),
            }),
        }
    }
}

#[async_trait]
impl EncoderDriver for FfmpegDriver {
    fn id(&self) -> &EncoderId {
        &self.encoder.setup.id
    }

    fn capability(&self) -> Capability {
        self.encoder.setup.capability()
    }

    /// A look at the program's file and one question to the engine. The first time, and after
    /// another ffmpeg was installed, it is asked what it can do, which takes a few processes.
    async fn status(&self) -> Result<EncoderStatus> {
        let encoder = &self.encoder;
        let status = async {
            let sight = encoder.setup.look().await?;
            let view = encoder.ask(Request::Look).await?;
            Ok(compose(&encoder.setup, sight, view))
        };
        encoder.named("EncoderDriver::status", status.await)
    }

    async fn configure(&self, config: &StreamConfig, target: &PublishTarget) -> Result<()> {
        let encoder = &self.encoder;
        let held = Held {
            config: config.clone(),
            target: target.clone(),
        };
        let configured = async {
            let sight = encoder.setup.look().await?;
            encoder.setup.check(config, target, &sight.tools)?;
            encoder.ask(|reply| Request::Configure(held, reply)).await?
        };
        encoder.named("EncoderDriver::configure", configured.await)
    }

    async fn start(&self) -> Result<()> {
        let encoder = &self.encoder;
        let started = async {
            let tools = encoder.setup.look().await?.tools;
            encoder.ask(|reply| Request::Start(tools, reply)).await?
        };
        encoder.named("EncoderDriver::start", started.await)
    }

    /// Returns when ffmpeg is gone, so that its connection to the ingest is as well.
    async fn stop(&self) -> Result<()> {
        let stopped = self.encoder.ask(Request::Stop).await;
        let stopped = stopped.and_then(std::convert::identity);
        self.encoder.named("EncoderDriver::stop", stopped)
    }

    async fn control(&self, action: &Action) -> Result<()> {
        match action {
            Action::StartStreaming => self.start().await,
            Action::StopStreaming => self.stop().await,
            other => {
                let message = format!("an ffmpeg encoder cannot {}", other.as_str());
                let error = Error::new(ErrorKind::Unsupported, message);
                self.encoder.named("EncoderDriver::control", Err(error))
            }
        }
    }

    fn events(&self) -> BoxStream<'static, DeviceEvent> {
        feed::events(&self.encoder)
    }
}

impl Encoder {
    /// The whole state, and everything after it.
    pub(crate) async fn listen(&self) -> Result<(EncoderStatus, feed::Changes)> {
        let sight = self.setup.look().await?;
        let (view, changes): Subscription = self.ask(Request::Listen).await?;
        Ok((compose(&self.setup, sight, view), changes))
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T> {
        let gone = || {
            let message = "the command was overtaken by a stop, or the program is ending";
            Error::new(ErrorKind::Conflict, message).with_retry(Retry::Safe)
        };
        let (reply, answer) = oneshot::channel();
        let request = request(reply);
        let engine = self.engine();
        let answer = async {
            engine.send(request).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())
        };
        let limit = PATIENCE + self.setup.config.stop_patience;
        tokio::time::timeout(limit, answer)
            .await
            .unwrap_or_else(|_| {
                let message = format!("the encoder's task did not answer within {limit:?}");
                Err(Error::new(ErrorKind::DeviceUnreachable, message).with_retry(Retry::Safe))
            })
    }

    /// The engine; a new one when its runtime has ended.
    fn engine(&self) -> mpsc::Sender<Request> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engine.as_ref().filter(|engine| !engine.is_closed()) {
            return engine.clone();
        }
        let (sender, requests) = mpsc::channel(QUEUE);
        let task = Engine::new(Arc::clone(&self.setup), requests).run();
        // It ends by itself when the last sender is gone.
        Supervisor::new().spawn("ffmpeg encoder", task);
        *engine = Some(sender.clone());
        sender
    }

    fn named<T>(&self, operation: &'static str, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            error
                .with_operation(operation)
                .with_context("encoder", &self.setup.id)
        })
    }
}
