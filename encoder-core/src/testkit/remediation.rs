//! The contract of [`Remediator`] as tests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::time::Instant;

use crate::driver::{Capability, DeviceEvent, EncoderDriver};
use crate::error::Result;
use crate::model::{
    Action, DeviceStreamState, EncoderId, EncoderStatus, IncidentId, IssueCode, PublishTarget,
    Severity, StreamConfig, StreamId, Timestamp, alarm_code, issue_code,
};
use crate::remediation::{Attempt, Incident, Remediator, Step};

/// Expands to one test per item of the contract of [`Remediator`], in a module of the given
/// name. The second argument makes a remediator.
///
/// The tests run on a paused clock, so the crate needs tokio with `macros`, `rt` and
/// `test-util`.
///
/// ```
/// use encoder_core::remediation::Ladder;
///
/// encoder_core::remediation_conformance!(ladder, || Ladder::default());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! remediation_conformance {
    ($name:ident, $make:expr) => {
        $crate::__remediation_items!(remediation_conformance @items $name, $make,);
    };
    (@items $name:ident, $make:expr, $($item:ident)*) => {
        mod $name {
            #[allow(unused_imports, reason = "the factory may need nothing from outside")]
            use super::*;
            $(
                #[tokio::test(start_paused = true)]
                async fn $item() {
                    $crate::testkit::remediation::$item($make).await;
                }
            )*
        }
    };
}

/// The items of the contract, once for all who go through them: hands them, after its own
/// arguments, to the macro that it is given.
#[doc(hidden)]
#[macro_export]
macro_rules! __remediation_items {
    ($then:ident $($arguments:tt)*) => {
        $crate::$then! { $($arguments)*
            ladder_terminates
            no_step_on_a_silent_encoder
            same_input_same_answer
            run_confirms
            run_keeps_its_deadline
        }
    };
}

const MOST_STEPS: usize = 100;

/// What a real clock and a busy machine add to a deadline; a paused clock adds a millisecond.
const SLACK: Duration = Duration::from_millis(250);

/// Incidents of every known cause, in every combination of circumstances.
fn incidents() -> Vec<Incident> {
    let causes = [
        issue_code::STREAM_STOPPED,
        issue_code::STREAM_FAILING,
        issue_code::STREAM_NOT_STARTED,
        issue_code::INPUT_LOST,
        issue_code::DEVICE_RESTARTING,
        issue_code::DEVICE_SILENT,
        issue_code::TEMPERATURE_HIGH,
        alarm_code::STREAMING_FAILED,
        "of_a_custom_driver",
    ];
    let (id, stream_id, encoder_id) = (
        IncidentId::generate(),
        StreamId::generate(),
        EncoderId::generate(),
    );
    let circumstances = (0_u8..16).map(|bits| [1, 2, 4, 8].map(|bit| bits & bit != 0));
    let incident = |cause, [reachable, may_fail_over, backup_ready, quick]: [bool; 4]| Incident {
        id: id.clone(),
        stream_id: stream_id.clone(),
        encoder_id: encoder_id.clone(),
        cause: IssueCode::new(cause),
        severity: Severity::Critical,
        reachable,
        may_fail_over,
        backup_ready,
        serves_files: false,
        restart_estimate: Duration::from_secs(if quick { 1 } else { 9 }),
        switch_estimate: Duration::from_secs(3),
        since: Timestamp::from_millis(0),
    };
    circumstances
        .flat_map(|circumstances| causes.map(|cause| incident(cause, circumstances)))
        .collect()
}

/// Every step the remediator names while each of them fails.
fn climb(remediator: &impl Remediator, incident: &Incident) -> Vec<Step> {
    let mut tried: Vec<Attempt> = Vec::new();
    while let Some(step) = remediator.next_step(incident, &tried) {
        assert!(tried.len() < MOST_STEPS, "no end for {incident:?}");
        tried.push(Attempt {
            step,
            at: Timestamp::from_millis(0),
            succeeded: false,
        });
    }
    tried.into_iter().map(|attempt| attempt.step).collect()
}

