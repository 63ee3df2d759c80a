//! The medium that the next recording goes to.

use encoder_core::model::DeviceRecordState;
use encoder_core::{ErrorKind, Result, Retry};
use tokio::time::Instant;

use super::{OPERATION, choice};
use crate::codes;
use crate::device::Device;
use crate::params::Param;

/// Selects the medium and waits until it is mounted and ready.
///
/// What a HELO does with a new destination while it records is not known, so a recording must be
/// over. The former medium may read as mounted until it is let go; only when it was seen gone, or
/// the time for that is over, does `mounted` speak of the new one.
pub(super) async fn select(device: &Device, medium: &str) -> Result<()> {
    let number = choice(device, Some(medium), &codes::MEDIA_NUMBERS)?;
    let number = number.expect("a name was given").to_string();
    let wire = Param::MEDIA_KIND.wire();
    let state = device.read(Param::RECORD_STATE, OPERATION).await?;
    let state = state.trim().parse().ok().map(codes::record_state);
    if state == Some(DeviceRecordState::Recording) {
        let message = "the device records; stop the recording before changing its medium";
        return Err(device
            .place(OPERATION, &wire)
            .error(ErrorKind::Conflict, message));
    }
    let written = device.ensure(&wire, &number, OPERATION).await?;
    let begun = Instant::now();
    let config = &device.config;
    let limit = config.media_release + config.media_mount;
    let mut released = !written;
    loop {
        let mounted = device.read_flag(Param::MEDIA_MOUNTED, OPERATION).await?;
        let ready = device.read_flag(Param::MEDIA_READY, OPERATION).await?;
        released |= mounted == Some(false) || begun.elapsed() >= config.media_release;
        if released && mounted == Some(true) && ready == Some(true) {
            break;
        }
        if begun.elapsed() >= limit {
            let message = format!("{medium} is not ready to record on");
            let error = device
                .place(OPERATION, &wire)
                .error(ErrorKind::DeviceRejected, message);
            return Err(error.with_retry(Retry::Exhausted));
        }
        tokio::time::sleep(config.media_poll).await;
    }
    read_space(device).await
}

/// What was known of the space is that of the former medium.
async fn read_space(device: &Device) -> Result<()> {
    for param in [
        Param::MEDIA_FREE_PERCENT,
        Param::MEDIA_FREE_BYTES,
        Param::MEDIA_TOTAL_BYTES,
        Param::MEDIA_VOLUME,
    ] {
        device.read(param, OPERATION).await?;
    }
    Ok(())
}
