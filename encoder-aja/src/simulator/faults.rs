//! What can go wrong with a HELO, on demand.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::millis;
use super::requests::RequestRecord;
use super::storage::MediumKind;

mod active;

pub(super) use active::ActiveFaults;

/// One thing going wrong, until it has happened often enough, its time is over, or
/// [`clear_faults`](super::Simulator::clear_faults) ends it.
///
/// In JSON, kinds without settings are a name, the others an object:
///
/// ```
/// use encoder_aja::simulator::{Fault, FaultKind, MediumKind};
///
/// let hang: Fault = serde_json::from_str(r#"{"kind": "hang", "times": 2, "path": "/config"}"#)?;
/// assert_eq!(hang, Fault::new(FaultKind::Hang).times(2).on_path("/config"));
/// let full: Fault = serde_json::from_str(r#"{"kind": "storage_full", "medium": "usb"}"#)?;
/// assert_eq!(full, Fault::new(FaultKind::StorageFull).on_medium(MediumKind::Usb));
/// let slow: Fault = serde_json::from_str(r#"{"kind": {"delay": {"delay_ms": 250}}}"#)?;
/// assert_eq!(slow.times, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How often; `None` is without limit. Requests, start and stop commands, and writes count,
    /// depending on the kind; conditions that simply last do not count.
    #[serde(default)]
    pub times: Option<u32>,
    /// How long; `None` is until cleared.
    #[serde(default, rename = "lasts_ms", with = "millis::optional")]
    pub lasts: Option<Duration>,
    /// Only requests for this path.
    #[serde(default)]
    pub path: Option<String>,
    /// Only requests with this `action`.
    #[serde(default)]
    pub action: Option<String>,
    /// Only requests for this parameter; the name may lack `eParamID_`.
    #[serde(default)]
    pub param: Option<String>,
    /// Only this medium, for the faults of storage; `None` is the one selected when the fault
    /// comes.
    #[serde(default)]
    pub medium: Option<MediumKind>,
}

/// The things that can go wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum FaultKind {
    /// The port is closed: open connections end, new ones are refused.
    RefuseConnections,
    /// No bytes arrive on open or new connections, the long poll included. Requests sent meanwhile
    /// are read once it is over.
    NetworkSilence {
        /// Whether the device still reaches its destination and goes on streaming.
        media_continues: bool,
    },
    /// A request is read and never answered.
    Hang,
    /// A request is answered late.
    Delay {
        /// How late.
        #[serde(rename = "delay_ms", with = "millis")]
        delay: Duration,
    },
    /// The body arrives in pieces.
    SlowBytes {
        /// Bytes in a piece.
        piece: usize,
        /// The pause after each.
        #[serde(rename = "pause_ms", with = "millis")]
        pause: Duration,
    },
    /// The connection ends within the body.
    CutBody {
        /// Bytes of the body that still arrive.
        after: usize,
    },
    /// The body is not JSON, with status 200.
    WrongJson,
    /// The request fails with this status and an HTML page, and has no effect.
    Status {
        /// The status, such as 404, 417 or 500.
        status: u16,
    },
    /// The reply claims to be something else.
    ContentType {
        /// The content type.
        value: String,
    },
    /// The reply claims a wrong length.
    ContentLength {
        /// The length.
        value: usize,
    },
    /// Once: all sessions end, so that requests meet the login page with status 404.
    DropSessions,
    /// Once: all connection ids are forgotten.
    ExpireConnections,
    /// A running stream fails (state 4) and a start ends in state 3, both with
    /// `StreamingFailedAlarm`; a recovery fails as well. Every failure counts. When the fault is
    /// over, a device with `AutoRecoverStreaming` starts again by itself.
    StreamFails,
    /// A start is accepted and the device stays idle, without an alarm.
    StreamNeverStarts,
    /// A stop is accepted and the device goes on streaming.
    StopNeverStops,
    /// A write is answered as if accepted and the value stays.
    SetNotApplied,
    /// A running recording fails (state 4) and a start ends in state 3, both with
    /// `RecordingFailedAlarm`.
    RecordFails,
    /// Recalling or storing a preset fails.
    PresetFails,
    /// No input has a signal.
    InputLost,
    /// The signal at the inputs has another format.
    InputFormatChanged {
        /// The number of the format in `DetectInputFormat`.
        format: u16,
    },
    /// The device warms up, and shuts down when it gets too hot.
    OverTemperature {
        /// Where it ends, in degrees Celsius.
        celsius: f64,
        /// How long the way takes.
        #[serde(rename = "ramp_ms", with = "millis")]
        ramp: Duration,
    },
    /// The fan stands still: the device warms up while it streams, shuts down when it gets too hot,
    /// and cools down as ever when it rests.
    FanStopped {
        /// Where streaming takes it, in degrees Celsius.
        celsius: f64,
        /// How long the way takes.
        #[serde(rename = "ramp_ms", with = "millis")]
        ramp: Duration,
    },
    /// The recording medium has no space left.
    StorageFull,
    /// The recording medium is pulled out.
    StorageRemoved,
    /// The recording medium does not keep up: `Media_Too_Slow_Alarm` while something is recorded
    /// on it.
    StorageSlow,
    /// The recording medium cannot be written to.
    StorageWriteProtected,
    /// An alarm is raised.
    Alarm {
        /// The alarm parameter; the name may lack `eParamID_`.
        name: String,
    },
    /// `Dropped_Frames_Alarm` is raised, and a profile set to stop on dropped frames fails.
    DroppedFrames,
    /// The device cannot reach its destination, while it still answers requests.
    IngestUnreachable,
    /// The stream's connection stays up and carries no bytes. This and the other faults of picture
    /// and connection act on real media (feature `media`); without them nothing happens.
    Stall,
    /// The stream goes on with the same picture again and again.
    Freeze,
    /// The stream goes on with a black picture, and without the mark of its encoder.
    Black,
    /// Pictures get lost before they are encoded, and the one before is repeated.
    DropPictures {
        /// Every picture of that number; 1 is all of them.
        one_in: u32,
    },
    /// Once: the connection to the destination ends, with real media. The stream fails, and a device
    /// with `AutoRecoverStreaming` starts it again.
    CutConnection,
    /// Once: the device restarts by itself.
    SelfReboot,
    /// The device restarts by itself, again and again.
    RebootLoop {
        /// How long it is up each time.
        #[serde(rename = "up_ms", with = "millis")]
        up: Duration,
    },
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self::new(kind)
    }
}

