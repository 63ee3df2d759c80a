//! Delivering to one sink.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{Notifier, lock, shown};
use crate::alerts::desk::View;
use crate::alerts::notice::{DeliveryState, Notice, NoticeAlert};
use crate::alerts::outbox::{Next, Outcome};
use crate::alerts::route::sinks_for;
use crate::alerts::sink::AlertSink;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::Timestamp;

/// A delivery that is under way when the manager shuts down may still finish for this long.
const GRACE: Duration = Duration::from_secs(2);

/// Longest text that is kept of an error.
const MAX_ERROR: usize = 300;

impl Notifier {
    /// Delivers one notice after the other until told to end.
    pub(super) async fn work(self: Arc<Self>, sink: Arc<dyn AlertSink>, token: CancellationToken) {
        let mut mirror_at = Timestamp::from_millis(0);
        while !token.is_cancelled() {
            let (name, now) = (sink.name(), self.clock.now());
            if self.mirrors_now(sink.as_ref(), mirror_at) {
                self.mirror(sink.as_ref(), &token).await;
                mirror_at = self
                    .clock
                    .now()
                    .plus(sink.mirror_interval().unwrap_or_default());
                continue;
            }
            let until = match self.next(name, now) {
                Next::Deliver(notice) => {
                    self.deliver(sink.as_ref(), &notice, &token).await;
                    continue;
                }
                Next::Wait(at) => Some(at),
                Next::Idle => None,
            };
            let mirror_at = sink.mirror_interval().map(|_| mirror_at.max(now));
            let until = until.into_iter().chain(mirror_at).min();
            self.rest(name, until, &token).await;
        }
    }

    fn next(&self, name: &str, now: Timestamp) -> Next {
        let unwritten = self.is_store_given_up();
        let state = self.state();
        if state.leads && self.lease.check().is_ok() {
            state.outbox.next(name, now, unwritten)
        } else {
            Next::Idle
        }
    }

    /// Waits for news, or until then.
    async fn rest(&self, name: &str, until: Option<Timestamp>, token: &CancellationToken) {
        let pause = until.map(|at| at.since(self.clock.now()).max(Duration::from_millis(10)));
        let timer = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        let wake = self.wakes.get(name);
        let wake = wake.expect("every sink has one");
        tokio::select! {
            () = token.cancelled() => {}
            () = wake.notified() => {}
            () = timer => {}
        }
    }

    async fn deliver(&self, sink: &dyn AlertSink, notice: &Notice, token: &CancellationToken) {
        let name = sink.name();
        let attempt = self.attempt(sink, notice);
        let Some(result) = unless_ended(attempt, token).await else {
            return;
        };
        let outcome = match result {
            Ok(()) => Outcome::Sent,
            Err(error) => {
                tracing::warn!(sink = name, notice = %notice.notice_id, %error, "notice not taken");
                outcome(&error)
            }
        };
        let (now, draw) = (self.clock.now(), rand::random());
        let id = &notice.notice_id;
        let state = self.state().outbox.finish(id, name, outcome, draw, now);
        match state {
            Some(DeliveryState::Sent) => self.metrics.observe_notification(name, "sent"),
            Some(DeliveryState::DeadLetter) => {
                self.metrics.observe_notification(name, "dead_letter");
                tracing::error!(sink = name, notice = %id, "notice given up; it can be retried");
            }
            _ => self.metrics.observe_notification(name, "failed"),
        }
        self.write_notice(id).await;
        let waiting = self.state().outbox.waiting(name);
        self.metrics.set_alert_queue(name, waiting);
    }

    /// One delivery within its time. A sink that panics has failed, and goes on.
    pub(super) async fn attempt(&self, sink: &dyn AlertSink, notice: &Notice) -> Result<()> {
        self.within_time(sink.deliver(notice)).await
    }

    async fn within_time(&self, call: impl Future<Output = Result<()>> + Send) -> Result<()> {
        let limit = self.config.delivery.timeout;
        let failed = |message: String| {
            let error = Error::new(ErrorKind::DeadlineExceeded, message);
            Err(error.with_retry(Retry::Safe))
        };
        match tokio::time::timeout(limit, AssertUnwindSafe(call).catch_unwind()).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => failed("the sink broke; this is a defect in it".to_owned()),
            Err(_) => failed(format!("no answer within {} ms", limit.as_millis())),
        }
    }

    fn mirrors_now(&self, sink: &dyn AlertSink, at: Timestamp) -> bool {
        let due = sink.mirror_interval().is_some() && self.clock.now() >= at;
        due && self.state().leads && self.lease.check().is_ok()
    }

    async fn mirror(&self, sink: &dyn AlertSink, token: &CancellationToken) {
        let open = self.shown_to(sink.name());
        if open.is_empty() {
            return;
        }
        let now = self.clock.now();
        let posted = unless_ended(self.within_time(sink.mirror(&open, now)), token).await;
        if let Some(Err(error)) = posted {
            self.metrics.observe_notification(sink.name(), "failed");
            tracing::warn!(sink = sink.name(), %error, "open alerts not taken; trying again");
        }
    }

    fn shown_to(&self, name: &str) -> Vec<NoticeAlert> {
        let open: Vec<_> = lock(&self.book).open_entries().collect();
        let state = self.state();
        let view = View {
            facts: &state.facts,
            silences: &state.silences,
            now: self.clock.now(),
        };
        let mut shown = shown(&open, view);
        shown.retain(|told| sinks_for(&self.routes, told).contains(name));
        shown
    }
}

async fn unless_ended<T>(call: impl Future<Output = T>, token: &CancellationToken) -> Option<T> {
    let ended = async {
        token.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        done = call => Some(done),
        () = ended => None,
    }
}

fn outcome(error: &Error) -> Outcome {
    let text: String = error.to_string().chars().take(MAX_ERROR).collect();
    let text = text.replace(char::is_control, " ");
    if error.retry() != Retry::Safe {
        return Outcome::Refused(text);
    }
    let mut context = error.context().iter();
    let asked = context.find(|(key, _)| *key == "retry_after_seconds");
    let asked = asked.and_then(|(_, value)| value.parse().ok());
    Outcome::Failed(text, asked.map(Duration::from_secs))
}
