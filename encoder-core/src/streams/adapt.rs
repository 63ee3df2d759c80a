//! Adapting a stream on air: looking for what [`adapt`] answers, and taking or telling its steps.
//!
//! An encoder that takes settings only while it is idle is never stopped for a step: the stream is
//! handed to its backup with the new settings. Where that cannot be done, the step is told as a
//! proposal, because an interruption is worse than the trouble of a stream that is on air.

use super::actor::{Actor, within};
use super::decide::{Fault, gate};
use super::steadiness::Steadiness;
use crate::error::{Error, Result};
use crate::fleet::EncoderSnapshot;
use crate::model::{
    AutoRemediation, EncoderId, Issue, SettingsChange, Severity, StreamConfig, StreamState,
    Timestamp, Trigger, TroubleKind, issue_code,
};
use crate::remediation::{AdaptFacts, Proposal, Step, adapt, in_force, kind_on_air};

/// What an actor remembers about adapting its stream.
#[derive(Debug, Default)]
pub(super) struct Adapting {
    /// Since when there has been no trouble that an adaptation answers.
    calm_since: Option<Timestamp>,
    steps: Vec<Timestamp>,
    steadiness: Steadiness,
    /// What was told last and not done.
    proposed: Option<(TroubleKind, Step)>,
    /// A step whose effect has not shown yet.
    unproven: Option<Unproven>,
}

/// A step down whose trouble should go away.
#[derive(Debug)]
struct Unproven {
    step: Step,
    cause: crate::model::IssueCode,
    until: Timestamp,
}

impl Actor {
    /// What is in force for a kind of trouble on an encoder.
    pub(super) fn remediation_mode(&self, kind: TroubleKind, id: &EncoderId) -> AutoRemediation {
        let config = &self.cx.config;
        let own = self
            .cx
            .fleet
            .find(id)
            .and_then(|e| e.spec().auto_remediation);
        in_force(
            config.auto_remediation,
            own,
            &config.auto_remediation_kinds,
            kind,
        )
    }

    /// Looks whether the stream on air should run with less, or may run with more again.
    pub(super) async fn tend_settings(&mut self, snapshot: Option<&EncoderSnapshot>) {
        let Some(snapshot) = snapshot.filter(|_| self.record().state == StreamState::Live) else {
            return;
        };
        self.tell_adaptation();
        let now = self.cx.clock.now();
        let issues = self.troubles(snapshot, now);
        if issues.is_empty() {
            self.adapting.calm_since.get_or_insert(now);
        } else {
            self.adapting.calm_since = None;
        }
        self.see_effect(&issues, now);
        let proposal = self.choose_step(snapshot, &issues, now);
        let Some(proposal) = proposal else {
            if issues.is_empty() && self.record().adaptation.is_none() {
                self.withdraw_proposal();
            }
            return;
        };
        match self.remediation_mode(proposal.kind, &self.record().primary.encoder_id) {
            AutoRemediation::Off => {}
            AutoRemediation::Observe => self.propose(&proposal, "it may only be observed"),
            AutoRemediation::On => self.take(proposal).await,
        }
    }

    fn troubles(&mut self, snapshot: &EncoderSnapshot, now: Timestamp) -> Vec<Issue> {
        let settings = self.record().effective();
        let config = &self.cx.config.adaptation;
        let output = snapshot.status.as_ref().map(|status| &status.output);
        let steadiness = &mut self.adapting.steadiness;
        let unsteady = output.and_then(|output| steadiness.look(config, output, &settings, now));
        match &unsteady {
            Some(issue) => {
                self.raise(
                    issue_code::BITRATE_UNSTABLE,
                    Severity::Warning,
                    &issue.message,
                );
            }
            None => {
                self.problems.remove(issue_code::BITRATE_UNSTABLE);
            }
        }
        let known = snapshot.assessment.issues.iter();
        let known = known.filter(|issue| kind_on_air(issue.code.as_str()).is_some());
        known.cloned().chain(unsteady).collect()
    }

