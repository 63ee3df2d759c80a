//! The task that owns an encoder's ffmpeg: the device behind the driver.
//!
//! Everything about a stream happens in here, one thing after the other, so that commands and the
//! life of the process need no lock. A [`Driver`](crate::FfmpegDriver) asks and is answered; when
//! the last handle on it is gone, ffmpeg is told to end, and the task with it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use encoder_core::model::{
    Alarm, DeviceStreamState, OutputReadings, PublishTarget, StreamConfig, alarm_code,
};
use encoder_core::{Error, ErrorKind, Result, StatusChange};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;

use crate::alarms::{self, Parties};
use crate::attempt::Attempt;
use crate::phase::{Happened, Phase, Then};
use crate::progress::Progress;
use crate::setup::Setup;
use crate::tools::Tools;

/// Changes that wait for a slow listener before it loses some and begins anew.
const QUEUE: usize = 64;
/// Below this share of real time a run falls behind, and above the other it has caught up.
const BEHIND: (f64, f64) = (0.9, 0.97);

/// The settings an encoder holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) config: StreamConfig,
    pub(crate) target: PublishTarget,
}

/// The state of an encoder at one moment.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) state: DeviceStreamState,
    pub(crate) held: Option<Held>,
    pub(crate) alarms: Vec<Alarm>,
    pub(crate) output: OutputReadings,
}

pub(crate) type Reply<T = Result<()>> = oneshot::Sender<T>;
/// What a listener gets: the state, and everything after it.
pub(crate) type Subscription = (View, broadcast::Receiver<StatusChange>);

/// What a driver asks of the task.
#[derive(Debug)]
pub(crate) enum Request {
    Configure(Held, Reply),
    Start(Arc<Tools>, Reply),
    Stop(Reply),
    Look(Reply<View>),
    Listen(Reply<Subscription>),
}

/// The task's own state.
#[derive(Debug)]
pub(crate) struct Engine {
    setup: Arc<Setup>,
    requests: mpsc::Receiver<Request>,
    changes: broadcast::Sender<StatusChange>,
    held: Option<Held>,
    tools: Option<Arc<Tools>>,
    phase: Phase,
    state: DeviceStreamState,
    alarms: Vec<Alarm>,
    /// Whether it was on air since the last start.
    was_on_air: bool,
    /// Failures in a row.
    failures: u32,
    /// Who waits for the run to end.
    stopping: Vec<Reply>,
    /// What has to wait for that as well.
    deferred: VecDeque<Request>,
}

impl Engine {
    pub(crate) fn new(setup: Arc<Setup>, requests: mpsc::Receiver<Request>) -> Self {
        Self {
            setup,
            requests,
            changes: broadcast::Sender::new(QUEUE),
            held: None,
            tools: None,
            phase: Phase::Resting,
            state: DeviceStreamState::Idle,
            alarms: Vec::new(),
            was_on_air: false,
            failures: 0,
            stopping: Vec::new(),
            deferred: VecDeque::new(),
        }
    }

