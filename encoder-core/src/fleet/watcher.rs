//! One task per encoder: it listens to the device's own feed, polls beside it, and concludes.
//!
//! The feed is fast and may break; the poll is slow and proves that the device answers. Both
//! write into one [`History`], and the [`HealthPolicy`](crate::health::HealthPolicy) says what it
//! means. A poll runs beside the feed, so a device that hangs on a request is still heard.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::context::FleetContext;
use super::encoder::{Duty, Encoder};
use super::snapshot::EncoderSnapshot;
use super::thermostat::{Conclusion, Observed};
use crate::driver::DeviceEvent;
use crate::error::{Error, ErrorKind, Result};
use crate::health::{ConnectionOutlook, ContactOutcome, History};
use crate::model::{ConnectionHealth, EncoderStatus, EventKind, Subject, Verdict};

/// Least share of load that polls of a cooling encoder are slowed down by.
const LEAST_SHARE: f64 = 0.2;

/// So many times in an interval idle encoders are polled, all that are due.
const GATHERED: u32 = 32;

type Poll = BoxFuture<'static, (Duration, Result<EncoderStatus>)>;

pub(super) struct Watcher {
    encoder: Arc<Encoder>,
    context: FleetContext,
    history: History,
    duty: watch::Receiver<Duty>,
    next_poll: Instant,
    /// Whether the next poll was asked for and does not wait for the burst limit.
    is_asked: bool,
    next_report: Instant,
    outlook: ConnectionOutlook,
    next_outlook: Instant,
}

impl Watcher {
    pub(super) fn new(encoder: Arc<Encoder>, context: FleetContext) -> Self {
        let now = context.clock.instant();
        let wall = context.clock.now();
        Self {
            history: History::new(context.config.watch.history.clone(), now, wall),
            duty: encoder.duty.subscribe(),
            next_poll: now,
            is_asked: false,
            next_report: now,
            outlook: ConnectionOutlook::default(),
            next_outlook: now,
            encoder,
            context,
        }
    }

    /// Watches until the encoder's tasks are told to end.
    pub(super) async fn run(mut self) {
        let encoder = Arc::clone(&self.encoder);
        let mut feed = encoder.driver.events();
        let mut feed_open = true;
        let mut poll: Option<Poll> = None;
        loop {
            if poll.is_none() && self.context.clock.instant() >= self.next_poll {
                poll = self.start_poll();
            }
            let next_step = encoder.thermostat().wakes_at();
            tokio::select! {
                // In this order, so that the same happenings are concluded from in the same way; the
                // feed, which may always have more to tell, is last and keeps nobody waiting.
                biased;
                changed = self.duty.changed() => match changed {
                    Ok(()) => self.duty_changed(),
                    Err(_) => return,
                },
                (latency, result) = finished(&mut poll) => {
                    poll = None;
                    self.polled(latency, result);
                }
                () = sleep_until(self.next_poll), if poll.is_none() => {}
                () = encoder.look_now.notified(), if poll.is_none() => {
                    self.next_poll = self.context.clock.instant();
                    self.is_asked = true;
                }
                () = encoder.think_again.notified() => self.conclude(None),
                () = sleep_until_some(next_step) => self.conclude(None),
                event = feed.next(), if feed_open => match event {
                    Some(event) => self.heard(event),
                    None => feed_open = false,
                },
            }
        }
    }

    /// Polls now or, when it can wait and the burst limit is reached, as soon as that allows.
    fn start_poll(&mut self) -> Option<Poll> {
        if self.is_urgent() {
            self.encoder.budget.spend_exempt();
        } else if let Err(earliest) = self.encoder.budget.try_spend() {
            self.next_poll = earliest;
            return None;
        }
        self.is_asked = false;
        let driver = Arc::clone(&self.encoder.bare);
        let limit = self.context.config.watch.timeout;
        Some(Box::pin(async move {
            let began = tokio::time::Instant::now();
            let result = match tokio::time::timeout(limit, driver.status()).await {
                Ok(result) => result,
                Err(_) => Err(Error::new(
                    ErrorKind::DeviceUnreachable,
                    format!("no answer within {} ms", limit.as_millis()),
                )),
            };
            (began.elapsed(), result)
        }))
    }

