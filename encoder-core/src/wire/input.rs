//! Reading request bodies: every wrong field is reported, not the first.

use crate::config::StreamDefaults;
use crate::model::{
    Action, Bitrate, DestinationRequest, EncoderId, EncoderSpec, FailoverRequest, FrameRate,
    Resolution, StreamConfigPatch, StreamRequest,
};
use crate::validate::validate_stream;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Fields;
use crate::error::Result;

/// Reads a request for a stream.
///
/// # Errors
/// [`ValidationFailed`](crate::ErrorKind::ValidationFailed) with every fault of form and, where there is one, every fault of value too; the
/// manager checks the values of a well-formed request itself.
pub fn stream_request(body: Value, defaults: &StreamDefaults) -> Result<StreamRequest> {
    let mut fields = Fields::of(body)?;
    // A missing field is reported; an acceptable value in its place lets the others be judged.
    let mut request = StreamRequest::new(
        fields
            .required("resolution")
            .unwrap_or(Resolution::new(1920, 1080)),
        fields
            .required("bitrate")
            .unwrap_or(Bitrate::from_kbps(8000)),
        fields.required("fps").unwrap_or(FrameRate::from_fps(30.0)),
    );
    request.name = fields.optional("name");
    request.protection = fields.optional("protection");
    request.encoder_id = fields.optional("encoder_id");
    request.destination = fields.nested("destination", |inner| DestinationRequest {
        url: inner.optional("url"),
        stream_key: inner.optional("stream_key"),
        backup_url: inner.optional("backup_url"),
        personality: inner.optional("personality"),
        idle_timeout_seconds: inner.optional("idle_timeout_seconds"),
    });
    request.keyframe_interval_seconds = fields.optional("keyframe_interval_seconds");
    request.audio_bitrate = fields.optional("audio_bitrate");
    request.labels = fields.optional("labels").unwrap_or_default();
    fields.refuse_unknown();
    if fields.is_faulty()
        && let Err(error) = validate_stream(&request, defaults)
    {
        fields.also(error.violations());
    }
    fields.finish(Some(request))
}

/// Reads a change of a stream's configuration.
///
/// # Errors
/// [`ValidationFailed`](crate::ErrorKind::ValidationFailed) with every fault of form.
pub fn config_patch(body: Value) -> Result<StreamConfigPatch> {
    let mut fields = Fields::of(body)?;
    let patch = StreamConfigPatch {
        resolution: fields.optional("resolution"),
        bitrate: fields.optional("bitrate"),
        fps: fields.optional("fps"),
        keyframe_interval_seconds: fields.optional("keyframe_interval_seconds"),
        audio_bitrate: fields.optional("audio_bitrate"),
    };
    fields.finish(Some(patch))
}

/// Reads a request to move a stream.
///
/// # Errors
/// [`ValidationFailed`](crate::ErrorKind::ValidationFailed) with every fault of form.
pub fn failover_request(body: Value) -> Result<FailoverRequest> {
    let mut fields = Fields::of(body)?;
    let request = FailoverRequest {
        reason: fields.optional("reason"),
        to: fields.optional("to"),
    };
    fields.finish(Some(request))
}

/// Reads an encoder. `known` is the registered one when it is being changed: its id must not
/// change, and its password stays unless the body has one, or `null` to forget it.
///
/// # Errors
/// [`ValidationFailed`](crate::ErrorKind::ValidationFailed) with every fault of form.
pub fn encoder_spec(body: Value, known: Option<&EncoderSpec>) -> Result<EncoderSpec> {
    let mut fields = Fields::of(body)?;
    let id: Option<EncoderId> = match known {
        Some(known) => Some(same_id(&mut fields, known)),
        None if fields.contains("encoder_id") => fields.optional("encoder_id"),
        None => Some(EncoderId::generate()),
    };
    let keep = !fields.contains("password");
    let password = fields.optional("password");
    let address: Option<String> = fields.required("address");
    let mut spec = EncoderSpec::new(
        id.clone().unwrap_or_else(EncoderId::generate),
        address.clone().unwrap_or_default(),
    );
    spec.password = match known {
        Some(known) if keep => known.password.clone(),
        _ => password,
    };
    spec.name = fields.optional("name");
    spec.driver = fields.optional("driver").unwrap_or(spec.driver);
    spec.site = fields.optional("site");
    spec.weight = fields.optional("weight").unwrap_or(spec.weight);
    spec.capacity = fields.optional("capacity").unwrap_or(spec.capacity);
    spec.auto_remediation = fields.optional("auto_remediation");
    spec.maintenance = fields.optional("maintenance").unwrap_or(spec.maintenance);
    spec.labels = fields.optional("labels").unwrap_or_default();
    fields.finish(id.and(address).map(|_| spec))
}

