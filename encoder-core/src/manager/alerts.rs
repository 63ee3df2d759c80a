//! Alerts and who is told of them.

use std::sync::{MutexGuard, PoisonError};

use super::Manager;
use crate::alerts::{AlertBook, NoticeQuery, NoticeRecord, Silence, SinkReport};
use crate::error::Result;
use crate::model::{Alert, AlertId, EventKind, NoticeId, SilenceId, Subject};

impl Manager {
    /// All alerts, newest first: those that hold and the recently resolved.
    pub fn alerts(&self) -> Vec<Alert> {
        self.alert_book().all()
    }

    /// Takes an alert on, so that nobody is reminded of it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound);
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when it is resolved already;
    /// [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable): it is taken on, and
    /// may be forgotten by a restart.
    pub async fn acknowledge_alert(&self, id: &AlertId) -> Result<Alert> {
        self.commanding()?;
        let alert = self.0.notifier.acknowledge(id).await?;
        let cx = &self.0.cx;
        let kind = EventKind::Alert(Box::new(alert.clone()));
        cx.events.publish(Subject::Alerts, cx.clock.now(), kind);
        Ok(alert)
    }

    /// Silences that hold, will hold, or ended in the last week; newest first.
    pub fn silences(&self) -> Vec<Silence> {
        self.0.notifier.silences()
    }

    /// Tells nobody of some alerts for a while.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable).
    pub async fn silence_alerts(&self, silence: Silence) -> Result<Silence> {
        self.commanding()?;
        self.0.notifier.silence(silence).await
    }

    /// Ends a silence now. Alerts that still hold are told then.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound);
    /// [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable).
    pub async fn end_silence(&self, id: &SilenceId) -> Result<Silence> {
        self.commanding()?;
        self.0.notifier.end_silence(id).await
    }

    /// Notices that are remembered and wanted, newest first: what waits, what was sent, and the
    /// dead letters.
    pub fn notices(&self, query: &NoticeQuery) -> Vec<NoticeRecord> {
        self.0.notifier.notices(query)
    }

    /// Tries the dead letters of a notice again, from the first attempt on.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound);
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when it has none;
    /// [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable).
    pub async fn retry_notice(&self, id: &NoticeId) -> Result<NoticeRecord> {
        self.commanding()?;
        self.0.notifier.retry(id).await
    }

    /// All sinks, by name, and how they are doing.
    pub fn alert_sinks(&self) -> Vec<SinkReport> {
        self.0.notifier.sinks()
    }

    /// Hands a test notice to a sink, past outbox and rates.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound); what the sink answered;
    /// [`ErrorKind::DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded) when it did not answer.
    pub async fn test_alert_sink(&self, name: &str) -> Result<()> {
        self.commanding()?;
        self.0.notifier.test(name).await
    }

    pub(super) fn alert_book(&self) -> MutexGuard<'_, AlertBook> {
        self.0.alerts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
