//! A driver for a device of your own, here a picture generator inside this process.
//!
//! `cargo run -p encoder-examples --bin custom_driver`
//!
//! A driver translates: it holds no opinion about health or failover. What its device cannot do
//! stays `false` in the [`Capability`] and is answered with [`ErrorKind::Unsupported`]; what its
//! device does not report stays `None`.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use encoder_core::model::{
    Action, ActiveConfig, Bitrate, DeviceStreamState, EncoderId, EncoderSpec, EncoderStatus,
    FailoverRequest, FrameRate, PublishTarget, Resolution, StreamConfig, StreamRequest,
};
use encoder_core::{
    Capability, DeviceEvent, DriverFactory, EncoderDriver, Error, ErrorKind, Manager, Result,
};
use futures::stream::{self, BoxStream, StreamExt};

/// The device: settings and an engine that is on or off.
#[derive(Debug, Default)]
struct Generator {
    held: Option<(StreamConfig, PublishTarget)>,
    on: bool,
    unplugged: bool,
}

/// The driver. A real one would hold an HTTP client and an address.
#[derive(Debug)]
struct GeneratorDriver {
    id: EncoderId,
    device: Arc<Mutex<Generator>>,
}

impl GeneratorDriver {
    /// The round trip: what a device that does not answer becomes is decided here once.
    fn device(&self) -> Result<MutexGuard<'_, Generator>> {
        let device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        if device.unplugged {
            let error = Error::new(ErrorKind::DeviceUnreachable, "unplugged");
            return Err(error.with_context("encoder", &self.id));
        }
        Ok(device)
    }
}

#[async_trait]
impl EncoderDriver for GeneratorDriver {
    fn id(&self) -> &EncoderId {
        &self.id
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.reads_back = true;
        capability.limits.max_resolution = Resolution::new(1280, 720);
        capability.limits.schemes = vec!["rtmp".to_owned()];
        capability
    }

    async fn status(&self) -> Result<EncoderStatus> {
        let device = self.device()?;
        let active = device.held.as_ref().map(|(config, target)| ActiveConfig {
            resolution: Some(config.resolution),
            fps: Some(config.fps),
            bitrate: Some(config.bitrate),
            audio_bitrate: Some(config.audio_bitrate),
            keyframe_interval: Some(config.keyframe_interval),
            target: Some(target.clone()),
        });
        let stream_state = if device.on {
            DeviceStreamState::Streaming
        } else {
            DeviceStreamState::Idle
        };
        Ok(EncoderStatus {
            stream_state,
            active,
            ..EncoderStatus::default()
        })
    }

    async fn configure(&self, config: &StreamConfig, target: &PublishTarget) -> Result<()> {
        let mut device = self.device()?;
        let wanted = (config.clone(), target.clone());
        if device.on && device.held.as_ref() != Some(&wanted) {
            let message = "the generator takes no settings while it streams";
            return Err(Error::new(ErrorKind::Conflict, message).with_context("encoder", &self.id));
        }
        device.held = Some(wanted);
        Ok(())
    }

    async fn start(&self) -> Result<()> {
        let mut device = self.device()?;
        if device.held.is_none() {
            let message = "start before configure";
            return Err(Error::new(ErrorKind::DeviceRejected, message));
        }
        device.on = true;
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        self.device()?.on = false;
        Ok(())
    }

    async fn control(&self, action: &Action) -> Result<()> {
        match action {
            Action::StartStreaming => self.start().await,
            Action::StopStreaming => self.stop().await,
            other => {
                let message = format!("a picture generator cannot {}", other.as_str());
                Err(Error::new(ErrorKind::Unsupported, message))
            }
        }
    }

    /// It never says anything unasked; the manager polls.
    fn events(&self) -> BoxStream<'static, DeviceEvent> {
        stream::pending().boxed()
    }
}

/// Makes the drivers of all encoders that are registered with `driver: generator`.
#[derive(Debug)]
struct GeneratorFactory;

impl DriverFactory for GeneratorFactory {
    fn name(&self) -> &'static str {
        "generator"
    }

    fn create(&self, spec: &EncoderSpec) -> Result<Arc<dyn EncoderDriver>> {
        Ok(Arc::new(GeneratorDriver {
            id: spec.id.clone(),
            device: Arc::default(),
        }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut builder = Manager::builder().with_driver_factory(Arc::new(GeneratorFactory));
    for name in ["left", "right"] {
        let spec = EncoderSpec::new(EncoderId::try_new(name)?, "in-process");
        builder = builder.with_encoder(spec.with_driver("generator"));
    }
    let manager = builder.build().await?;
    until(|| manager.fleet_counts().online == 2).await?;

    // What the device cannot do is refused before anything is touched, and says why.
    let full_hd = request(1920, 1080);
    let refused = manager
        .start_stream(full_hd)
        .await
        .expect_err("the limit is 720p");
    for violation in refused.violations() {
        println!("1080p refused: {}: {}", violation.field, violation.message);
    }

    let stream = manager.start_stream(request(1280, 720)).await?.record.id;
    let live = manager.wait_live(&stream, Duration::from_secs(5)).await?;
    println!("720p live on {}", live.record.primary.encoder_id);

    until(|| manager.stream(&stream).is_ok_and(|view| view.backup.ready)).await?;
    let moved = manager
        .failover(&stream, FailoverRequest::default())
        .await?;
    let on_target = |manager: &Manager| {
        let view = manager.stream(&stream);
        view.is_ok_and(|view| view.record.primary.encoder_id == moved.to)
    };
    until(|| on_target(&manager)).await?;
    println!("moved from {} to {}", moved.from, moved.to);

    manager.stop_stream(&stream).await?;
    if !manager.shutdown().await {
        return Err("the manager did not end in time".into());
    }
    Ok(())
}

fn request(width: u32, height: u32) -> StreamRequest {
    let resolution = Resolution::new(width, height);
    StreamRequest::new(
        resolution,
        Bitrate::from_kbps(4_500),
        FrameRate::from_fps(30.0),
    )
    .to_url("rtmp://ingest.example/live")
}

/// Looks until something holds, for ten seconds at most.
async fn until(holds: impl Fn() -> bool + Send + Sync) -> Result<(), tokio::time::error::Elapsed> {
    let looking = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), looking).await
}

#[cfg(test)]
mod tests {
    use encoder_core::testkit::driver::DriverUnderTest;
    use encoder_core::testkit::sample_target;

    use super::*;

    async fn generator() -> DriverUnderTest {
        let device = Arc::new(Mutex::new(Generator::default()));
        let driver = Arc::new(GeneratorDriver {
            id: EncoderId::try_new("left").expect("a valid id"),
            device: Arc::clone(&device),
        });
        let unplug = move || {
            device
                .lock()
                .expect("no test panics while it holds the lock")
                .unplugged = true;
            std::future::ready(())
        };
        let config = encoder_core::testkit::sample_config();
        DriverUnderTest::new(driver, config, sample_target(), unplug)
    }

    // One test per item of the driver's contract.
    encoder_core::driver_conformance!(conformance, generator);
}