fn same_id(fields: &mut Fields, known: &EncoderSpec) -> EncoderId {
    let given: Option<EncoderId> = fields.optional("encoder_id");
    if given.is_some_and(|given| given != known.id) {
        fields.wrong(
            "encoder_id",
            "immutable",
            "must be the id in the path, or be left out",
        );
    }
    known.id.clone()
}

/// Reads an action.
///
/// # Errors
/// [`ValidationFailed`](crate::ErrorKind::ValidationFailed).
pub fn action(body: Value) -> Result<Action> {
    let mut fields = Fields::of(body)?;
    let action = take_action(&mut fields);
    fields.finish(action)
}

/// Reads an action for several encoders.
///
/// # Errors
/// [`ValidationFailed`](crate::ErrorKind::ValidationFailed) with every fault of form.
pub fn bulk(body: Value) -> Result<(Vec<EncoderId>, Action)> {
    let mut fields = Fields::of(body)?;
    let ids: Option<Vec<EncoderId>> = fields.required("encoder_ids");
    if ids
        .as_ref()
        .is_some_and(|ids| ids.is_empty() || ids.len() > 500)
    {
        fields.wrong("encoder_ids", "out_of_range", "must name 1 to 500 encoders");
    }
    let action = take_action(&mut fields);
    fields.finish(ids.zip(action))
}

fn take_action(fields: &mut Fields) -> Option<Action> {
    if !fields.contains("action") {
        return fields.required("action");
    }
    let mut rest = fields.take_rest();
    rest.retain(|_, value| !value.is_null());
    match serde_json::from_value(Value::Object(rest.clone())) {
        Ok(action) => {
            // Serde lets unknown fields pass next to actions without arguments.
            let known = arguments(&action);
            rest.retain(|field, _| field != "action" && !known.contains(&field.as_str()));
            fields.put_back(rest);
            Some(action)
        }
        Err(error) => {
            fields.wrong("action", "invalid_value", &error.to_string());
            None
        }
    }
}

const fn arguments(action: &Action) -> &'static [&'static str] {
    match action {
        Action::RecallPreset { .. } => &["preset"],
        Action::SelectInput { .. } => &["video", "audio"],
        Action::SelectRecordingMedium { .. } => &["medium"],
        _ => &[],
    }
}

/// The body of `POST /api/streams/init`.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = StreamRequest)]
pub struct StreamRequestDoc {
    /// Picture size.
    #[schema(example = "1920x1080")]
    resolution: String,
    /// Video bitrate in bits per second.
    #[schema(example = 8_000_000)]
    bitrate: u64,
    /// Pictures per second.
    #[schema(example = 30)]
    fps: f64,
    /// Title for people.
    name: Option<String>,
    /// `hot`, `warm`, `cold` or `none`.
    protection: Option<String>,
    /// Insist on this encoder as primary.
    encoder_id: Option<String>,
    /// Where it shall go.
    destination: Option<DestinationDoc>,
    /// Time between key frames.
    keyframe_interval_seconds: Option<f64>,
    /// Audio bitrate in bits per second.
    audio_bitrate: Option<u64>,
    /// Free labels.
    labels: Option<std::collections::BTreeMap<String, String>>,
}

/// Where a stream shall go.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = DestinationRequest)]
pub struct DestinationDoc {
    /// Server and application, without the key.
    #[schema(example = "rtmp://ingest.example/live")]
    url: Option<String>,
    /// The key; generated when absent.
    #[schema(write_only)]
    stream_key: Option<String>,
    /// Second address.
    backup_url: Option<String>,
    /// How the ingest treats a second publisher: `takeover`, `reject` or `separate`.
    personality: Option<String>,
    /// How long the ingest keeps a publisher that vanished.
    idle_timeout_seconds: Option<f64>,
}

/// The body of `PUT /api/streams/{id}/config`.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = StreamConfigPatch)]
pub struct ConfigPatchDoc {
    /// Picture size.
    resolution: Option<String>,
    /// Video bitrate in bits per second.
    bitrate: Option<u64>,
    /// Pictures per second.
    fps: Option<f64>,
    /// Time between key frames.
    keyframe_interval_seconds: Option<f64>,
    /// Audio bitrate in bits per second.
    audio_bitrate: Option<u64>,
}

