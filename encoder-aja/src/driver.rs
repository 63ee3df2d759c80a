//! The HELO as an [`EncoderDriver`], and the factory that makes such drivers.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use encoder_core::model::{
    Action, ConnectionPool, DeviceStreamState, EncoderId, EncoderSpec, EncoderStatus,
    PublishTarget, Secret, StreamConfig,
};
use encoder_core::{Capability, DeviceEvent, DriverFactory, EncoderDriver, Result};
use futures::stream::BoxStream;
use tokio::time::Instant;

use crate::client::HeloClient;
use crate::codes::command;
use crate::config::AjaConfig;
use crate::configure::configure;
use crate::control::{self, control};
use crate::device::Device;
use crate::settings::limits;
use crate::{http, poll};

/// The name under which encoders refer to this driver.
pub const DRIVER_NAME: &str = "aja-helo";

/// An AJA HELO.
///
/// Cloning gives another handle on the same device.
///
/// ```
/// use encoder_aja::{AjaConfig, AjaDriver};
/// use encoder_core::EncoderDriver;
/// use encoder_core::model::{EncoderId, Secret};
///
/// let id = EncoderId::try_new("helo-1")?;
/// let password = Some(Secret::from("studio"));
/// let helo = AjaDriver::new(id, AjaConfig::default(), "http://10.0.0.21", password)?;
/// assert!(helo.capability().pushes_events);
/// assert!(!format!("{helo:?}").contains("studio"));
/// # Ok::<(), encoder_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AjaDriver {
    device: Arc<Device>,
}

impl AjaDriver {
    /// A driver with an HTTP client of its own; for more than a few devices use
    /// [`AjaDriverFactory`], whose drivers share one. Does not contact the device.
    ///
    /// # Errors
    /// [`ValidationFailed`](encoder_core::ErrorKind::ValidationFailed) when the address is not
    /// `http://host[:port]` or `https://host[:port]`,
    /// [`ConfigInvalid`](encoder_core::ErrorKind::ConfigInvalid) when a setting is wrong.
    pub fn new(
        id: EncoderId,
        config: AjaConfig,
        address: impl AsRef<str>,
        password: Option<Secret>,
    ) -> Result<Self> {
        config.validate()?;
        let http = http::client(&config)?;
        Self::with_client(id, config, address.as_ref(), password, http)
    }

    fn with_client(
        id: EncoderId,
        config: AjaConfig,
        address: &str,
        password: Option<Secret>,
        http: reqwest::Client,
    ) -> Result<Self> {
        let base = http::address(address)?;
        let client = HeloClient::new(http, base, &config, password);
        let device = Arc::new(Device::new(id, config, client));
        Ok(Self { device })
    }
}

#[async_trait]
impl EncoderDriver for AjaDriver {
    fn id(&self) -> &EncoderId {
        &self.device.id
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.record = true;
        capability.recall_preset = true;
        capability.select_input = true;
        capability.mute = true;
        capability.reboot = true;
        capability.pushes_events = self.device.config.events;
        capability.configures_while_streaming = self.device.config.configure_while_streaming;
        capability.reads_back = true;
        capability.reports_temperature = true;
        capability.reports_input = true;
        capability.reports_media = true;
        capability.limits = limits();
        capability
    }

    /// While the event feed is up, one request, and now and then those for values that move
    /// without an event; otherwise about two dozen.
    async fn status(&self) -> Result<EncoderStatus> {
        const OPERATION: &str = "EncoderDriver::status";
        let begun = Instant::now();
        self.device.read_state(OPERATION).await?;
        self.device.refresh(begun, OPERATION).await?;
        Ok(self.device.known_status())
    }

    async fn configure(&self, config: &StreamConfig, target: &PublishTarget) -> Result<()> {
        configure(&self.device, config, target).await
    }

    /// One request when the event feed says that the device is idle, otherwise two.
    async fn start(&self) -> Result<()> {
        const OPERATION: &str = "EncoderDriver::start";
        let device = &self.device;
        let _configured = device.configuring.lock().await;
        let trusted = device.config.start_trusts_events && device.feed_is_fresh();
        if !(trusted && device.known_state().is_idle()) {
            let state = device.read_state(OPERATION).await?;
            if state == DeviceStreamState::Streaming {
                return Ok(());
            }
        }
        control::command(device, command::STREAM, OPERATION).await
    }

    /// One request, sent even to a device that shows idle, unless the settings say otherwise.
    /// Does not wait for a [`configure`](Self::configure) under way.
    async fn stop(&self) -> Result<()> {
        const OPERATION: &str = "EncoderDriver::stop";
        let device = &self.device;
        if !device.config.stop_when_idle && device.read_state(OPERATION).await?.is_idle() {
            return Ok(());
        }
        control::command(device, command::STOP_STREAMING, OPERATION).await
    }

    async fn control(&self, action: &Action) -> Result<()> {
        match action {
            Action::StartStreaming => self.start().await,
            Action::StopStreaming => self.stop().await,
            other => control(&self.device, other).await,
        }
    }

    fn events(&self) -> BoxStream<'static, DeviceEvent> {
        poll::events(Arc::clone(&self.device))
    }

    fn connections(&self) -> Option<ConnectionPool> {
        Some(self.device.client.connections())
    }
}

/// Makes drivers that share one HTTP client.
///
/// ```
/// use encoder_aja::{AjaConfig, AjaDriverFactory};
/// use encoder_core::DriverFactory;
/// use encoder_core::model::{EncoderId, EncoderSpec};
///
/// let factory = AjaDriverFactory::new(AjaConfig::default())?;
/// let spec = EncoderSpec::new(EncoderId::try_new("helo-1")?, "http://10.0.0.21");
/// assert_eq!(factory.create(&spec)?.id().as_str(), "helo-1");
/// # Ok::<(), encoder_core::Error>(())
/// ```
#[derive(Clone)]
pub struct AjaDriverFactory {
    config: AjaConfig,
    http: reqwest::Client,
}

impl AjaDriverFactory {
    /// A factory for devices that share these settings.
    ///
    /// # Errors
    /// [`ConfigInvalid`](encoder_core::ErrorKind::ConfigInvalid) when a setting is wrong.
    pub fn new(config: AjaConfig) -> Result<Self> {
        config.validate()?;
        let http = http::client(&config)?;
        Ok(Self { config, http })
    }
}

impl fmt::Debug for AjaDriverFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AjaDriverFactory")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl DriverFactory for AjaDriverFactory {
    fn name(&self) -> &'static str {
        DRIVER_NAME
    }

    fn create(&self, spec: &EncoderSpec) -> Result<Arc<dyn EncoderDriver>> {
        let driver = AjaDriver::with_client(
            spec.id.clone(),
            self.config.clone(),
            &spec.address,
            spec.password.clone(),
            self.http.clone(),
        )?;
        Ok(Arc::new(driver))
    }
}
