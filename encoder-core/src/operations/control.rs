//! Direct control of an encoder.

use std::sync::Arc;
use std::time::Duration;

use super::encoders;
use crate::config::ManagerConfig;
use crate::driver::EncoderDriverExt;
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::{Duty, Encoder, Fleet};
use crate::model::{
    Action, ControlOutcome, DeviceRecordState, DeviceStreamState, EncoderId, EncoderSpec,
    EncoderStatus,
};
use crate::store::StateStore;

/// Time between looks at a device that was told to do something.
const LOOK: Duration = Duration::from_millis(100);

/// Does it and looks whether it was done.
pub(crate) async fn run(
    fleet: &Fleet,
    store: &dyn StateStore,
    config: &ManagerConfig,
    id: &EncoderId,
    action: &Action,
) -> Result<ControlOutcome> {
    let encoder = fleet.get(id)?;
    let outcome = |confirmed: bool, state: String| ControlOutcome {
        encoder_id: id.clone(),
        action: action.as_str().to_owned(),
        accepted: true,
        confirmed,
        state,
    };
    if let Action::EnterMaintenance | Action::LeaveMaintenance = action {
        let maintenance = *action == Action::EnterMaintenance;
        let spec = EncoderSpec {
            maintenance,
            ..EncoderSpec::clone(&encoder.spec())
        };
        let view = encoders::update(fleet, store, spec, None).await?;
        return Ok(outcome(true, view.state.as_str().to_owned()));
    }
    refuse_to_break_streams(fleet, &encoder, action)?;
    let limit = config.failover.command_timeout;
    let command = match action {
        Action::StartStreaming => encoder.paced.start(),
        Action::StopStreaming => encoder.paced.stop(),
        other => encoder.paced.control(other),
    };
    // Recalling a preset takes a device several seconds by itself, mounting a medium a quarter of
    // a minute.
    let patience = match action {
        Action::SelectRecordingMedium { .. } => limit * 5,
        _ => limit * 3,
    };
    tokio::time::timeout(patience, command)
        .await
        .unwrap_or_else(|_| {
            let message = format!(
                "no answer to {} within {} s",
                action.as_str(),
                patience.as_secs()
            );
            Err(Error::new(ErrorKind::DeviceUnreachable, message).with_context("encoder", id))
        })?;
    let (confirmed, state) = confirm(&encoder, action, limit).await;
    encoder.look_now();
    Ok(outcome(confirmed, state))
}

/// An act that would take a managed stream off air, or start a second publisher, is refused.
fn refuse_to_break_streams(fleet: &Fleet, encoder: &Arc<Encoder>, action: &Action) -> Result<()> {
    let holders = fleet.holders(encoder.id());
    let Some(stream) = holders.first() else {
        return Ok(());
    };
    let breaks = match action {
        Action::StartStreaming | Action::StopStreaming | Action::RecallPreset { .. } => true,
        Action::Reboot => encoder.duty() == Duty::Publishing,
        _ => false,
    };
    if !breaks {
        return Ok(());
    }
    let message = format!(
        "{} would break stream {stream}, which holds this encoder; stop or move the stream instead",
        action.as_str()
    );
    Err(Error::new(ErrorKind::Conflict, message).with_context("encoder", encoder.id()))
}

async fn confirm(encoder: &Arc<Encoder>, action: &Action, limit: Duration) -> (bool, String) {
    let reached: fn(&EncoderStatus) -> bool = match action {
        Action::StartStreaming => |status| status.stream_state == DeviceStreamState::Streaming,
        Action::StopStreaming => |status| status.stream_state.is_idle(),
        Action::StartRecording => |status| status.record_state == DeviceRecordState::Recording,
        Action::StopRecording => |status| {
            matches!(
                status.record_state,
                DeviceRecordState::Idle | DeviceRecordState::FailingIdle
            )
        },
        // The device is about to be gone; whether it comes back shows in its state.
        Action::Reboot => return (false, "restarting".to_owned()),
        // Drivers read these back before they answer.
        _ => |_| true,
    };
    let records = matches!(action, Action::StartRecording | Action::StopRecording);
    let name = |status: &EncoderStatus| {
        let state = if records {
            serde_json::to_value(status.record_state)
        } else {
            serde_json::to_value(status.stream_state)
        };
        let text = state
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned));
        text.unwrap_or_else(|| "unknown".to_owned())
    };
    match encoder.paced.wait_until(limit, LOOK, reached).await {
        Ok(status) => (true, name(&status)),
        Err(_) => {
            let state = encoder.paced.status().await.map(|status| name(&status));
            (false, state.unwrap_or_else(|_| "unknown".to_owned()))
        }
    }
}
