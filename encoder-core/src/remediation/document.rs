//! [`Step`] as JSON, flat so that a mistake in it is found by its path.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Step;
use crate::model::{Bitrate, FrameRate, Resolution, optional_seconds};

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepDocument {
    step: String,
    #[serde(
        default,
        rename = "deadline_seconds",
        with = "optional_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    deadline: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bitrate: Option<Bitrate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolution: Option<Resolution>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fps: Option<FrameRate>,
}

impl From<Step> for StepDocument {
    fn from(step: Step) -> Self {
        let mut document = Self {
            step: step.as_str().to_owned(),
            deadline: step.deadline(),
            ..Self::default()
        };
        match step {
            Step::Reduce { bitrate } => document.bitrate = Some(bitrate),
            Step::Downscale { resolution } => document.resolution = Some(resolution),
            Step::SlowDown { fps } => document.fps = Some(fps),
            Step::Restore {
                bitrate,
                resolution,
                fps,
            } => {
                document.bitrate = Some(bitrate);
                document.resolution = Some(resolution);
                document.fps = Some(fps);
            }
            _ => {}
        }
        document
    }
}

impl TryFrom<StepDocument> for Step {
    type Error = String;
    fn try_from(document: StepDocument) -> Result<Self, Self::Error> {
        let StepDocument {
            step,
            deadline,
            bitrate,
            resolution,
            fps,
        } = document;
        let made = match (step.as_str(), deadline, bitrate, resolution, fps) {
            ("start_in_place", Some(deadline), None, None, None) => Self::Start { deadline },
            ("restart_in_place", Some(deadline), None, None, None) => Self::Restart { deadline },
            ("record_stream_mode", Some(deadline), None, None, None) => {
                Self::RecordStreamMode { deadline }
            }
            ("reduce_bitrate", None, Some(bitrate), None, None) => Self::Reduce { bitrate },
            ("downscale", None, None, Some(resolution), None) => Self::Downscale { resolution },
            ("slow_down", None, None, None, Some(fps)) => Self::SlowDown { fps },
            ("restore", None, Some(bitrate), Some(resolution), Some(fps)) => Self::Restore {
                bitrate,
                resolution,
                fps,
            },
            ("renew_session", None, None, None, None) => Self::RenewSession,
            ("reconnect", None, None, None, None) => Self::Reconnect,
            ("reboot", None, None, None, None) => Self::Reboot,
            _ => return Err(complaint(&step)),
        };
        Ok(made)
    }
}

fn complaint(step: &str) -> String {
    let takes = match step {
        "start_in_place" | "restart_in_place" | "record_stream_mode" => "`deadline_seconds`",
        "reduce_bitrate" => "`bitrate`",
        "downscale" => "`resolution`",
        "slow_down" => "`fps`",
        "restore" => "`bitrate`, `resolution` and `fps`",
        "renew_session" | "reconnect" | "reboot" => "nothing",
        _ => return format!("unknown step; one of {}", Step::NAMES.join(", ")),
    };
    format!("step `{step}` takes {takes}, no more and no less")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_takes_what_belongs_to_it_only() {
        let refused = |text: &str| serde_json::from_str::<Step>(text).unwrap_err().to_string();
        for (text, part) in [
            (r#"{"step":"reboot","fps":25}"#, "takes nothing"),
            (r#"{"step":"start_in_place"}"#, "takes `deadline_seconds`"),
            (r#"{"step":"pray"}"#, "one of start_in_place"),
            (r#"{"step":"reboot","why":1}"#, "unknown field `why`"),
        ] {
            let message = refused(text);
            assert!(message.contains(part), "{message}");
        }
    }
}
