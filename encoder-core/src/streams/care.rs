//! Caring for devices beside their streams, as [`care`] chooses.
//!
//! One task looks at the whole fleet. It is not a stream's actor, so that nothing it waits for
//! keeps a failover waiting, and so that encoders without a stream are cared for as well.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::JoinMap;

use super::actor::{Actor, within};
use super::command::Command;
use super::handle::{StreamContext, Streams};
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::{Duty, Encoder, EncoderSnapshot};
use crate::model::{
    Action, AutoRemediation, DeviceRecordState, EncoderId, IssueCode, Severity, StreamRecord,
    StreamView, Timestamp, TroubleKind, Verdict, issue_code,
};
use crate::remediation::{CareAttempt, CareConfig, CareFacts, Step, care, in_force};

/// Time between looks at a device whose repair is verified.
const LOOK: Duration = Duration::from_millis(250);

/// A step on a device, for the timelines of the streams that hold it.
#[derive(Clone, Debug)]
pub(super) struct Tended {
    name: &'static str,
    severity: Severity,
    message: String,
    evidence: Vec<String>,
    threshold: String,
    /// The device, when the step on it failed.
    failed_on: Option<EncoderId>,
}

/// A step that was chosen.
#[derive(Clone, Debug)]
struct Chosen {
    kind: TroubleKind,
    step: Step,
    cause: IssueCode,
    evidence: Vec<String>,
}

/// What one encoder went through.
#[derive(Debug, Default)]
struct Chart {
    tried: Vec<CareAttempt>,
    proposed: Option<TroubleKind>,
}

/// Looks after all devices, for as long as this manager commands them.
pub(crate) async fn keep(streams: Arc<Streams>, leads: impl Fn() -> bool + Send + Sync) {
    let config = streams.context.config.care.clone();
    let mut ticks = tokio::time::interval(config.interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut charts = BTreeMap::<EncoderId, Chart>::new();
    let mut jobs = JoinMap::<EncoderId, (Chosen, Duration, Result<String>)>::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            Some((id, done)) = jobs.join_next() => {
                if let Ok((chosen, taken, result)) = done {
                    streams.tell_outcome(&id, &chosen, taken, &result);
                }
                continue;
            }
        }
        if !leads() {
            continue;
        }
        for encoder in streams.context.fleet.all() {
            if jobs.contains_key(encoder.id()) {
                continue;
            }
            let chart = charts.entry(encoder.id().clone()).or_default();
            let Some(chosen) = streams.examine(&encoder, chart) else {
                continue;
            };
            let cx = streams.context.clone();
            jobs.spawn(encoder.id().clone(), async move {
                let began = cx.clock.instant();
                let result = treat(&cx, &encoder, &chosen.step).await;
                let taken = cx.clock.instant().saturating_duration_since(began);
                (chosen, taken, result)
            });
        }
        charts.retain(|id, _| streams.context.fleet.find(id).is_some());
    }
}

impl Streams {
    /// The step to take on an encoder now. One that may only be told is told here.
    fn examine(&self, encoder: &Arc<Encoder>, chart: &mut Chart) -> Option<Chosen> {
        let (cx, now) = (&self.context, self.context.clock.now());
        let config = &cx.config.care;
        let snapshot = encoder.snapshot();
        let silent = snapshot.assessment.verdict == Verdict::Silent;
        let silent_since = issue_since(&snapshot, issue_code::DEVICE_SILENT);
        let silent_since = silent_since.or(silent.then_some(now));
        let misbehaves_since = issue_since(&snapshot, issue_code::DEVICE_MISBEHAVES);
        let serves_files = snapshot.serves_files();
        if silent_since.is_none() && misbehaves_since.is_none() && !serves_files {
            chart.proposed = None;
            return None;
        }
        let longest = config.budget.window.max(config.reboot_budget.window);
        chart
            .tried
            .retain(|attempt| now.since(attempt.at) < longest);
        let facts = CareFacts {
            now,
            capability: &encoder.driver.capability(),
            silent_since,
            misbehaves_since,
            serves_files,
            publishes: snapshot.stream_state().may_publish(),
            records: records(&snapshot),
            needed: encoder.duty() == Duty::Publishing || is_needed(encoder.id(), &self.views()),
            tried: &chart.tried,
        };
        let (kind, step, cause) = care(config, &facts)?;
        let evidence = evidence(&snapshot, &cause);
        let chosen = Chosen {
            kind,
            step,
            cause,
            evidence,
        };
        let own = encoder.spec().auto_remediation;
        let kinds = &cx.config.auto_remediation_kinds;
        match in_force(cx.config.auto_remediation, own, kinds, kind) {
            AutoRemediation::Off => None,
            AutoRemediation::Observe => {
                if chart.proposed.replace(kind) != Some(kind) {
                    self.tell_proposal(encoder.id(), &chosen);
                }
                None
            }
            AutoRemediation::On => {
                let step = chosen.step.clone();
                chart.tried.push(CareAttempt {
                    kind,
                    step,
                    at: now,
                });
                Some(chosen)
            }
        }
    }

    fn tell_proposal(&self, id: &EncoderId, chosen: &Chosen) {
        let step = chosen.step.as_str();
        self.context
            .metrics
            .observe_remediation(chosen.kind, step, "proposed");
        let message = format!("would {step} {id}, but it may only be observed");
        tracing::info!(encoder = %id, step, cause = %chosen.cause, "remediation proposed");
        let (name, config) = (issue_code::REMEDIATION_PROPOSED, &self.context.config.care);
        self.tell_holders(id, &chosen.told(config, name, Severity::Info, message));
    }

