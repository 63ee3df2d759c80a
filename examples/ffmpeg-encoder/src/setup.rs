//! What makes one encoder: its name, its input, its settings, and the ffmpeg it uses.

use std::fmt;
use std::sync::Arc;

use encoder_core::driver::{FrameRateRule, Limits};
use encoder_core::model::{
    Bitrate, EncoderId, PublishTarget, Resolution, Secret, StreamConfig, SystemReadings,
};
use encoder_core::validate::validate_for_encoder;
use encoder_core::{Capability, Error, ErrorKind, Result};

use crate::config::FfmpegConfig;
use crate::host::Host;
use crate::input::Input;
use crate::publish::Publish;
use crate::tools::{Program, Toolbox, Tools};

/// Everything about an encoder that does not change.
pub(crate) struct Setup {
    pub(crate) id: EncoderId,
    pub(crate) input: Input,
    pub(crate) input_name: String,
    pub(crate) config: Arc<FfmpegConfig>,
    pub(crate) toolbox: Arc<Toolbox>,
    pub(crate) serial: String,
}

/// What was seen of the machine.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) tools: Arc<Tools>,
    pub(crate) system: SystemReadings,
    pub(crate) input: Option<bool>,
}

impl Setup {
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] for an address that names no input.
    pub(crate) fn try_new(
        id: EncoderId,
        config: Arc<FfmpegConfig>,
        toolbox: Arc<Toolbox>,
        address: &str,
        password: Option<&Secret>,
    ) -> Result<Self> {
        let input = Input::parse(address, password)?;
        Ok(Self {
            input_name: input.name(),
            input,
            serial: serial(&machine(), id.as_str()),
            id,
            config,
            toolbox,
        })
    }

    /// What it calls itself to an ingest: the serial number is a word of its own in it.
    pub(crate) fn agent(&self) -> String {
        format!("FFmpeg ({})", self.serial)
    }

    /// Looks at the machine: program, load, input.
    ///
    /// # Errors
    /// [`ErrorKind::DeviceUnreachable`] and [`ErrorKind::DeviceProtocol`] when there is no
    /// usable ffmpeg.
    pub(crate) async fn look(self: &Arc<Self>) -> Result<Sight> {
        let setup = Arc::clone(self);
        let look = tokio::task::spawn_blocking(move || {
            let program = setup.toolbox.find()?;
            let system = Host::shared().read(setup.config.readings_age);
            Ok((program, system, setup.input.is_there()))
        });
        let seen: Result<(Program, SystemReadings, Option<bool>)> =
            look.await.unwrap_or_else(|error| {
                let message = "the machine could not be looked at";
                Err(Error::new(ErrorKind::Unexpected, message).with_source(error))
            });
        let (program, system, input) = seen?;
        Ok(Sight {
            tools: self.toolbox.tools(program).await?,
            system,
            input,
        })
    }

    pub(crate) fn capability(&self) -> Capability {
        let host = Host::shared();
        let mut capability = Capability::default();
        capability.pushes_events = true;
        capability.reads_back = true;
        capability.reports_temperature = host.has_temperature;
        capability.reports_cpu = true;
        capability.reports_memory = true;
        capability.reports_fan = host.has_fan;
        capability.reports_uptime = true;
        capability.reports_bitrate = true;
        capability.reports_dropped_frames = true;
        capability.reports_input = true;
        capability.limits = self.limits();
        capability
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.min_bitrate = Bitrate::from_kbps(50);
        limits.max_bitrate = self.config.max_bitrate;
        limits.min_resolution = Resolution::new(64, 36);
        limits.max_resolution = self.config.max_resolution;
        limits.frame_rate = FrameRateRule::Any;
        limits.schemes = ["rtmp", "rtmps", "srt"].map(str::to_owned).to_vec();
        limits
    }

    /// Checks settings against the limits and against what this ffmpeg can do.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] that names every limit, and those of [`Publish::try_new`].
    pub(crate) fn check(
        &self,
        config: &StreamConfig,
        target: &PublishTarget,
        tools: &Tools,
    ) -> Result<()> {
        let violations = validate_for_encoder(config, &target.url, &self.capability(), None);
        if !violations.is_empty() {
            let texts: Vec<_> = violations
                .iter()
                .map(|v| format!("{}: {}", v.field, v.message))
                .collect();
            let error = Error::new(ErrorKind::Unsupported, texts.join("; "));
            return Err(error.with_violations(violations));
        }
        let size = config.resolution;
        if size.width % 2 + size.height % 2 > 0 {
            let message = format!("{size}: width and height must be even numbers");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        Publish::try_new(target, &tools.version)?;
        let scheme = target.url.split("://").next().unwrap_or_default();
        if !tools.protocols.contains(scheme) {
            let message = format!(
                "the ffmpeg at {} does not publish by {scheme}; install another build",
                tools.path.display()
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        Ok(())
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FfmpegEncoder")
            .field("id", &self.id)
            .field("input", &self.input)
            .field("ffmpeg", &self.config.path)
            .finish_non_exhaustive()
    }
}

/// What tells this machine from others, also after a restart.
fn machine() -> String {
    let known = std::fs::read_to_string("/etc/machine-id").ok();
    let known = known.filter(|id| !id.trim().is_empty());
    known
        .or_else(|| sysinfo::System::host_name().ok())
        .unwrap_or_default()
}

/// Sixteen hexadecimal digits that are the same for the same machine and encoder (FNV-1a). They
/// give the machine's own id away to nobody.
fn serial(machine: &str, id: &str) -> String {
    let bytes = machine.trim().bytes().chain([0]).chain(id.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_tell_machines_and_encoders_apart() {
        let one = serial("m1\n", "soft-1");
        assert_eq!((one.len(), &one), (16, &serial("m1", "soft-1")));
        assert_ne!(one, serial("m1", "soft-2"));
        assert_ne!(one, serial("m2", "soft-1"));
    }
}