    fn choose_step(
        &mut self,
        snapshot: &EncoderSnapshot,
        issues: &[Issue],
        now: Timestamp,
    ) -> Option<Proposal> {
        let config = &self.cx.config.adaptation;
        let window = config.budget.window;
        self.adapting.steps.retain(|at| now.since(*at) < window);
        let record = &self.saved.record;
        if let Some(adaptation) = record
            .adaptation
            .as_ref()
            .filter(|_| self.adapting.steps.is_empty())
        {
            // Taken by an earlier process, or so long ago that it does not matter.
            self.adapting.steps.push(adaptation.changed_at);
        }
        let primary = self.cx.fleet.find(&record.primary.encoder_id)?;
        let facts = AdaptFacts {
            now,
            wanted: &record.config,
            adaptation: record.adaptation.as_ref(),
            verdict: snapshot.assessment.verdict,
            issues,
            calm_since: self.adapting.calm_since,
            min_bitrate: primary.driver.capability().limits.min_bitrate,
            steps: &self.adapting.steps,
        };
        adapt(config, &facts, |settings| {
            self.check_limits(&primary, settings).is_ok()
        })
    }

    /// Takes a step where the stream stays on air, and tells it otherwise.
    async fn take(&mut self, proposal: Proposal) {
        let id = self.record().primary.encoder_id.clone();
        let Ok(primary) = self.encoder(&id) else {
            return;
        };
        let config = self.record().config.clone();
        let adaptation = proposal.adaptation.clone();
        let change = SettingsChange { config, adaptation };
        let settings = change.effective();
        let live = primary.driver.capability().configures_while_streaming;
        if let Some(reason) = (!live).then(|| self.no_way(&settings)).flatten() {
            return self.propose(&proposal, &reason);
        }
        let began = self.cx.clock.instant();
        self.adapting.steps.push(self.cx.clock.now());
        let result = if live {
            self.apply(&primary, &settings).await.map(|_| {
                self.saved.record.adaptation = change.adaptation;
                "changed while it streams".to_owned()
            })
        } else {
            let fault = fault_of(&proposal, &id, self.cx.clock.now());
            let moved = self.hand_over_with(change, &fault, Trigger::Planned).await;
            moved.map(|to| format!("handed over to {to}"))
        };
        let result = match result {
            Ok(how) => self
                .read_back(&settings)
                .await
                .map(|held| format!("{how}; {held}")),
            Err(error) => Err(error),
        };
        let taken = self.cx.clock.instant().saturating_duration_since(began);
        self.report_step(&proposal, &id, taken.as_millis(), &result);
        self.save().await;
    }

    /// Why the settings cannot be changed by a move now.
    fn no_way(&self, settings: &StreamConfig) -> Option<String> {
        let (record, config) = (self.record(), &self.cx.config.failover);
        let now = self.cx.clock.now();
        if let Err(held) = gate(record, config, now) {
            return Some(held.reason);
        }
        // Half of the moves of an hour are kept for faults.
        let hour = std::time::Duration::from_secs(3600);
        let moves = record
            .history
            .iter()
            .filter(|past| past.trigger == Trigger::Planned && now.since(past.finished_at) < hour);
        if moves.count() >= (config.hourly_cap / 2) as usize {
            return Some("the other moves of this hour are kept for faults".to_owned());
        }
        (!self.can_hand_over_settings(settings)).then(|| {
            "the encoder takes settings only while it is idle, and no backup could take over unnoticed"
                .to_owned()
        })
    }

    /// Asks the encoder on air what it holds.
    async fn read_back(&self, settings: &StreamConfig) -> Result<String> {
        let primary = self.encoder(&self.record().primary.encoder_id)?;
        if !primary.driver.capability().reads_back {
            return Ok("it cannot be read back".to_owned());
        }
        let limit = self.cx.config.failover.command_timeout;
        let status = within(limit, "EncoderDriver::status", primary.driver.status()).await?;
        let target = self.record().target(self.record().primary.slot);
        let active = status.active.unwrap_or_default();
        let differences = active.differences(settings, &target);
        if !differences.is_empty() {
            let message = format!("the device holds another {}", differences.join(", "));
            return Err(Error::new(crate::ErrorKind::DeviceRejected, message));
        }
        let bitrate = active
            .bitrate
            .map_or_else(|| "?".to_owned(), |b| b.0.to_string());
        let size = active
            .resolution
            .map_or_else(|| "?".to_owned(), |r| r.to_string());
        Ok(format!("read back bitrate={bitrate} resolution={size}"))
    }

