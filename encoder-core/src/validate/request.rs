//! A whole request: where it goes, what it is called, and what the configuration adds.

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

use super::{Findings, keyframe_interval_out_of_range, validate_config};
use crate::config::StreamDefaults;
use crate::error::Result;
use crate::model::{
    Destination, DestinationRequest, EncoderId, Personality, Protection, Secret, StreamConfig,
    StreamRequest, Violation,
};

const MAX_URL_LENGTH: usize = 512;
const MAX_NAME_CHARS: usize = 200;
const MAX_LABELS: usize = 32;
const MAX_LABEL_KEY: usize = 64;
const MAX_LABEL_VALUE_CHARS: usize = 256;
const KEY_LENGTH: std::ops::RangeInclusive<usize> = 10..=128;
const MAX_IDLE_TIMEOUT_SECONDS: f64 = 3600.0;

/// A request that keeps every rule, with everything it left out filled in.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ValidatedStream {
    /// Title for people.
    pub name: Option<String>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Encoding settings.
    pub config: StreamConfig,
    /// Where it goes.
    pub destination: Destination,
    /// The key that was asked for; `None` leaves making one up to the caller.
    pub stream_key: Option<Secret>,
    /// How it is protected.
    pub protection: Protection,
    /// The encoder that was insisted on.
    pub encoder_id: Option<EncoderId>,
    /// Recommendations that are not followed.
    pub warnings: Vec<Violation>,
}

/// Judges a request and fills in what it leaves out.
///
/// The configured backup address belongs to the configured address: a request that names its own
/// address does not inherit it, or the two would be different ingests.
///
/// # Errors
/// [`ErrorKind::ValidationFailed`](crate::ErrorKind::ValidationFailed) with every violation.
pub fn validate_stream(
    request: &StreamRequest,
    defaults: &StreamDefaults,
) -> Result<ValidatedStream> {
    let config = complete_config(request, defaults);
    let mut findings = validate_config(&config);
    if let Some(seconds) = request.keyframe_interval_seconds
        && Duration::try_from_secs_f64(seconds).is_err()
    {
        keyframe_interval_out_of_range(&mut findings);
    }
    let wanted = request.destination.clone().unwrap_or_default();
    let protection = request.protection.unwrap_or(defaults.protection);
    let destination = complete_destination(&wanted, defaults, &mut findings);
    check_destination(&destination, protection, &mut findings);
    if let Some(key) = &wanted.stream_key {
        check_key(key, &destination, &mut findings);
    }
    check_name(request.name.as_deref(), &mut findings);
    check_labels(&request.labels, &mut findings);
    Ok(ValidatedStream {
        warnings: findings.into_result()?,
        name: request.name.clone(),
        labels: request.labels.clone(),
        config,
        destination,
        stream_key: wanted.stream_key,
        protection,
        encoder_id: request.encoder_id.clone(),
    })
}

fn complete_config(request: &StreamRequest, defaults: &StreamDefaults) -> StreamConfig {
    let seconds = request.keyframe_interval_seconds;
    StreamConfig {
        resolution: request.resolution,
        bitrate: request.bitrate,
        fps: request.fps,
        keyframe_interval: seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .unwrap_or(defaults.keyframe_interval),
        audio_bitrate: request.audio_bitrate.unwrap_or(defaults.audio_bitrate),
    }
}

/// An empty address stands for a missing one, which [`check_destination`] reports.
fn complete_destination(
    wanted: &DestinationRequest,
    defaults: &StreamDefaults,
    findings: &mut Findings,
) -> Destination {
    let inherited_backup = match wanted.url {
        None => defaults.backup_url.clone(),
        Some(_) => None,
    };
    let seconds = wanted
        .idle_timeout_seconds
        .or(defaults.idle_timeout_seconds);
    let in_range = |seconds: &f64| (0.0..=MAX_IDLE_TIMEOUT_SECONDS).contains(seconds);
    if seconds.is_some_and(|seconds| !in_range(&seconds)) {
        let field = "destination.idle_timeout_seconds";
        findings.error(field, "out_of_range", "must be 0 to 3600 s");
    }
    Destination {
        url: wanted
            .url
            .clone()
            .or_else(|| defaults.url.clone())
            .unwrap_or_default(),
        backup_url: wanted.backup_url.clone().or(inherited_backup),
        personality: wanted.personality.unwrap_or(defaults.personality),
        idle_timeout: seconds.filter(in_range).map(Duration::from_secs_f64),
    }
}

