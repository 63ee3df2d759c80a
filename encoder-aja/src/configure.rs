//! Bringing a device to hold a stream's settings.
//!
//! What a write to the working copy does to the stored profile, and the other way round, is not
//! established. So the stored profile is written while the device is idle, that profile is
//! selected, and the working copy is read back, because it is what the next start uses. Writing
//! the working copy alone would be quicker and might not survive a restart of the device.

use encoder_core::model::{PublishTarget, StreamConfig};
use encoder_core::{ErrorKind, Result};

use crate::client::Repeat;
use crate::codes;
use crate::device::{Device, same_value};
use crate::params::Param;
use crate::settings::{Setting, settings};
use crate::status::is_masked;

const OPERATION: &str = "EncoderDriver::configure";

/// See [`encoder_core::EncoderDriver::configure`]. Dropped midway, the profile holds a part of the
/// settings, and the next call completes it.
pub(crate) async fn configure(
    device: &Device,
    config: &StreamConfig,
    target: &PublishTarget,
) -> Result<()> {
    let _configuring = device.configuring.lock().await;
    let state = device.read_state(OPERATION).await?;
    if state.may_publish() && !device.config.configure_while_streaming {
        let message = "the device streams, and what new settings do to a stream is unknown";
        let place = device.place(OPERATION, "ReplicatorStreamState");
        return Err(place.error(ErrorKind::Conflict, message));
    }
    let settings = wanted(device, config, target).await?;
    let stored = store(device, &settings).await?;
    let selected = select(device, stored).await?;
    let mut missed = missed(device, &settings).await?;
    if !missed.is_empty() && !selected {
        reselect(device).await?;
        missed = self::missed(device, &settings).await?;
    }
    for setting in missed {
        let wire = setting.param.wire();
        if !device.config.write_working_copy {
            return Err(device.not_held(&wire, OPERATION));
        }
        device.ensure(&wire, &setting.value, OPERATION).await?;
    }
    Ok(())
}

async fn wanted(
    device: &Device,
    config: &StreamConfig,
    target: &PublishTarget,
) -> Result<Vec<Setting>> {
    let number = device.read(Param::INPUT_FORMAT, OPERATION).await?;
    let input = number.trim().parse().ok().map(codes::input_signal);
    let unknown = device.config.unknown_input;
    settings(config, target, input.as_ref(), unknown).map_err(|error| {
        error
            .with_operation(OPERATION)
            .with_context("encoder", &device.id)
    })
}

/// Writes the stored profile where it differs; tells whether it did.
async fn store(device: &Device, settings: &[Setting]) -> Result<bool> {
    let mut written = false;
    for setting in settings {
        let wire = setting.param.stored_in(device.config.profile);
        written |= device.ensure(&wire, &setting.value, OPERATION).await?;
    }
    Ok(written)
}

/// Selects the profile where another is selected, or where what it holds is `new`.
async fn select(device: &Device, new: bool) -> Result<bool> {
    let selected = device.read(Param::PROFILE, OPERATION).await?;
    if !new && same_value(&selected, &profile(device)) {
        return Ok(false);
    }
    reselect(device).await?;
    Ok(true)
}

async fn reselect(device: &Device) -> Result<()> {
    let (wire, profile) = (Param::PROFILE.wire(), profile(device));
    device
        .write(&wire, &profile, Repeat::Once, OPERATION)
        .await?;
    device.verify(&wire, &profile, OPERATION).await
}

/// The number of the profile as the device counts, from 0.
fn profile(device: &Device) -> String {
    device.config.profile.saturating_sub(1).to_string()
}

/// The settings that the working copy does not hold, after a moment to take them over.
async fn missed<'a>(device: &Device, settings: &'a [Setting]) -> Result<Vec<&'a Setting>> {
    let mut missed: Vec<_> = settings.iter().collect();
    for attempt in 0..device.config.readback_attempts {
        if attempt > 0 {
            tokio::time::sleep(device.config.readback_pause).await;
        }
        let mut still = Vec::new();
        for setting in missed {
            let held = device.read(setting.param, OPERATION).await?;
            if !same_value(&held, &setting.value) && !is_masked(&held) {
                still.push(setting);
            }
        }
        missed = still;
        if missed.is_empty() {
            break;
        }
    }
    Ok(missed)
}
