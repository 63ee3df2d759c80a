use std::sync::Mutex;

use futures::stream::{self, BoxStream, StreamExt};

use super::*;
use crate::driver::{Capability, DeviceEvent};
use crate::model::{
    Action, EncoderId, IncidentId, IssueCode, PublishTarget, Severity, StreamConfig, StreamId,
    Timestamp,
};

fn incident(cause: &'static str) -> Incident {
    Incident {
        id: IncidentId::generate(),
        stream_id: StreamId::generate(),
        encoder_id: EncoderId::generate(),
        cause: IssueCode::new(cause),
        severity: Severity::Critical,
        reachable: true,
        may_fail_over: true,
        backup_ready: false,
        serves_files: false,
        restart_estimate: Duration::from_secs(3),
        switch_estimate: Duration::from_secs(2),
        since: Timestamp::from_millis(0),
    }
}

/// The names of the steps while every one fails.
fn steps(ladder: &Ladder, incident: &Incident) -> Vec<&'static str> {
    let mut tried = Vec::new();
    while let Some(step) = ladder.next_step(incident, &tried) {
        assert!(tried.len() < 100, "the ladder must end");
        tried.push(Attempt {
            step,
            at: Timestamp::from_millis(0),
            succeeded: false,
        });
    }
    tried.iter().map(|attempt| attempt.step.as_str()).collect()
}

#[test]
fn stopped_streams_are_started_once_before_they_move() {
    let ladder = Ladder::default();
    assert_eq!(
        steps(&ladder, &incident(issue_code::STREAM_STOPPED)),
        ["start_in_place"]
    );
    assert_eq!(
        steps(&ladder, &incident(issue_code::STREAM_FAILING)),
        ["restart_in_place"]
    );
}

#[test]
fn a_ready_backup_is_used_unless_a_restart_is_quicker() {
    let ladder = Ladder::default();
    for cause in [issue_code::STREAM_STOPPED, issue_code::STREAM_FAILING] {
        let mut incident = incident(cause);
        incident.backup_ready = true;
        assert!(steps(&ladder, &incident).is_empty());
        incident.restart_estimate = Duration::from_secs(1);
        assert_eq!(steps(&ladder, &incident).len(), 1);
    }
}

#[test]
fn streams_that_cannot_move_get_more_attempts() {
    let mut alone = incident(issue_code::STREAM_STOPPED);
    alone.may_fail_over = false;
    alone.backup_ready = true;
    assert_eq!(
        steps(&Ladder::default(), &alone),
        ["start_in_place", "restart_in_place", "restart_in_place"]
    );
}

#[test]
fn nothing_is_tried_where_it_cannot_help() {
    let ladder = Ladder::default();
    for cause in [
        issue_code::INPUT_LOST,
        issue_code::DEVICE_RESTARTING,
        issue_code::DEVICE_SILENT,
        issue_code::TEMPERATURE_HIGH,
        alarm_code::NO_VIDEO_INPUT,
    ] {
        assert!(steps(&ladder, &incident(cause)).is_empty(), "{cause}");
    }
    let mut silent = incident(issue_code::STREAM_STOPPED);
    silent.reachable = false;
    assert!(steps(&ladder, &silent).is_empty());
    let mut harmless = incident(issue_code::STREAM_STOPPED);
    harmless.severity = Severity::Warning;
    assert!(steps(&ladder, &harmless).is_empty());
    let config = LadderConfig {
        enabled: false,
        ..Default::default()
    };
    let mut alone = incident(issue_code::STREAM_STOPPED);
    alone.may_fail_over = false;
    assert!(steps(&Ladder::new(config), &alone).is_empty());
}

#[test]
fn a_device_that_serves_files_is_told_to_stream_again() {
    let mut serving = incident(issue_code::STREAM_STOPPED);
    serving.serves_files = true;
    assert_eq!(steps(&Ladder::default(), &serving), ["record_stream_mode"]);
    serving.backup_ready = true;
    assert!(
        steps(&Ladder::default(), &serving).is_empty(),
        "moved instead"
    );
}

/// A device that follows orders after `delay`, unless it is broken.
#[derive(Debug)]
struct Device {
    id: EncoderId,
    broken: bool,
    hangs: bool,
    delay: Duration,
    state: Mutex<(DeviceStreamState, Instant)>,
    orders: Mutex<Vec<&'static str>>,
}

impl Device {
    fn new(state: DeviceStreamState) -> Self {
        Self {
            id: EncoderId::generate(),
            broken: false,
            hangs: false,
            delay: Duration::from_millis(700),
            state: Mutex::new((state, Instant::now())),
            orders: Mutex::default(),
        }
    }

    fn order(&self, name: &'static str, state: DeviceStreamState) {
        self.orders.lock().unwrap().push(name);
        *self.state.lock().unwrap() = (state, Instant::now());
    }
}

#[async_trait]
impl EncoderDriver for Device {
    fn id(&self) -> &EncoderId {
        &self.id
    }
    fn capability(&self) -> Capability {
        Capability::default()
    }
    async fn status(&self) -> Result<EncoderStatus> {
        let (state, since) = *self.state.lock().unwrap();
        let arrived = match state {
            DeviceStreamState::Starting if since.elapsed() >= self.delay && !self.broken => {
                DeviceStreamState::Streaming
            }
            state => state,
        };
        Ok(EncoderStatus {
            stream_state: arrived,
            ..Default::default()
        })
    }
    async fn configure(&self, _: &StreamConfig, _: &PublishTarget) -> Result<()> {
        Ok(())
    }
    async fn start(&self) -> Result<()> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.order("start", DeviceStreamState::Starting);
        Ok(())
    }
    async fn stop(&self) -> Result<()> {
        self.order("stop", DeviceStreamState::Idle);
        Ok(())
    }
    async fn control(&self, _: &Action) -> Result<()> {
        Ok(())
    }
    fn events(&self) -> BoxStream<'static, DeviceEvent> {
        stream::pending().boxed()
    }
}

const DEADLINE: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn a_restart_stops_starts_and_waits_for_the_device() {
    let device = Device::new(DeviceStreamState::Failing);
    let begun = Instant::now();
    let step = Step::Restart { deadline: DEADLINE };
    Ladder::default().run(&step, &device).await.unwrap();
    assert_eq!(*device.orders.lock().unwrap(), ["stop", "start"]);
    assert!(begun.elapsed() >= device.delay, "it waits for the effect");
}

#[tokio::test(start_paused = true)]
async fn a_start_does_not_stop_the_device_first() {
    let device = Device::new(DeviceStreamState::Idle);
    let step = Step::Start { deadline: DEADLINE };
    Ladder::default().run(&step, &device).await.unwrap();
    assert_eq!(*device.orders.lock().unwrap(), ["start"]);
}

#[tokio::test(start_paused = true)]
async fn steps_end_at_their_deadline() {
    let mut broken = Device::new(DeviceStreamState::Failing);
    broken.broken = true;
    let mut hanging = Device::new(DeviceStreamState::Failing);
    hanging.hangs = true;
    for device in [broken, hanging] {
        let begun = Instant::now();
        let step = Step::Restart { deadline: DEADLINE };
        let error = Ladder::default().run(&step, &device).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
        assert!(begun.elapsed() <= DEADLINE + Duration::from_millis(2));
    }
}
