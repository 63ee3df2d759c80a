//! What people ask of the notifier.

use std::collections::BTreeSet;

use super::{Notifier, lock};
use crate::alerts::keep;
use crate::alerts::notice::{DeliveryState, Notice, NoticeRecord};
use crate::alerts::silence::Silence;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Alert, AlertId, NoticeId, SilenceId, Timestamp};

/// Which notices are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoticeQuery {
    /// With a delivery to this sink.
    pub sink: Option<String>,
    /// With a delivery in this state.
    pub state: Option<DeliveryState>,
    /// Written at this time or later.
    pub from: Option<Timestamp>,
    /// Written before this time.
    pub to: Option<Timestamp>,
}

impl NoticeQuery {
    fn wants(&self, record: &NoticeRecord) -> bool {
        let at = record.notice.created_at;
        let mut deliveries = record.deliveries.iter();
        self.from.is_none_or(|from| at >= from)
            && self.to.is_none_or(|to| at < to)
            && deliveries.any(|(sink, delivery)| {
                self.sink.as_ref().is_none_or(|wanted| wanted == sink)
                    && self.state.is_none_or(|wanted| wanted == delivery.state)
            })
    }
}

/// A sink, and how it is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkReport {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: &'static str,
    /// Deliveries that wait, those held for a digest included.
    pub waiting: usize,
    /// Dead letters that can be retried.
    pub dead_letters: usize,
    /// When it last took a notice; `None` when it never did, as far as is remembered.
    pub last_sent_at: Option<Timestamp>,
    /// What it said to the latest attempt that failed, unless one succeeded since.
    pub last_error: Option<String>,
}

impl Notifier {
    /// Notices that are remembered and wanted, newest first.
    pub(crate) fn notices(&self, query: &NoticeQuery) -> Vec<NoticeRecord> {
        let state = self.state();
        let all = state.outbox.all().rev();
        all.filter(|record| query.wants(record)).cloned().collect()
    }

    /// Tries the dead letters of a notice again.
    pub(crate) async fn retry(&self, id: &NoticeId) -> Result<NoticeRecord> {
        let sinks: BTreeSet<_> = self.sinks.keys().cloned().collect();
        let record = self.state().outbox.retry(id, &sinks)?;
        keep::save(
            self.store.as_ref(),
            keep::NOTICES,
            id.as_str(),
            Some(&record),
        )
        .await?;
        self.state().outbox.written(id, Some(&record));
        self.wake_all();
        Ok(record)
    }

    /// Delivers a test notice, past outbox and rates. Returns what the sink answered.
    pub(crate) async fn test(&self, name: &str) -> Result<()> {
        let Some(sink) = self.sinks.get(name) else {
            let error = Error::new(ErrorKind::NotFound, "no such sink");
            return Err(error.with_context("sink", name));
        };
        let notice = Notice::test(self.clock.now());
        self.attempt(sink.as_ref(), &notice).await
    }

    /// All sinks, by name.
    pub(crate) fn sinks(&self) -> Vec<SinkReport> {
        let state = self.state();
        let of = |name: &str| {
            let deliveries = state.outbox.all().filter_map(|r| r.deliveries.get(name));
            let deliveries: Vec<_> = deliveries.collect();
            let sent = deliveries.iter().filter(|d| d.state == DeliveryState::Sent);
            let dead = deliveries
                .iter()
                .filter(|d| d.state == DeliveryState::DeadLetter);
            let failed = deliveries.iter().rev().find(|d| d.attempts > 0);
            (
                dead.count(),
                sent.filter_map(|delivery| delivery.finished_at).max(),
                failed.and_then(|delivery| delivery.error.clone()),
            )
        };
        let report = |(name, sink): (&String, &std::sync::Arc<dyn super::AlertSink>)| {
            let (dead_letters, last_sent_at, last_error) = of(name);
            SinkReport {
                name: name.clone(),
                kind: sink.kind(),
                waiting: state.outbox.waiting(name),
                dead_letters,
                last_sent_at,
                last_error,
            }
        };
        self.sinks.iter().map(report).collect()
    }

    /// Silences that hold, will hold, or ended not long ago; newest first.
    pub(crate) fn silences(&self) -> Vec<Silence> {
        let mut silences = self.state().silences.clone();
        silences.sort_by(|a, b| b.silence_id.cmp(&a.silence_id));
        silences
    }

    /// Adds a silence.
    pub(crate) async fn silence(&self, silence: Silence) -> Result<Silence> {
        self.save_silence(&silence).await?;
        self.state().silences.push(silence.clone());
        self.news.notify_one();
        Ok(silence)
    }

    /// Ends a silence now. Ending it twice is harmless.
    pub(crate) async fn end_silence(&self, id: &SilenceId) -> Result<Silence> {
        let now = self.clock.now();
        let known = self
            .state()
            .silences
            .iter()
            .find(|s| s.silence_id == *id)
            .cloned();
        let Some(mut silence) = known else {
            let error = Error::new(ErrorKind::NotFound, "no such silence");
            return Err(error.with_context("silence", id));
        };
        silence.until = silence.until.min(now);
        self.save_silence(&silence).await?;
        let mut state = self.state();
        let known = state.silences.iter_mut().find(|s| s.silence_id == *id);
        if let Some(known) = known {
            known.clone_from(&silence);
        }
        drop(state);
        self.news.notify_one();
        Ok(silence)
    }

    async fn save_silence(&self, silence: &Silence) -> Result<()> {
        let (store, id) = (self.store.as_ref(), silence.silence_id.as_str());
        keep::save(store, keep::SILENCES, id, Some(silence)).await
    }

    /// Somebody takes an alert on; stored before it is answered.
    pub(crate) async fn acknowledge(&self, id: &AlertId) -> Result<Alert> {
        let alert = lock(&self.book).acknowledge(id)?;
        let entry = lock(&self.book).entry(id);
        keep::save(self.store.as_ref(), keep::BOOK, id.as_str(), entry.as_ref()).await?;
        Ok(alert)
    }
}