fn check_destination(destination: &Destination, protection: Protection, findings: &mut Findings) {
    const URL: &str = "destination.url";
    const BACKUP: &str = "destination.backup_url";
    if destination.url.is_empty() {
        findings.error(URL, "required", "must be given, none is configured");
    } else {
        check_url(URL, &destination.url, findings);
    }
    let reason = match (protection, destination.personality) {
        (Protection::Hot, _) => Some("hot protection publishes to a second address"),
        (_, Personality::Separate) => Some("the separate personality has a second address"),
        _ => None,
    };
    match (&destination.backup_url, reason) {
        (Some(backup), _) => {
            check_url(BACKUP, backup, findings);
            if reason.is_some() && *backup == destination.url {
                let message = "must be another address than destination.url";
                findings.error(BACKUP, "same_as_url", message);
            }
        }
        (None, Some(reason)) => findings.error(BACKUP, "required", reason),
        (None, None) => {}
    }
}

/// Secrets belong into the key, which is masked everywhere; an address is shown to everybody.
fn check_url(field: &str, text: &str, findings: &mut Findings) {
    if text.len() > MAX_URL_LENGTH {
        let message = format!("must be at most {MAX_URL_LENGTH} bytes");
        return findings.error(field, "too_long", message);
    }
    // The parser would drop these silently.
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let message = "must not contain spaces or control characters";
        return findings.error(field, "invalid_url", message);
    }
    let Ok(url) = Url::parse(text) else {
        return findings.error(field, "invalid_url", "must be like rtmp://host/application");
    };
    if !matches!(url.scheme(), "rtmp" | "rtmps") {
        findings.error(
            field,
            "unsupported_scheme",
            "must begin with rtmp:// or rtmps://",
        );
    }
    if url.host_str().is_none_or(str::is_empty) {
        findings.error(field, "invalid_url", "must name a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        let message = "must not contain a user name or password";
        findings.error(field, "secret_in_url", message);
    }
    if url.query().is_some() || url.fragment().is_some() {
        let message = "must end with the application; tokens belong into the stream key";
        findings.error(field, "secret_in_url", message);
    }
}

fn check_key(key: &Secret, destination: &Destination, findings: &mut Findings) {
    const FIELD: &str = "destination.stream_key";
    let key = key.expose();
    if key.len() < *KEY_LENGTH.start() {
        let message = format!("must be at least {} characters", KEY_LENGTH.start());
        findings.error(FIELD, "too_short", message);
    }
    if key.len() > *KEY_LENGTH.end() {
        let message = format!("must be at most {} characters", KEY_LENGTH.end());
        findings.error(FIELD, "too_long", message);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !key.chars().all(allowed) {
        findings.error(FIELD, "invalid_characters", "must be of [A-Za-z0-9_-]");
    }
    let inside = |url: &str| KEY_LENGTH.contains(&key.len()) && url.contains(key.as_str());
    let backup = destination.backup_url.as_deref().unwrap_or_default();
    for (field, url) in [
        ("destination.url", destination.url.as_str()),
        ("destination.backup_url", backup),
    ] {
        if inside(url) {
            findings.error(field, "secret_in_url", "must not contain the stream key");
        }
    }
}

fn check_name(name: Option<&str>, findings: &mut Findings) {
    let Some(name) = name else { return };
    if name.chars().count() > MAX_NAME_CHARS {
        let message = format!("must be at most {MAX_NAME_CHARS} characters");
        findings.error("name", "too_long", message);
    }
    if name.chars().any(char::is_control) {
        findings.error(
            "name",
            "invalid_characters",
            "must not contain control characters",
        );
    }
}

fn check_labels(labels: &BTreeMap<String, String>, findings: &mut Findings) {
    if labels.len() > MAX_LABELS {
        let message = format!("must be at most {MAX_LABELS}");
        findings.error("labels", "too_many", message);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    for (key, value) in labels {
        if key.is_empty() || key.len() > MAX_LABEL_KEY || !key.chars().all(allowed) {
            let message = format!("keys must be 1 to {MAX_LABEL_KEY} of [A-Za-z0-9._/-]");
            findings.error("labels", "invalid_characters", message);
            continue;
        }
        let field = format!("labels.{key}");
        if value.chars().count() > MAX_LABEL_VALUE_CHARS {
            let message = format!("must be at most {MAX_LABEL_VALUE_CHARS} characters");
            findings.error(&field, "too_long", message);
        }
        if value.chars().any(char::is_control) {
            findings.error(
                &field,
                "invalid_characters",
                "must not contain control characters",
            );
        }
    }
}
