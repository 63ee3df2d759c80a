//! What nobody has established about a HELO, as switches.
//!
//! AJA's documents, its samples and other people's clients leave questions open. The simulator
//! answers each by a switch instead of a constant, so that a driver can be tried under every
//! answer before it meets the hardware.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::millis;

/// The open questions about the device, each with the best supported answer as default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Assumptions {
    /// Content type of JSON replies, except the login, which is known to be `text/html`.
    pub content_type: String,
    /// Whether `connect` answers with `configevents`, a snapshot of all values (seen on KUMO and
    /// Ki Pro).
    pub connect_snapshot: bool,
    /// How `connectionid` is written.
    pub connection_id: ConnectionIdForm,
    /// The reply to a wait with an expired or unknown connection id.
    pub unknown_connection: UnknownConnection,
    /// How long a wait is held when nothing changes.
    #[serde(rename = "hold_ms", with = "millis")]
    pub hold: Duration,
    /// How long a connection id lives after its last use.
    #[serde(rename = "connection_lifetime_ms", with = "millis")]
    pub connection_lifetime: Duration,
    /// How many connection ids live at once.
    pub max_connections: usize,
    /// What one more `connect` does when all connection ids are taken.
    pub too_many_connections: TooManyConnections,
    /// How many unread changes a connection keeps; the oldest are lost.
    pub event_queue: usize,
    /// Whether a reply with changes ends in an element without `param_id` (seen on Ki Pro).
    pub services_element: bool,
    /// How long a session lives after its last use; `None` is for ever.
    #[serde(rename = "session_lifetime_ms", with = "millis::optional")]
    pub session_lifetime: Option<Duration>,
    /// Whether a wrong password sets a cookie saying `invalid` (seen on KUMO).
    pub wrong_password_cookie: bool,
    /// The reply to a request for a parameter the device does not have.
    pub unknown_parameter: UnknownParameter,
    /// The reply to a write to a read-only parameter.
    pub read_only_set: Refusal,
    /// The reply to a value outside the range, or not among the choices.
    pub out_of_range_set: OutOfRange,
    /// The longest text the device stores, in bytes; longer values are out of range.
    pub max_text_length: usize,
    /// The body of an accepted write.
    pub set_body: SetBody,
    /// `value_name` of everything but enums.
    pub text_value_name: TextValueName,
    /// How passwords and stream keys read back.
    pub secret_readback: SecretReadback,
    /// Whether a write to the selected numbered profile reaches the working copy at once.
    pub numbered_write_reaches_working_copy: bool,
    /// Whether a write to the working copy reaches the selected numbered profile.
    pub working_copy_write_reaches_numbered: bool,
    /// What an edit of the streaming profile does while the stream runs.
    pub edit_while_streaming: EditWhileStreaming,
    /// Whether `ReplicatorCommand` reads 0 again once the command is taken.
    pub command_self_clears: bool,
    /// Whether a recording destination written while something is recorded is kept for the next
    /// recording, instead of the write being ignored.
    pub destination_kept_for_next_recording: bool,
    /// Whether the former medium still reads as mounted and ready until it is let go.
    pub medium_lingers_while_released: bool,
    /// What a stream start does without an input signal.
    pub start_without_input: StartWithoutInput,
    /// Whether durations keep their last value after a stop instead of returning to zero.
    pub duration_kept_after_stop: bool,
    /// Whether `Encoder2StreamURI` ends in the stream key.
    pub stream_uri_has_key: bool,
    /// The number in the first field of a raised alarm.
    pub active_alarm_value: u32,
    /// How the write to `Reboot` is answered.
    pub reboot_reply: RebootReply,
    /// What a client meets while the device restarts.
    pub reboot_silence: RebootSilence,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            content_type: "application/json".to_owned(),
            connect_snapshot: true,
            connection_id: ConnectionIdForm::Text,
            unknown_connection: UnknownConnection::ExpectationFailed,
            hold: Duration::from_secs(20),
            connection_lifetime: Duration::from_secs(60),
            max_connections: 16,
            too_many_connections: TooManyConnections::ForgetOldest,
            event_queue: 512,
            services_element: false,
            session_lifetime: None,
            wrong_password_cookie: false,
            unknown_parameter: UnknownParameter::EmptyObject,
            read_only_set: Refusal::Ignored,
            out_of_range_set: OutOfRange::Ignored,
            max_text_length: 1024,
            set_body: SetBody::Parameter,
            text_value_name: TextValueName::Empty,
            secret_readback: SecretReadback::Clear,
            numbered_write_reaches_working_copy: false,
            working_copy_write_reaches_numbered: false,
            edit_while_streaming: EditWhileStreaming::NextStart,
            command_self_clears: true,
            destination_kept_for_next_recording: true,
            medium_lingers_while_released: true,
            start_without_input: StartWithoutInput::Fails,
            duration_kept_after_stop: false,
            stream_uri_has_key: true,
            active_alarm_value: 1,
            reboot_reply: RebootReply::Clean,
            reboot_silence: RebootSilence::Refused,
        }
    }
}

