//! Everything else a HELO can be told.

use std::time::Duration;

use encoder_core::model::{Action, DeviceRecordState};
use encoder_core::{ErrorKind, Result, Retry};
use tokio::time::Instant;

use crate::client::Repeat;
use crate::codes::{self, command};
use crate::device::Device;
use crate::error::ReplyError;
use crate::params::Param;

mod media;

const OPERATION: &str = "EncoderDriver::control";

/// Presets a HELO stores.
const PRESETS: std::ops::RangeInclusive<u32> = 1..=20;
/// Time between two looks at the result of a recall.
const RECALL_POLL: Duration = Duration::from_millis(250);

/// Sends a value to `ReplicatorCommand`.
pub(crate) async fn command(device: &Device, command: &str, operation: &'static str) -> Result<()> {
    let wire = Param::COMMAND.wire();
    device.write(&wire, command, Repeat::Once, operation).await
}

/// See [`encoder_core::EncoderDriver::control`]; starting and stopping the stream is elsewhere.
pub(crate) async fn control(device: &Device, action: &Action) -> Result<()> {
    match action {
        Action::StartRecording => start_recording(device).await,
        Action::StopRecording => stop_recording(device).await,
        Action::SelectRecordingMedium { medium } => media::select(device, medium).await,
        Action::Reboot => reboot(device).await,
        Action::RecallPreset { preset } => recall(device, *preset).await,
        Action::SelectInput { video, audio } => {
            let video = choice(device, video.as_deref(), &codes::VIDEO_INPUTS)?;
            let audio = choice(device, audio.as_deref(), &codes::AUDIO_INPUTS)?;
            choose(device, Param::VIDEO_INPUT, video).await?;
            choose(device, Param::AUDIO_INPUT, audio).await
        }
        Action::Mute => choose(device, Param::MUTE, Some(1)).await,
        Action::Unmute => choose(device, Param::MUTE, Some(0)).await,
        Action::RenewSession => renew_session(device).await,
        Action::Reconnect => reconnect(device).await,
        Action::ResetMediaState => {
            choose(device, Param::MEDIA_STATE, Some(codes::RECORD_STREAM)).await
        }
        other => {
            let message = format!("a HELO has no action {}", other.as_str());
            Err(unsupported(device, message))
        }
    }
}

fn unsupported(device: &Device, message: String) -> encoder_core::Error {
    let place = crate::error::Place {
        operation: OPERATION,
        encoder: &device.id,
        parameter: None,
    };
    place.error(ErrorKind::Unsupported, message)
}

async fn start_recording(device: &Device) -> Result<()> {
    let state = device.read(Param::RECORD_STATE, OPERATION).await?;
    let state = state.trim().parse().ok().map(codes::record_state);
    if state == Some(DeviceRecordState::Recording) {
        return Ok(());
    }
    if device.read_flag(Param::LINKED, OPERATION).await? == Some(true)
        && !device.read_state(OPERATION).await?.may_publish()
    {
        return Err(linked(
            device,
            "starting the recording would start a stream",
        ));
    }
    command(device, command::RECORD, OPERATION).await
}

async fn stop_recording(device: &Device) -> Result<()> {
    if device.read_flag(Param::LINKED, OPERATION).await? == Some(true)
        && device.read_state(OPERATION).await?.may_publish()
    {
        return Err(linked(
            device,
            "stopping the recording would stop the stream",
        ));
    }
    command(device, command::STOP_RECORDING, OPERATION).await
}

/// The refusal of a command for the recorder that would move the stream as well.
fn linked(device: &Device, what: &str) -> encoder_core::Error {
    let wire = Param::LINKED.wire();
    let message = format!("{what}, because the device links both; switch LinkStartStop off");
    device
        .place(OPERATION, &wire)
        .error(ErrorKind::Conflict, message)
}

/// Logs in anew, and reads the stream state with the new session. A device without a password has
/// no session; the reading alone says whether it answers.
async fn renew_session(device: &Device) -> Result<()> {
    let renewed = device.client.log_in().await;
    renewed.map_err(|error| device.failed(error, OPERATION, "login"))?;
    device.read_state(OPERATION).await.map(drop)
}

/// Drops every connection to the device, the event feed's among them, forgets its session, and
/// reads the stream state over a new connection.
async fn reconnect(device: &Device) -> Result<()> {
    device
        .client
        .reconnect(crate::http::client(&device.config)?);
    device.feed.suspect();
    device.read_state(OPERATION).await.map(drop)
}

/// Restarts into the newest image. The reply may not arrive, so once the request was sent, its
/// connection breaking or staying silent counts as obeyed.
async fn reboot(device: &Device) -> Result<()> {
    let wire = Param::REBOOT.wire();
    let sent = device
        .client
        .set(&wire, codes::NEWEST_IMAGE, Repeat::Never)
        .await;
    device.feed.suspect();
    match sent {
        Err(ReplyError::Silent(error)) if error.is_connect() => {
            Err(device.failed(ReplyError::Silent(error), OPERATION, &wire))
        }
        Ok(()) | Err(ReplyError::Cut(_) | ReplyError::Silent(_)) => Ok(()),
        Err(error) => Err(device.failed(error, OPERATION, &wire)),
    }
}

async fn recall(device: &Device, preset: u32) -> Result<()> {
    if !PRESETS.contains(&preset) {
        let message = format!("a HELO has presets 1 to 20, not {preset}");
        return Err(unsupported(device, message));
    }
    let begun = Instant::now();
    let wire = Param::RECALL.wire();
    device
        .write(&wire, &preset.to_string(), Repeat::Never, OPERATION)
        .await?;
    tokio::time::sleep(device.config.recall_settle).await;
    let place = device.place(OPERATION, &wire);
    loop {
        let result = device.read(Param::RECALL_RESULT, OPERATION).await?;
        match result.trim() {
            "2" => return Ok(()),
            "3" => {
                return Err(place.error(ErrorKind::DeviceRejected, "recalling the preset failed"));
            }
            "4" => return Err(place.error(ErrorKind::DeviceRejected, "the preset is empty")),
            _ if begun.elapsed() >= device.config.recall_timeout => {
                let message = "the device did not finish recalling the preset";
                let error = place.error(ErrorKind::DeadlineExceeded, message);
                return Err(error.with_retry(Retry::Safe));
            }
            _ => tokio::time::sleep(RECALL_POLL).await,
        }
    }
}

/// The device's number for an input or a medium.
fn choice(device: &Device, name: Option<&str>, choices: &[(&str, u32)]) -> Result<Option<u32>> {
    let Some(name) = name else {
        return Ok(None);
    };
    match choices.iter().find(|(known, _)| *known == name) {
        Some((_, number)) => Ok(Some(*number)),
        None => {
            let known: Vec<_> = choices.iter().map(|(known, _)| *known).collect();
            let message = format!("a HELO has {} here, not {name}", known.join(", "));
            Err(unsupported(device, message))
        }
    }
}

async fn choose(device: &Device, param: Param, number: Option<u32>) -> Result<()> {
    if let Some(number) = number {
        let wire = param.wire();
        device.ensure(&wire, &number.to_string(), OPERATION).await?;
    }
    Ok(())
}
