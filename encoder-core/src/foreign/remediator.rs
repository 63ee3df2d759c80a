//! An object of another language as a remediator.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::ForeignConfig;
use super::decide::Decider;
use super::document::{read_object, write};
use super::lent::call_with;
use super::object::ForeignObject;
use crate::driver::{EncoderDriver, EncoderDriverExt};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{DeviceStreamState, EncoderStatus};
use crate::remediation::{Attempt, Incident, Ladder, Remediator, Step};

/// Time between looks at the device after a step.
const LOOK: Duration = Duration::from_millis(100);

/// Mends in place through `next_step` of an object.
///
/// `next_step` takes an [`Incident`] and the [`Attempt`]s so far, and answers a [`Step`] or `null`.
/// `run` takes a step and a [`LentDriver`](super::LentDriver) and performs the step; an object
/// without `run` has its steps performed by [`Ladder`].
///
/// [`Ladder`] names the step instead when the answer is late, fails, is no step, is a step on an
/// encoder that does not answer, or one that nobody can run. When `run` of the object is done, the
/// device is watched until it reports that it streams, within the deadline of the step.
#[derive(Debug)]
pub struct ForeignRemediator {
    decider: Decider,
    built_in: Ladder,
    config: ForeignConfig,
}

impl ForeignRemediator {
    /// A remediator that asks the object.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] when the object has no `next_step`.
    pub fn new(object: Arc<dyn ForeignObject>, config: &ForeignConfig) -> Result<Self> {
        Ok(Self {
            decider: Decider::new(object, "next_step", config)?,
            built_in: Ladder::default(),
            config: config.clone(),
        })
    }

    /// Takes a ladder with other settings where the object does not decide.
    #[must_use]
    pub fn with_built_in(mut self, built_in: Ladder) -> Self {
        self.built_in = built_in;
        self
    }

    /// How often the built-in ladder named the step instead.
    pub fn fallbacks(&self) -> u64 {
        self.decider.refusals()
    }

    /// Why the built-in ladder named the step instead, the first time that it did.
    pub fn first_refusal(&self) -> Option<&str> {
        self.decider.first_refusal()
    }

    fn runs(&self) -> bool {
        self.decider.object().has("run")
    }

    fn check(&self, step: Option<Step>, incident: &Incident) -> Result<Option<Step>> {
        let Some(step) = step else {
            return Ok(None);
        };
        let complaint = match (incident.reachable, self.runs() || step.deadline().is_some()) {
            (true, true) => return Ok(Some(step)),
            (false, _) => "on an encoder that does not answer",
            (_, false) => "which only an object with run() can perform",
        };
        let message = format!("next_step(): {} {complaint}", step.as_str());
        Err(Error::new(ErrorKind::ValidationFailed, message))
    }

    async fn perform(&self, step: &Step, driver: &dyn EncoderDriver) -> Result<()> {
        let begun = Instant::now();
        call_with(self.decider.object(), "run", write(&(step,))?, driver).await?;
        if let Some(deadline) = step.deadline() {
            let left = deadline.saturating_sub(begun.elapsed());
            driver.wait_until(left, LOOK, streams).await?;
        }
        Ok(())
    }
}

fn streams(status: &EncoderStatus) -> bool {
    status.stream_state == DeviceStreamState::Streaming
}

#[async_trait]
impl Remediator for ForeignRemediator {
    fn next_step(&self, incident: &Incident, tried: &[Attempt]) -> Option<Step> {
        let arguments = write(&(incident, tried));
        let decided = self.decider.ask("next_step", arguments, |answer| {
            let step = read_object("next_step()", answer, ErrorKind::ValidationFailed)?;
            self.check(step, incident)
        });
        decided.unwrap_or_else(|| self.built_in.next_step(incident, tried))
    }

    /// Dropped midway, the call is cancelled on the other side and the driver taken back.
    async fn run(&self, step: &Step, driver: &dyn EncoderDriver) -> Result<()> {
        if !self.runs() {
            return self.built_in.run(step, driver).await;
        }
        let deadline = step.deadline().unwrap_or(self.config.call_deadline);
        let outcome = tokio::time::timeout(deadline, self.perform(step, driver)).await;
        outcome.unwrap_or_else(|_| {
            let message = format!("not done within {} ms", deadline.as_millis());
            Err(Error::new(ErrorKind::DeadlineExceeded, message)
                .with_operation(format!("{}.run", self.decider.object().name()))
                .with_context("encoder", driver.id())
                .with_context("step", step.as_str()))
        })
    }
}