/// The different steps the remediator ever names.
fn repertoire(remediator: &impl Remediator) -> Vec<Step> {
    let mut steps = Vec::new();
    for incident in incidents() {
        for step in climb(remediator, &incident) {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    steps
}

/// With every attempt failing, the steps end.
///
/// # Panics
/// When the remediator breaks this item of the contract; likewise the others.
pub async fn ladder_terminates<R: Remediator>(make: impl Fn() -> R) {
    let remediator = make();
    for incident in incidents() {
        climb(&remediator, &incident);
    }
}

/// An encoder that does not answer is told nothing.
pub async fn no_step_on_a_silent_encoder<R: Remediator>(make: impl Fn() -> R) {
    let remediator = make();
    for incident in incidents().iter().filter(|incident| !incident.reachable) {
        assert_eq!(remediator.next_step(incident, &[]), None, "{incident:?}");
    }
}

/// Asked twice, the remediator names the same steps, and so does another one of the same make.
pub async fn same_input_same_answer<R: Remediator>(make: impl Fn() -> R) {
    let remediator = make();
    for incident in incidents() {
        let steps = climb(&remediator, &incident);
        assert_eq!(climb(&remediator, &incident), steps);
        assert_eq!(climb(&make(), &incident), steps);
    }
}

/// `run` is `Ok` when and only when the device streams in the end.
pub async fn run_confirms<R: Remediator>(make: impl Fn() -> R) {
    for step in repertoire(&make()) {
        let patient = Patient::new(Temper::Obedient);
        let outcome = make().run(&step, &patient).await;
        assert!(outcome.is_ok(), "{step:?}: {outcome:?}");
        assert_eq!(patient.state(), DeviceStreamState::Streaming, "{step:?}");

        let patient = Patient::new(Temper::Incurable);
        assert!(make().run(&step, &patient).await.is_err(), "{step:?}");
    }
}

/// `run` is over when the deadline is, whatever the device does.
pub async fn run_keeps_its_deadline<R: Remediator>(make: impl Fn() -> R) {
    for step in repertoire(&make()) {
        for temper in [Temper::Incurable, Temper::Hanging] {
            let begun = Instant::now();
            let outcome = make().run(&step, &Patient::new(temper)).await;
            let (Step::Start { deadline } | Step::Restart { deadline }) = step else {
                continue;
            };
            assert!(begun.elapsed() <= deadline + SLACK, "{step:?}");
            assert!(outcome.is_err(), "{step:?}");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Temper {
    /// Streams some time after it was told to.
    Obedient,
    /// Takes every order and never streams.
    Incurable,
    /// Never answers an order.
    Hanging,
}

/// A device off air, to mend.
#[derive(Debug)]
struct Patient {
    id: EncoderId,
    temper: Temper,
    /// When it was told to start; `None` while it is stopped.
    started: Mutex<Option<Instant>>,
}

impl Patient {
    fn new(temper: Temper) -> Self {
        Self {
            id: EncoderId::generate(),
            temper,
            started: Mutex::default(),
        }
    }

    fn state(&self) -> DeviceStreamState {
        let started = *self.started.lock().unwrap_or_else(PoisonError::into_inner);
        match started {
            None => DeviceStreamState::Idle,
            Some(_) if self.temper == Temper::Incurable => DeviceStreamState::Failing,
            Some(at) if at.elapsed() < Duration::from_millis(300) => DeviceStreamState::Starting,
            Some(_) => DeviceStreamState::Streaming,
        }
    }

    async fn obey(&self, started: Option<Instant>) -> Result<()> {
        if self.temper == Temper::Hanging {
            std::future::pending::<()>().await;
        }
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = started;
        Ok(())
    }
}

#[async_trait]
impl EncoderDriver for Patient {
    fn id(&self) -> &EncoderId {
        &self.id
    }

    fn capability(&self) -> Capability {
        Capability::default()
    }

    async fn status(&self) -> Result<EncoderStatus> {
        Ok(EncoderStatus {
            stream_state: self.state(),
            ..Default::default()
        })
    }

    async fn configure(&self, _: &StreamConfig, _: &PublishTarget) -> Result<()> {
        self.obey(None).await
    }

    async fn start(&self) -> Result<()> {
        self.obey(Some(Instant::now())).await
    }

    async fn stop(&self) -> Result<()> {
        self.obey(None).await
    }

    async fn control(&self, action: &Action) -> Result<()> {
        let message = format!("{} is not supported", action.as_str());
        Err(crate::Error::new(crate::ErrorKind::Unsupported, message))
    }

    fn events(&self) -> BoxStream<'static, DeviceEvent> {
        stream::pending().boxed()
    }
}
