//! Whether a backup could take over now. Pure.

use crate::fleet::EncoderSnapshot;
use crate::model::{
    BackupReadiness, DeviceStreamState, EncoderId, InputSignal, Protection, PublishTarget,
    StreamConfig, Verdict,
};

/// Everything readiness depends on.
#[derive(Debug)]
pub(super) struct BackupFacts<'a> {
    pub(super) id: &'a EncoderId,
    pub(super) protection: Protection,
    pub(super) config: &'a StreamConfig,
    pub(super) target: &'a PublishTarget,
    /// `None` when the encoder was removed from the fleet.
    pub(super) snapshot: Option<&'a EncoderSnapshot>,
    pub(super) maintenance: bool,
    pub(super) primary_input: Option<&'a InputSignal>,
    /// Whether the manager configured it for this stream and the device confirmed.
    pub(super) staged: bool,
    /// Why configuring it failed the last time.
    pub(super) staging_error: Option<&'a str>,
}

pub(super) fn readiness(facts: &BackupFacts<'_>) -> BackupReadiness {
    let mut reasons = Vec::new();
    match facts.snapshot {
        None => reasons.push("not registered any more".to_owned()),
        Some(snapshot) => judge(facts, snapshot, &mut reasons),
    }
    BackupReadiness {
        encoder_id: Some(facts.id.clone()),
        ready: reasons.is_empty(),
        reasons,
    }
}

fn judge(facts: &BackupFacts<'_>, snapshot: &EncoderSnapshot, reasons: &mut Vec<String>) {
    let mut object = |holds: bool, reason: &str| {
        if holds {
            reasons.push(reason.to_owned());
        }
    };
    object(facts.maintenance, "in maintenance");
    object(
        snapshot.serves_files(),
        "serves its medium instead of streaming",
    );
    match snapshot.assessment.verdict {
        Verdict::Unknown => object(true, "not heard of yet"),
        Verdict::Silent => object(true, "does not answer"),
        Verdict::Failing => object(true, "reports a fault"),
        Verdict::Healthy | Verdict::Worn => {}
    }
    let misbehaviour = snapshot.misbehaviour();
    object(
        misbehaviour.is_some(),
        misbehaviour.as_deref().unwrap_or_default(),
    );
    let state = snapshot.stream_state();
    if facts.protection == Protection::Hot {
        object(
            state != DeviceStreamState::Streaming,
            "does not publish yet",
        );
    } else {
        object(!state.is_idle(), "not idle");
    }
    if let Some(status) = &snapshot.status {
        reasons.extend(input_objection(status.input.as_ref(), facts.primary_input));
        if let Some(active) = status.active.as_ref().filter(|_| facts.staged) {
            let differences = active.differences(facts.config, facts.target);
            if !differences.is_empty() {
                reasons.push(format!("configuration differs: {}", differences.join(", ")));
            }
        }
    }
    if !facts.staged {
        reasons.push(match facts.staging_error {
            Some(error) => format!("could not be configured: {error}"),
            None => "being configured".to_owned(),
        });
    }
}

/// A backup must see the same picture. While the primary has lost its own, any picture will do. A
/// format that an encoder does not name, such as a software encoder's, differs from none.
fn input_objection(backup: Option<&InputSignal>, primary: Option<&InputSignal>) -> Option<String> {
    let backup = backup?;
    if !backup.present {
        return Some("no input signal".to_owned());
    }
    let primary = primary.filter(|signal| signal.present)?;
    let (backup, primary) = (backup.format.as_ref()?, primary.format.as_ref()?);
    (backup != primary)
        .then(|| format!("input format {backup} differs from the primary's {primary}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_formats_differ() {
        let signal = |format: Option<&str>| InputSignal {
            present: true,
            format: format.map(str::to_owned),
            ..InputSignal::default()
        };
        let objects = |backup: Option<&str>, primary: Option<&str>| {
            input_objection(Some(&signal(backup)), Some(&signal(primary))).is_some()
        };
        assert!(objects(Some("1080p 60"), Some("720p 50")));
        assert!(!objects(Some("1080p 60"), Some("1080p 60")));
        assert!(!objects(Some("1080p 60"), None));
        assert!(!objects(None, Some("1080p 60")));
        let dark = InputSignal::default();
        assert!(input_objection(Some(&dark), None).is_some());
        assert!(input_objection(Some(&signal(Some("1080p 60"))), Some(&dark)).is_none());
    }
}