    /// Whether a poll may not wait: it proves that a stream is on air, finds out about a silence,
    /// or somebody waits for it.
    fn is_urgent(&self) -> bool {
        let publishes = self.history.stream_state().is_some_and(|s| s.may_publish());
        self.is_asked
            || publishes
            || *self.duty.borrow() == Duty::Publishing
            || self.history.silence().next().is_some()
    }

    fn polled(&mut self, latency: Duration, result: Result<EncoderStatus>) {
        let now = self.context.clock.instant();
        self.encoder.tally.polled(latency, &result);
        match result {
            Ok(status) => {
                self.history
                    .record_contact(now, ContactOutcome::Answered { latency });
                self.history.record_status(now, status);
            }
            Err(error) => {
                tracing::debug!(encoder = %self.encoder.id(), %error, "status poll failed");
                self.history
                    .record_contact(now, ContactOutcome::Failed { kind: error.kind() });
            }
        }
        self.conclude(Some(now));
        self.next_poll = self.next_look();
        self.encoder.polls.send_modify(|count| *count += 1);
    }

    fn heard(&mut self, event: DeviceEvent) {
        let now = self.context.clock.instant();
        match event {
            DeviceEvent::Snapshot(status) => {
                self.history.record_feed_up(now);
                self.history.record_contact(now, ContactOutcome::Spoke);
                self.history.record_status(now, *status);
            }
            DeviceEvent::Changed(change) => {
                tracing::debug!(encoder = %self.encoder.id(), ?change, "device event");
                self.history.record_contact(now, ContactOutcome::Spoke);
                self.history.record_change(now, change);
            }
            DeviceEvent::FeedLost { reason } => {
                tracing::debug!(encoder = %self.encoder.id(), reason, "event feed lost");
                self.history.record_feed_lost();
                // The poll decides whether the device or only its feed is gone.
                self.next_poll = now;
                self.is_asked = true;
            }
        }
        self.conclude(Some(now));
    }

    fn duty_changed(&mut self) {
        let now = self.context.clock.instant();
        let duty = *self.duty.borrow_and_update();
        let publishing = duty == Duty::Publishing;
        if publishing && self.history.publishing_intended_since().is_none() {
            // What an encoder did as a spare says nothing about it as a publisher.
            self.history.start_afresh();
        }
        self.history.intend_publishing(now, publishing);
        self.next_poll = now;
        self.conclude(None);
    }

    /// When to poll after a poll. Encoders of the pool are polled together with their neighbours in
    /// time: to wake for each of them costs about as much as the request.
    fn next_look(&self) -> Instant {
        let interval = self.interval();
        let next = self.context.clock.instant() + interval;
        match *self.duty.borrow() {
            Duty::Free => round_up(next, self.context.begun, interval / GATHERED),
            Duty::Held | Duty::Publishing => next,
        }
    }

    fn interval(&self) -> Duration {
        let config = &self.context.config.watch;
        let duty = *self.duty.borrow();
        match self.encoder.snapshot().assessment.verdict {
            Verdict::Silent => config.silent_interval,
            _ if self.history.silence().next().is_some() => config.retry_interval,
            // What notices that a stream went silent is never slowed down.
            _ if duty == Duty::Publishing => config.active_interval,
            _ if duty == Duty::Free => self.relieved(config.idle_interval),
            _ => self.relieved(config.active_interval),
        }
    }

    /// The interval of a cooling encoder grows as its share of load falls, five times at most.
    fn relieved(&self, interval: Duration) -> Duration {
        interval.div_f64(self.encoder.snapshot().share.max(LEAST_SHARE))
    }

