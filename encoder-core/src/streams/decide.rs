//! What the state of a stream's encoder means for the stream. Pure.

use crate::config::FailoverConfig;
use crate::fleet::EncoderSnapshot;
use crate::ingest::{OnAir, Testimony};
use crate::model::{
    DeviceStreamState, FailoverPhase, FailoverSummary, IssueCode, Severity, StreamRecord,
    StreamState, Timestamp, Trigger, Verdict, issue_code,
};
use std::time::Duration;

/// One hour, the window of the cap on failovers.
const HOUR: Duration = Duration::from_secs(3600);

/// Everything the decision depends on.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) now: Timestamp,
    /// `None` when the encoder was removed from the fleet.
    pub(super) primary: Option<&'a EncoderSnapshot>,
    /// When the primary was last commanded to start and has not been seen streaming since.
    pub(super) starting_since: Option<Timestamp>,
    /// How long a start may take.
    pub(super) grace: Duration,
    /// Whether some other encoder answered since the primary fell silent.
    pub(super) witness: bool,
    /// What the ingest says; `None` without a witness there.
    pub(super) ingest: Option<IngestFacts>,
}

/// What an ingest says of the stream, and of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IngestFacts {
    /// Name of the witness.
    pub(super) witness: String,
    /// Whether the stream arrives.
    pub(super) testimony: Testimony,
    /// Whether anything was ever seen to arrive at the stream's address.
    pub(super) proven: bool,
    /// How many streams should arrive, when several should and none does.
    pub(super) suspect: Option<usize>,
    /// Whether the primary's media arrives although the primary is silent.
    pub(super) on_air: OnAir,
    /// How long a stream must be missing.
    pub(super) missing_after: Duration,
}

/// A reason to act.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) cause: IssueCode,
    pub(super) message: String,
    pub(super) since: Timestamp,
    /// Whether the encoder can still be told something.
    pub(super) reachable: bool,
    pub(super) evidence: Vec<String>,
    pub(super) threshold: Option<String>,
}

/// What to make of the primary.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Diagnosis {
    /// The device reports that it streams.
    OnAir,
    /// Nothing is wrong yet: it starts, or was not heard of yet.
    Patience,
    /// Every encoder fell silent at once; the manager's own network is the suspect.
    Isolated,
    /// The device is silent to the manager, and the ingest still receives its stream.
    SilentOnAir,
    /// Of several streams the ingest receives none; moving one would not help.
    IngestSuspect(usize),
    /// The ingest receives nothing, and its witness never saw anything arrive at this address: its
    /// settings are as likely a cause as the encoder.
    IngestUnproven(String),
    /// Something must be done.
    Faulty(Fault),
}

pub(super) fn diagnose(facts: &Facts<'_>) -> Diagnosis {
    let Some(primary) = facts.primary else {
        return Diagnosis::Faulty(Fault {
            cause: IssueCode::new("encoder_removed"),
            message: "the encoder was removed from the fleet".to_owned(),
            since: facts.now,
            reachable: false,
            evidence: Vec::new(),
            threshold: None,
        });
    };
    match primary.assessment.verdict {
        Verdict::Silent if facts.witness => match facts.on_air() {
            OnAir::Yes => Diagnosis::SilentOnAir,
            OnAir::NotYetKnown => Diagnosis::Patience,
            OnAir::No => Diagnosis::Faulty(silent(primary, facts.now)),
        },
        Verdict::Silent => Diagnosis::Isolated,
        Verdict::Failing => Diagnosis::Faulty(failing(primary, facts.now)),
        Verdict::Unknown => overdue(facts, primary),
        Verdict::Healthy | Verdict::Worn => match primary.stream_state() {
            DeviceStreamState::Streaming => facts.ingest.as_ref().map_or(Diagnosis::OnAir, arrival),
            _ => overdue(facts, primary),
        },
    }
}

impl Facts<'_> {
    fn on_air(&self) -> OnAir {
        self.ingest
            .as_ref()
            .map_or(OnAir::No, |ingest| ingest.on_air)
    }
}

/// What to make of a device that says that it streams.
fn arrival(ingest: &IngestFacts) -> Diagnosis {
    let Testimony::Missing(since) = ingest.testimony else {
        return Diagnosis::OnAir;
    };
    if !ingest.proven {
        return Diagnosis::IngestUnproven(ingest.witness.clone());
    }
    if let Some(expected) = ingest.suspect {
        return Diagnosis::IngestSuspect(expected);
    }
    let witness = &ingest.witness;
    Diagnosis::Faulty(Fault {
        cause: IssueCode::new(issue_code::INGEST_RECEIVES_NOTHING),
        message: format!(
            "the device says that it streams; {witness} received nothing since {since}"
        ),
        since,
        reachable: true,
        evidence: vec![
            "stream_state=streaming".to_owned(),
            format!("{witness}: bytes_in does not grow"),
        ],
        threshold: Some(format!(
            "ingest.missing_after_ms={}",
            ingest.missing_after.as_millis()
        )),
    })
}