/// How a connection id is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionIdForm {
    /// `"20"`
    Text,
    /// `20`
    Number,
}

/// The reply to an expired or unknown connection id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownConnection {
    /// Status 417, as KUMO answers now and then.
    ExpectationFailed,
    /// Status 404.
    NotFound,
    /// Status 200 and `{}`.
    EmptyObject,
    /// Status 200 and `[]`, at once.
    EmptyArray,
}

/// What a `connect` does when all connection ids are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooManyConnections {
    /// The id unused for longest is forgotten.
    ForgetOldest,
    /// Status 503.
    Refuse,
}

/// The reply to a request naming an unknown parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownParameter {
    /// Status 200 and `{}`.
    EmptyObject,
    /// Status 200 and a parameter object with empty members.
    BlankParameter,
    /// Status 400.
    BadRequest,
    /// Status 404.
    NotFound,
}

/// How the device refuses a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Status 200 and the unchanged value.
    Ignored,
    /// Status 400.
    BadRequest,
    /// Status 404.
    NotFound,
    /// Status 500.
    ServerError,
}

/// What happens to a value outside the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfRange {
    /// Status 200 and the unchanged value.
    Ignored,
    /// A number becomes the nearest allowed one; anything else is ignored.
    Clamped,
    /// Status 400.
    BadRequest,
    /// Status 404.
    NotFound,
    /// Status 500.
    ServerError,
}

/// The body of an accepted write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetBody {
    /// The object a `get` answers.
    Parameter,
    /// `{}`
    EmptyObject,
    /// Nothing.
    Nothing,
}

/// `value_name` of everything but enums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextValueName {
    /// Empty, as on a Ki Pro.
    Empty,
    /// The value again, as on KUMO.
    Value,
}

/// How passwords and stream keys read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretReadback {
    /// As written.
    Clear,
    /// As asterisks, one for each character.
    Masked,
}

/// What an edit of the streaming profile does while the stream runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditWhileStreaming {
    /// The running stream changes.
    Immediate,
    /// The value is stored and the next start uses it.
    NextStart,
    /// The value is not stored; the reply is status 200.
    Ignored,
}

/// What a stream start does without an input signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartWithoutInput {
    /// It fails.
    Fails,
    /// It streams a test pattern.
    TestPattern,
}

/// How the write to `Reboot` is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RebootReply {
    /// Like any other write.
    Clean,
    /// The connection ends in the middle of the reply.
    Cut,
    /// No reply arrives.
    Missing,
}

/// What a client meets while the device restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RebootSilence {
    /// Connections are refused, and open ones end at once.
    Refused,
    /// No bytes arrive; open connections end when the device is back.
    BlackHole,
}