    /// Judges what is known and tells everybody whom it concerns. `observed` is when the device
    /// showed something, if it did.
    fn conclude(&mut self, observed: Option<Instant>) {
        let now = self.context.clock.instant();
        self.look_ahead(now);
        let snapshot = self.judge(now, observed);
        let mut changed = false;
        let restarts = self.history.restarts().total();
        let at = self.context.clock.now();
        self.encoder.tally.passed(at, restarts);
        self.encoder.snapshots.send_if_modified(|current| {
            changed = snapshot.differs_from(current);
            *current = Arc::new(snapshot);
            changed
        });
        if changed {
            self.context.board_changed();
        }
        if changed || now >= self.next_report {
            self.next_report = now + self.context.config.watch.report_interval;
            self.report(observed);
        }
    }

    /// Looks for patterns and the next threshold crossing, at the pace of the slow collection.
    fn look_ahead(&mut self, now: Instant) {
        if now < self.next_outlook {
            return;
        }
        let config = &self.context.config;
        self.next_outlook = now + config.watch.slow_interval;
        let limit = config.direct.temperature_celsius;
        self.outlook = self.context.connection.outlook(&self.history, limit, now);
    }

    fn judge(&self, now: Instant, observed: Option<Instant>) -> EncoderSnapshot {
        let history = &self.history;
        let mut assessment = self.context.policy.assess(history, now);
        let mut connection = self.context.connection.connection_health(history, now);
        connection.pool = self.encoder.driver.connections();
        self.outlook.complete(&mut assessment, &mut connection);
        let heat = self.judge_heat(now, assessment.verdict, &connection);
        EncoderSnapshot {
            status: history.status().cloned(),
            assessment,
            connection,
            heat: heat.heat,
            cooling: heat.cooling,
            share: heat.share,
            overheating: heat.overheating,
            last_alive: history.last_alive(),
            last_seen_at: history.last_alive().map(|at| history.wall(at)),
            silent_since: history.silence().next().map(|contact| contact.at),
            stream_state_at: history.stream_state_since().map(|at| history.wall(at)),
            reboots: history.reboot_report(&self.context.config.reboots, now),
            observed,
        }
    }

    fn judge_heat(
        &self,
        now: Instant,
        verdict: Verdict,
        connection: &ConnectionHealth,
    ) -> Conclusion {
        let publishes = self.history.stream_state().is_some_and(|s| s.may_publish());
        let observed = Observed {
            history: &self.history,
            connection,
            usage: self.encoder.budget.usage(now),
            answers: !matches!(verdict, Verdict::Unknown | Verdict::Silent),
            publishes,
        };
        let context = &self.context;
        let mut thermostat = self.encoder.thermostat();
        thermostat.conclude(&context.config, &context.clock, &observed)
    }

    fn report(&self, observed: Option<Instant>) {
        let report = self.context.view(&self.encoder).health_report();
        let subject = Subject::Encoder(self.encoder.id().clone());
        let kind = EventKind::HealthUpdate(Box::new(report));
        self.context
            .events
            .publish_observed(subject, self.context.clock.now(), kind, observed);
    }
}

/// The first multiple of `step` since `origin` that is not before `moment`.
fn round_up(moment: Instant, origin: Instant, step: Duration) -> Instant {
    let since = moment.saturating_duration_since(origin);
    let beyond = since.as_nanos().checked_rem(step.as_nanos()).unwrap_or(0);
    match u64::try_from(beyond) {
        Ok(0) | Err(_) => moment,
        Ok(beyond) => moment + step - Duration::from_nanos(beyond),
    }
}

async fn finished(poll: &mut Option<Poll>) -> (Duration, Result<EncoderStatus>) {
    match poll {
        Some(poll) => poll.await,
        None => pending().await,
    }
}

async fn sleep_until(moment: Instant) {
    tokio::time::sleep_until(moment.into()).await;
}

async fn sleep_until_some(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_gathered_on_a_grid() {
        let origin = Instant::now();
        let at = |millis| origin + Duration::from_millis(millis);
        let step = Duration::from_millis(150);
        for (moment, gathered) in [(0, 0), (1, 150), (150, 150), (151, 300)] {
            assert_eq!(round_up(at(moment), origin, step), at(gathered), "{moment}");
        }
        assert_eq!(round_up(at(7), origin, Duration::ZERO), at(7), "no grid");
        let earlier = origin - Duration::from_millis(1);
        assert_eq!(round_up(earlier, origin, step), earlier);
    }
}