    /// Runs until nobody can ask any more.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => self.answer(request).await,
                    None => break,
                },
                happened = self.phase.next(&self.setup.config) => self.take(happened).await,
            }
        }
        self.phase.end(self.setup.config.stop_patience).await;
    }

    // Who does not wait for an answer any more does not need it, hence the unused results.
    async fn answer(&mut self, request: Request) {
        let must_wait = matches!(&self.phase, Phase::Ending(_, Then::Rest));
        match request {
            Request::Look(reply) => {
                let _ = reply.send(self.view());
            }
            Request::Listen(reply) => {
                let _ = reply.send((self.view(), self.changes.subscribe()));
            }
            Request::Stop(reply) => self.stop(reply),
            request if must_wait => self.deferred.push_back(request),
            Request::Configure(held, reply) => {
                let _ = reply.send(self.configure(held));
            }
            Request::Start(tools, reply) => {
                let _ = reply.send(self.start(tools).await);
            }
        }
    }

    async fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Progress(progress) => self.progressed(&progress),
            Happened::Ended(ending) => {
                let lasted = self.phase.lasted();
                let alarm = alarms::ended(&ending, self.parties());
                self.phase = Phase::Resting;
                self.failed(alarm, lasted);
            }
            Happened::Gone(Then::Rest) => self.rest().await,
            Happened::Gone(Then::Fail { alarm, lasted }) => self.failed(alarm, lasted),
            Happened::Due => self.due().await,
        }
    }

    fn configure(&mut self, held: Held) -> Result<()> {
        if self.held.as_ref() == Some(&held) {
            return Ok(());
        }
        if !matches!(self.phase, Phase::Resting) {
            let message = "the encoder takes no settings while it streams; stop it first";
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        self.held = Some(held);
        Ok(())
    }

    async fn start(&mut self, tools: Arc<Tools>) -> Result<()> {
        if self.held.is_none() {
            let message = "the encoder holds no settings; configure it before starting it";
            return Err(Error::new(ErrorKind::DeviceRejected, message));
        }
        self.tools = Some(tools);
        match self.phase {
            Phase::Resting => {
                self.was_on_air = false;
                self.failures = 0;
                self.clear_alarms();
                self.reach(DeviceStreamState::Starting);
                self.attempt().await;
            }
            Phase::Pausing(_) => self.attempt().await,
            Phase::Running(_) | Phase::Ending(..) => {}
        }
        Ok(())
    }

    fn stop(&mut self, reply: Reply) {
        // A start that waits was asked for before this stop.
        self.deferred
            .retain(|request| !matches!(request, Request::Start(..)));
        match std::mem::take(&mut self.phase) {
            Phase::Resting => {
                let _ = reply.send(Ok(()));
                return;
            }
            Phase::Pausing(_) => {
                self.clear_alarms();
                self.reach(DeviceStreamState::Idle);
                let _ = reply.send(Ok(()));
                return;
            }
            Phase::Running(attempt) => {
                let patience = self.setup.config.stop_patience;
                self.phase = Phase::Ending(attempt.stop(patience), Then::Rest);
            }
            Phase::Ending(end, _) => self.phase = Phase::Ending(end, Then::Rest),
        }
        self.stopping.push(reply);
    }

    /// The run is gone, as it was asked to be.
    async fn rest(&mut self) {
        self.clear_alarms();
        self.reach(DeviceStreamState::Idle);
        for reply in self.stopping.drain(..) {
            let _ = reply.send(Ok(()));
        }
        // None of them begins to end anything, so that each is answered for good.
        for request in std::mem::take(&mut self.deferred) {
            Box::pin(self.answer(request)).await;
        }
    }

    async fn attempt(&mut self) {
        let (Some(held), Some(tools)) = (&self.held, &self.tools) else {
            return;
        };
        match Attempt::begin(&self.setup, held, tools).await {
            Ok(attempt) => self.phase = Phase::Running(Box::new(attempt)),
            Err(error) => {
                let alarm = alarms::failed(error.message().to_owned());
                self.failed(alarm, Duration::ZERO);
            }
        }
    }

    fn progressed(&mut self, progress: &Progress) {
        let Phase::Running(attempt) = &mut self.phase else {
            return;
        };
        let now = Instant::now();
        if !attempt.meter.take(progress, now) {
            return;
        }
        let speed = attempt.meter.speed(now);
        if self.state != DeviceStreamState::Streaming {
            self.was_on_air = true;
            self.clear_alarms();
            self.reach(DeviceStreamState::Streaming);
        }
        match speed {
            Some(speed) if speed < BEHIND.0 => self.raise_slow(speed),
            Some(speed) if speed < BEHIND.1 => {}
            _ => self.clear(alarm_code::NETWORK_TOO_SLOW),
        }
    }

    /// Nothing left for too long.
    async fn due(&mut self) {
        let (config, input) = (&self.setup.config, &self.setup.input);
        let waits = !input.never_waits();
        match std::mem::take(&mut self.phase) {
            Phase::Running(attempt) if attempt.meter.grown().is_none() => {
                let limit = config.start_timeout.as_secs_f64();
                let alarm = alarms::overdue(limit, self.parties());
                self.give_up(*attempt, alarm);
            }
            Phase::Running(mut attempt) => {
                let limit = config.stall_timeout.as_secs_f64();
                let alarm = alarms::stalled(limit, waits, self.parties());
                if attempt.stalled {
                    self.give_up(*attempt, alarm);
                } else {
                    attempt.stalled = true;
                    self.phase = Phase::Running(attempt);
                    self.raise(alarm);
                    self.reach(DeviceStreamState::Failing);
                }
            }
            // The pause is over.
            Phase::Pausing(_) => self.attempt().await,
            other => self.phase = other,
        }
    }

    /// Ends a run that does not move, which may take as long as the system wants.
    fn give_up(&mut self, attempt: Attempt, alarm: Alarm) {
        let lasted = attempt.lasted();
        self.phase = Phase::Ending(attempt.kill(), Then::Fail { alarm, lasted });
    }

    /// A run is over that should have gone on: again after a pause, or never.
    fn failed(&mut self, alarm: Alarm, lasted: Duration) {
        tracing::warn!(encoder = %self.setup.id, alarm = alarm.message, "stream failed");
        self.clear_alarms_but(&alarm.code);
        self.raise(alarm);
        if lasted >= self.setup.config.retry_max {
            self.failures = 0;
        }
        if self.was_on_air && self.setup.config.auto_recover {
            let pause = self.setup.config.pause(self.failures);
            self.failures = self.failures.saturating_add(1);
            self.phase = Phase::Pausing(Instant::now() + pause);
            self.reach(DeviceStreamState::Failing);
        } else {
            self.phase = Phase::Resting;
            self.reach(DeviceStreamState::FailingIdle);
        }
    }

    fn parties(&self) -> Parties<'_> {
        let url = self.held.as_ref().map(|held| held.target.url.as_str());
        Parties {
            input: &self.setup.input_name,
            ingest: url.unwrap_or("the ingest"),
        }
    }

    fn view(&self) -> View {
        let output = match (&self.phase, &self.held) {
            (Phase::Running(attempt), Some(held)) => attempt.output(&held.config),
            _ => OutputReadings::default(),
        };
        View {
            state: self.state,
            held: self.held.clone(),
            alarms: self.alarms.clone(),
            output,
        }
    }

    fn reach(&mut self, state: DeviceStreamState) {
        if self.state != state {
            tracing::debug!(encoder = %self.setup.id, from = ?self.state, to = ?state, "state");
            self.state = state;
            self.tell(StatusChange::StreamState(state));
        }
    }

    fn raise(&mut self, alarm: Alarm) {
        if !self.alarms.contains(&alarm) {
            self.alarms.retain(|known| known.code != alarm.code);
            self.alarms.push(alarm.clone());
            self.tell(StatusChange::AlarmRaised(alarm));
        }
    }

    /// Once: a text that only counts on is no news.
    fn raise_slow(&mut self, speed: f64) {
        let known = |alarm: &Alarm| alarm.code == alarm_code::NETWORK_TOO_SLOW;
        if !self.alarms.iter().any(known) {
            self.raise(alarms::slow(speed));
        }
    }

    fn clear(&mut self, code: &str) {
        if self.alarms.iter().any(|alarm| alarm.code == code) {
            self.alarms.retain(|alarm| alarm.code != code);
            self.tell(StatusChange::AlarmCleared(code.to_owned()));
        }
    }

    fn clear_alarms(&mut self) {
        self.clear_alarms_but("");
    }

    fn clear_alarms_but(&mut self, code: &str) {
        let codes: Vec<_> = self.alarms.iter().map(|alarm| alarm.code.clone()).collect();
        for known in codes.iter().filter(|known| *known != code) {
            self.clear(known);
        }
    }

    fn tell(&self, change: StatusChange) {
        // Nobody may be listening.
        let _ = self.changes.send(change);
    }
}