fn silent(primary: &EncoderSnapshot, now: Timestamp) -> Fault {
    let issue = primary
        .assessment
        .issues
        .iter()
        .find(|i| i.code.as_str() == issue_code::DEVICE_SILENT);
    Fault {
        cause: IssueCode::new(issue_code::DEVICE_SILENT),
        message: issue.map_or_else(
            || "the device does not answer".to_owned(),
            |i| i.message.clone(),
        ),
        since: issue.map_or(now, |issue| issue.since),
        reachable: false,
        evidence: vec![
            "verdict=silent".to_owned(),
            "another encoder answers".to_owned(),
        ],
        threshold: Some("connection.fall".to_owned()),
    }
}

fn failing(primary: &EncoderSnapshot, now: Timestamp) -> Fault {
    let worst = primary
        .assessment
        .issues
        .iter()
        .find(|i| i.severity == Severity::Critical);
    let worst = worst.or_else(|| primary.assessment.worst());
    let state = primary.stream_state();
    let mut evidence = vec![format!("stream_state={state:?}").to_lowercase()];
    evidence.extend(
        worst
            .iter()
            .flat_map(|issue| issue.evidence.iter().map(ToString::to_string)),
    );
    Fault {
        cause: worst.map_or(IssueCode::new(issue_code::STREAM_FAILING), |issue| {
            issue.code.clone()
        }),
        message: worst.map_or_else(|| format!("{state:?}"), |issue| issue.message.clone()),
        since: worst.map_or(now, |issue| issue.since),
        reachable: true,
        evidence,
        threshold: None,
    }
}

fn overdue(facts: &Facts<'_>, primary: &EncoderSnapshot) -> Diagnosis {
    let Some(since) = facts.starting_since else {
        return Diagnosis::Patience;
    };
    let waited = facts.now.since(since);
    if waited < facts.grace {
        return Diagnosis::Patience;
    }
    Diagnosis::Faulty(Fault {
        cause: IssueCode::new(issue_code::STREAM_NOT_STARTED),
        message: format!(
            "the device took the start and does not stream after {} ms",
            waited.as_millis()
        ),
        since,
        reachable: primary.is_reachable(),
        evidence: vec![format!("stream_state={:?}", primary.stream_state()).to_lowercase()],
        threshold: Some(format!("start grace {} ms", facts.grace.as_millis())),
    })
}

/// Why an automatic failover that is due may not happen now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) reason: String,
}

/// Whether the rules allow an automatic failover now.
pub(super) fn gate(
    record: &StreamRecord,
    config: &FailoverConfig,
    now: Timestamp,
) -> Result<(), Held> {
    let held = |reason: String| Err(Held { reason });
    if !record.protection.allows_failover() {
        return held("the stream asked for no protection".to_owned());
    }
    if !config.automatic {
        return held("automatic failover is switched off".to_owned());
    }
    let automatic = || {
        record
            .history
            .iter()
            .filter(|past| matches!(past.trigger, Trigger::Automatic | Trigger::Planned))
    };
    // A move that reached its end, or could not even begin, is not repeated at once. One that
    // failed at its target is: that target is fenced, so another one is tried.
    let settles = |past: &&FailoverSummary| past.succeeded || never_began(past);
    let last = automatic()
        .filter(settles)
        .map(|past| past.finished_at)
        .max();
    if let Some(last) = last
        && record.state != StreamState::Starting
        && now.since(last) < config.hold_down
    {
        let left = config.hold_down.saturating_sub(now.since(last));
        return held(format!(
            "hold-down for another {} s",
            left.as_secs_f64().ceil()
        ));
    }
    let recent = automatic()
        .filter(|past| now.since(past.finished_at) < HOUR && !never_began(past))
        .count();
    if recent >= config.hourly_cap as usize {
        return held(format!(
            "{recent} failovers within an hour, the cap is {}",
            config.hourly_cap
        ));
    }
    Ok(())
}

/// Whether a failover ended while the old encoder was still being fenced.
fn never_began(past: &FailoverSummary) -> bool {
    let last = past.timings.last().map(|timing| timing.phase);
    !past.succeeded && last == Some(FailoverPhase::Fence)
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
