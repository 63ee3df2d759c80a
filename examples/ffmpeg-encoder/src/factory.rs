//! Makes the drivers of all encoders that are registered with `driver: ffmpeg`.

use std::sync::Arc;

use encoder_core::model::EncoderSpec;
use encoder_core::{DriverFactory, EncoderDriver, Result};

use crate::config::FfmpegConfig;
use crate::driver::FfmpegDriver;
use crate::setup::Setup;
use crate::tools::Toolbox;

/// The name under which encoders refer to this driver.
pub const DRIVER_NAME: &str = "ffmpeg";

/// Makes drivers that share one ffmpeg.
///
/// ```
/// use encoder_core::DriverFactory;
/// use encoder_core::model::{EncoderId, EncoderSpec};
/// use encoder_ffmpeg::{DRIVER_NAME, FfmpegConfig, FfmpegDriverFactory};
///
/// let factory = FfmpegDriverFactory::new(FfmpegConfig::default())?;
/// let id = EncoderId::try_new("soft-1")?;
/// let spec = EncoderSpec::new(id, "testsrc:").with_driver(DRIVER_NAME);
/// assert_eq!(factory.create(&spec)?.id().as_str(), "soft-1");
/// # Ok::<(), encoder_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FfmpegDriverFactory {
    config: Arc<FfmpegConfig>,
    toolbox: Arc<Toolbox>,
}

impl FfmpegDriverFactory {
    /// A factory for encoders that share these settings.
    ///
    /// # Errors
    /// [`ConfigInvalid`](encoder_core::ErrorKind::ConfigInvalid) when a setting is wrong.
    pub fn new(config: FfmpegConfig) -> Result<Self> {
        config.validate()?;
        let toolbox = Toolbox::new(config.path.clone(), config.video_encoder.clone());
        Ok(Self {
            config: Arc::new(config),
            toolbox: Arc::new(toolbox),
        })
    }
}

impl DriverFactory for FfmpegDriverFactory {
    fn name(&self) -> &'static str {
        DRIVER_NAME
    }

    fn create(&self, spec: &EncoderSpec) -> Result<Arc<dyn EncoderDriver>> {
        let setup = Setup::try_new(
            spec.id.clone(),
            Arc::clone(&self.config),
            Arc::clone(&self.toolbox),
            &spec.address,
            spec.password.as_ref(),
        )?;
        Ok(Arc::new(FfmpegDriver::of(setup)))
    }
}