impl Fault {
    /// A fault without limits.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            times: None,
            lasts: None,
            path: None,
            action: None,
            param: None,
            medium: None,
        }
    }

    /// Status 417 on the long poll, as KUMO answers for an expired connection id.
    #[must_use]
    pub fn events_expectation_failed() -> Self {
        Self::new(FaultKind::Status { status: 417 }).on_action("wait_for_config_events")
    }

    /// Limits how often it happens.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Limits how long it lasts.
    #[must_use]
    pub fn lasting(mut self, lasts: Duration) -> Self {
        self.lasts = Some(lasts);
        self
    }

    /// Limits it to one path.
    #[must_use]
    pub fn on_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Limits it to one `action`.
    #[must_use]
    pub fn on_action(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }

    /// Limits it to one parameter.
    #[must_use]
    pub fn on_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Limits it to one medium.
    #[must_use]
    pub fn on_medium(mut self, medium: MediumKind) -> Self {
        self.medium = Some(medium);
        self
    }

    fn concerns(&self, request: &RequestRecord) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == found)
        };
        same(&self.path, Some(&request.path))
            && same(&self.action, request.param("action"))
            && self.concerns_param(request.param("paramid"))
    }

    fn concerns_param(&self, id: Option<&str>) -> bool {
        let bare = |id: &str| id.trim_start_matches(super::catalogue::PREFIX).to_owned();
        match &self.param {
            Some(wanted) => id.is_some_and(|id| bare(id) == bare(wanted)),
            None => true,
        }
    }
}

impl FaultKind {
    /// Whether it spoils one request and its reply.
    fn spoils_requests(&self) -> bool {
        matches!(
            self,
            Self::Hang
                | Self::Delay { .. }
                | Self::SlowBytes { .. }
                | Self::CutBody { .. }
                | Self::WrongJson
                | Self::Status { .. }
                | Self::ContentType { .. }
                | Self::ContentLength { .. }
        )
    }

    /// Whether it bends a recording medium.
    pub(super) fn is_of_storage(&self) -> bool {
        matches!(
            self,
            Self::StorageFull
                | Self::StorageRemoved
                | Self::StorageSlow
                | Self::StorageWriteProtected
        )
    }

    /// Whether it happens once and leaves nothing behind.
    pub(super) fn is_momentary(&self) -> bool {
        matches!(
            self,
            Self::DropSessions | Self::ExpireConnections | Self::SelfReboot | Self::CutConnection
        )
    }
}