/// The body of failover and drill.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = FailoverRequest)]
pub struct FailoverRequestDoc {
    /// Why, for the timeline.
    reason: Option<String>,
    /// Where to; the backup, or the best free encoder, when absent.
    to: Option<String>,
}

/// The body of `POST /api/encoders` and `PUT /api/encoders/{id}`.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = EncoderRequest)]
pub struct EncoderRequestDoc {
    /// Chosen by the operator, or generated.
    #[schema(example = "helo-1", pattern = "^[A-Za-z0-9._-]{1,64}$")]
    encoder_id: Option<String>,
    /// Title for people.
    name: Option<String>,
    /// Which driver speaks to it.
    #[schema(default = "aja-helo")]
    driver: Option<String>,
    /// Base address.
    #[schema(example = "http://10.0.0.21")]
    address: String,
    /// The device's own password. On a change: kept when absent, forgotten when `null`.
    #[schema(write_only)]
    password: Option<String>,
    /// Failure domain.
    site: Option<String>,
    /// Operator's preference; 1 is normal.
    weight: Option<f64>,
    /// How many streams it may carry at once.
    capacity: Option<u32>,
    /// Takes no new streams.
    maintenance: Option<bool>,
    /// `off`, `observe` or `on`, where this encoder shall be repaired less than the others.
    auto_remediation: Option<String>,
    /// Free labels.
    labels: Option<std::collections::BTreeMap<String, String>>,
}

/// The body of control: an action and its arguments.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = ActionRequest)]
pub struct ActionDoc {
    /// One of `start_streaming`, `stop_streaming`, `start_recording`, `stop_recording`, `reboot`,
    /// `recall_preset`, `select_input`, `select_recording_medium`, `mute`, `unmute`,
    /// `enter_maintenance`, `leave_maintenance`, `renew_session`, `reconnect`, `reset_media_state`.
    #[schema(example = "start_recording")]
    action: String,
    /// For `recall_preset`.
    preset: Option<u32>,
    /// For `select_input`.
    video: Option<String>,
    /// For `select_input`.
    audio: Option<String>,
    /// For `select_recording_medium`: such as `sd` or `usb`.
    medium: Option<String>,
}

/// The body of bulk: an action for several encoders.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = BulkRequest)]
pub struct BulkDoc {
    /// The encoders.
    encoder_ids: Vec<String>,
    /// The action.
    #[serde(flatten)]
    action: ActionDoc,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Error;

    fn fields_of(error: &Error) -> Vec<&str> {
        error
            .violations()
            .iter()
            .map(|error| error.field.as_str())
            .collect()
    }

    #[test]
    fn every_fault_of_a_request_is_named() {
        let body = json!({
            "resolution": "wide", "fps": "thirty", "speed": 3,
            "destination": {"personality": "shy", "port": 1935},
        });
        let error = stream_request(body, &StreamDefaults::default()).unwrap_err();
        assert_eq!(
            fields_of(&error),
            [
                "resolution",
                "bitrate",
                "fps",
                "destination.personality",
                "destination.port",
                "speed",
                "destination.url"
            ]
        );
    }

    #[test]
    fn whole_floats_are_integers() {
        let body = json!({"resolution": "1280x720", "bitrate": 4e6, "fps": 30.0});
        let request = stream_request(body, &StreamDefaults::default()).unwrap();
        assert_eq!(request.bitrate.0, 4_000_000);
    }

    #[test]
    fn a_password_stays_unless_it_is_given() {
        let id = EncoderId::try_new("helo-1").unwrap();
        let known = EncoderSpec::new(id, "http://a").with_password("old".into());
        let read = |body| encoder_spec(body, Some(&known)).unwrap().password;
        assert_eq!(read(json!({"address": "http://b"})), known.password);
        assert_eq!(read(json!({"address": "http://b", "password": null})), None);
        let new = read(json!({"address": "http://b", "password": "new"}));
        assert_eq!(new, Some("new".into()));
        let moved = json!({"address": "http://b", "encoder_id": "helo-2"});
        let error = encoder_spec(moved, Some(&known)).unwrap_err();
        assert_eq!(fields_of(&error), ["encoder_id"]);
    }

    #[test]
    fn actions_name_what_they_lack() {
        assert_eq!(fields_of(&action(json!({})).unwrap_err()), ["action"]);
        let error = action(json!({"action": "recall_preset"})).unwrap_err();
        assert!(error.violations()[0].message.contains("preset"));
        let error = bulk(json!({"encoder_ids": [], "action": "toggle"})).unwrap_err();
        assert_eq!(fields_of(&error), ["encoder_ids", "action"]);
    }
}