    fn report_step(
        &mut self,
        proposal: &Proposal,
        from: &EncoderId,
        ms: u128,
        result: &Result<String>,
    ) {
        let step = proposal.step.as_str();
        let (severity, outcome, message) = match result {
            Ok(how) => (
                Severity::Warning,
                "succeeded",
                format!("done after {ms} ms: {how}"),
            ),
            Err(error) => (
                Severity::Critical,
                "failed",
                format!("failed after {ms} ms, the old settings stay: {error}"),
            ),
        };
        self.cx
            .metrics
            .observe_remediation(proposal.kind, step, outcome);
        if result.is_ok() && !matches!(proposal.step, Step::Restore { .. }) {
            self.adapting.unproven = Some(Unproven {
                step: proposal.step.clone(),
                cause: proposal.cause.clone(),
                until: self.cx.clock.now().plus(self.cx.config.adaptation.cool_off),
            });
        }
        self.withdraw_proposal();
        let message = format!("{} on {from}: {message}", describe(&proposal.step));
        let note = self.new_note(step, severity, message);
        let threshold = Some(proposal.threshold.clone());
        self.timeline
            .add(note.evidence(proposal.evidence.clone(), threshold));
        self.tell_adaptation();
        self.publish();
    }

    /// Says whether the trouble behind the last step went away.
    fn see_effect(&mut self, issues: &[Issue], now: Timestamp) {
        let Some(unproven) = &self.adapting.unproven else {
            return;
        };
        let lasts = issues.iter().any(|issue| issue.code == unproven.cause);
        if lasts && now < unproven.until {
            return;
        }
        let (name, severity, what) = if lasts {
            (
                "remediation_ineffective",
                Severity::Warning,
                "lasts in spite of",
            )
        } else {
            ("remediation_confirmed", Severity::Info, "is over after")
        };
        let message = format!("{} {what} {}", unproven.cause, unproven.step.as_str());
        self.adapting.unproven = None;
        self.note(name, severity, message);
    }

    /// Tells a step that is not taken.
    pub(super) fn propose(&mut self, proposal: &Proposal, reason: &str) {
        let message = format!("would {}, but {reason}", describe(&proposal.step));
        let told = Some((proposal.kind, proposal.step.clone()));
        let repeated = self.adapting.proposed == told;
        self.adapting.proposed = told;
        self.raise(issue_code::REMEDIATION_PROPOSED, Severity::Info, &message);
        if repeated {
            return;
        }
        let step = proposal.step.as_str();
        self.cx
            .metrics
            .observe_remediation(proposal.kind, step, "proposed");
        let note = self.new_note(issue_code::REMEDIATION_PROPOSED, Severity::Info, message);
        let threshold = Some(proposal.threshold.clone());
        self.timeline
            .add(note.evidence(proposal.evidence.clone(), threshold));
    }

    fn withdraw_proposal(&mut self) {
        self.adapting.proposed = None;
        self.problems.remove(issue_code::REMEDIATION_PROPOSED);
    }

    fn tell_adaptation(&mut self) {
        let Some(adaptation) = self.record().adaptation.clone() else {
            self.problems.remove(issue_code::ADAPTED);
            return;
        };
        let message = format!(
            "runs with {} at {} and {} pictures per second because of {}, {} was asked for",
            adaptation.bitrate,
            adaptation.resolution,
            adaptation.fps,
            adaptation.reason,
            self.record().config.bitrate,
        );
        self.raise(issue_code::ADAPTED, Severity::Warning, &message);
    }
}

fn fault_of(proposal: &Proposal, id: &EncoderId, now: Timestamp) -> Fault {
    Fault {
        cause: proposal.cause.clone(),
        message: format!("{} away from {id}", describe(&proposal.step)),
        since: now,
        reachable: true,
        evidence: proposal.evidence.clone(),
        threshold: Some(proposal.threshold.clone()),
    }
}

/// A step in words, beginning with a verb.
pub(super) fn describe(step: &Step) -> String {
    match step {
        Step::Reduce { bitrate } => format!("reduce the bitrate to {bitrate}"),
        Step::Downscale { resolution } => format!("reduce the picture to {resolution}"),
        Step::SlowDown { fps } => format!("reduce the frame rate to {fps}"),
        Step::Restore {
            bitrate,
            resolution,
            fps,
        } => {
            format!("return to {bitrate} at {resolution} and {fps} pictures per second")
        }
        other => other.as_str().to_owned(),
    }
}