    fn tell_outcome(
        &self,
        id: &EncoderId,
        chosen: &Chosen,
        taken: Duration,
        result: &Result<String>,
    ) {
        let (step, ms) = (chosen.step.as_str(), taken.as_millis());
        let (severity, outcome, message) = match result {
            Ok(seen) => (
                Severity::Warning,
                "succeeded",
                format!("done after {ms} ms: {seen}"),
            ),
            Err(error) => (
                Severity::Critical,
                "failed",
                format!("failed after {ms} ms: {error}"),
            ),
        };
        self.context
            .metrics
            .observe_remediation(chosen.kind, step, outcome);
        tracing::warn!(encoder = %id, step, cause = %chosen.cause, outcome, ms, "remediation");
        let message = format!("{step} on {id}: {message}");
        let tended = chosen.told(&self.context.config.care, step, severity, message);
        let failed_on = result.is_err().then(|| id.clone());
        self.tell_holders(
            id,
            &Tended {
                failed_on,
                ..tended
            },
        );
        if let Some(encoder) = self.context.fleet.find(id) {
            encoder.look_now();
        }
    }

    fn tell_holders(&self, id: &EncoderId, tended: &Tended) {
        for stream in self.context.fleet.holders(id) {
            let Some(handle) = self.handles().get(&stream).cloned() else {
                continue;
            };
            // An actor that is over or too busy has no place for it; it was logged and counted.
            let _ = handle.commands.try_send(Command::Tended(tended.clone()));
        }
    }
}

impl Chosen {
    /// The step in words.
    fn told(
        &self,
        config: &CareConfig,
        name: &'static str,
        severity: Severity,
        message: String,
    ) -> Tended {
        Tended {
            name,
            severity,
            message,
            evidence: self.evidence.clone(),
            threshold: threshold(config, self.kind),
            failed_on: None,
        }
    }
}

impl Actor {
    /// Writes a step on one of the stream's devices into the timeline. One that failed is told as
    /// a failed repair of that device, which need not be the one on air.
    pub(super) fn note_tended(&mut self, tended: Tended) {
        if let Some(encoder) = tended.failed_on {
            let code = IssueCode::new(issue_code::REPAIR_FAILED);
            self.tell_error_of(encoder, &code, &tended.message);
        }
        let note = self.new_note(tended.name, tended.severity, tended.message);
        self.timeline
            .add(note.evidence(tended.evidence, Some(tended.threshold)));
    }
}

fn issue_since(snapshot: &EncoderSnapshot, code: &str) -> Option<Timestamp> {
    let mut issues = snapshot.assessment.issues.iter();
    issues
        .find(|issue| issue.code.as_str() == code)
        .map(|issue| issue.since)
}

fn evidence(snapshot: &EncoderSnapshot, cause: &IssueCode) -> Vec<String> {
    let mut issues = snapshot.assessment.issues.iter();
    let issue = issues.find(|issue| issue.code == *cause);
    let text = issue.map_or_else(
        || cause.to_string(),
        |issue| format!("{cause}: {}", issue.message),
    );
    vec![text]
}

fn records(snapshot: &EncoderSnapshot) -> bool {
    let state = snapshot.status.as_ref().map(|status| status.record_state);
    matches!(
        state,
        Some(DeviceRecordState::Recording | DeviceRecordState::Failing)
    )
}

/// Whether a stream relies on the encoder now: as its primary, as the target of a move, or as a
/// backup that could take over.
fn is_needed(id: &EncoderId, views: &[StreamView]) -> bool {
    let mut active = views.iter().filter(|view| view.record.state.is_active());
    active.any(|view| relies_on(&view.record, view.backup.ready, id))
}

fn relies_on(record: &StreamRecord, backup_ready: bool, id: &EncoderId) -> bool {
    let backup = record.backup.as_ref().is_some_and(|b| b.encoder_id == *id);
    let target = record.failover.as_ref().is_some_and(|f| f.to == *id);
    record.primary.encoder_id == *id || target || (backup && backup_ready)
}

fn threshold(config: &CareConfig, kind: TroubleKind) -> String {
    match kind {
        TroubleKind::Persistent => {
            format!(
                "care.reboot_after_seconds={}",
                config.reboot_after.as_secs_f64()
            )
        }
        _ => format!(
            "care.trouble_after_seconds={}",
            config.trouble_after.as_secs_f64()
        ),
    }
}

/// Takes a step and looks whether it helped. Says what was seen.
async fn treat(cx: &StreamContext, encoder: &Arc<Encoder>, step: &Step) -> Result<String> {
    let action = match step {
        Step::RenewSession => Action::RenewSession,
        Step::Reconnect => Action::Reconnect,
        Step::RecordStreamMode { .. } => Action::ResetMediaState,
        Step::Reboot => Action::Reboot,
        other => {
            let message = format!("{} is no repair of a device", other.as_str());
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
    };
    let limit = cx.config.failover.command_timeout * 3;
    within(
        limit,
        "EncoderDriver::control",
        encoder.driver.control(&action),
    )
    .await?;
    if action == Action::Reboot {
        return Ok("the device took the command".to_owned());
    }
    let verifying = async {
        loop {
            match encoder.driver.status().await {
                Ok(status) if status.serves_files != Some(true) => {
                    return format!("answers; stream_state={:?}", status.stream_state)
                        .to_lowercase();
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    };
    let limit = cx.config.care.verify_within;
    tokio::time::timeout(limit, verifying).await.map_err(|_| {
        let message = format!("no effect was seen within {} s", limit.as_secs_f64());
        Error::new(ErrorKind::DeadlineExceeded, message).with_context("encoder", encoder.id())
    })
}

#[cfg(test)]
#[path = "care_tests.rs"]
mod tests;
