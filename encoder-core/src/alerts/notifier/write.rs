//! Writing down what was decided: alerts, then notices, then the groups that say they were told.

use super::{Notifier, SILENCE_MEMORY, STORE_PATIENCE, lock};
use crate::alerts::keep;
use crate::error::Result;
use crate::model::NoticeId;

impl Notifier {
    /// Writes everything that is not written. What fails is tried again at the next pass.
    pub(super) async fn write(&self) {
        let written = self.try_write().await;
        let now = self.clock.now();
        let mut state = self.state();
        match written {
            Ok(()) => state.unwritten_since = None,
            Err(error) => {
                let since = *state.unwritten_since.get_or_insert(now);
                if now.since(since) < STORE_PATIENCE {
                    tracing::debug!(%error, "notices are not stored yet");
                } else {
                    tracing::warn!(%error, "notices are told without being stored");
                }
            }
        }
    }

    /// Whether a notice need not be stored before it is told.
    pub(super) fn is_store_given_up(&self) -> bool {
        let since = self.state().unwritten_since;
        since.is_some_and(|since| self.clock.now().since(since) >= STORE_PATIENCE)
    }

    async fn try_write(&self) -> Result<()> {
        self.write_alerts().await?;
        let changed = self.state().outbox.changed();
        for (id, record) in changed {
            keep::save(
                self.store.as_ref(),
                keep::NOTICES,
                id.as_str(),
                record.as_ref(),
            )
            .await?;
            self.state().outbox.written(&id, record.as_ref());
        }
        self.write_groups().await?;
        self.drop_silences().await
    }

    pub(super) async fn write_alerts(&self) -> Result<()> {
        let alerts = std::mem::take(&mut self.state().alerts);
        let mut left = alerts.clone();
        for id in alerts {
            let entry = lock(&self.book).entry(&id);
            let saved = keep::save(self.store.as_ref(), keep::BOOK, id.as_str(), entry.as_ref());
            if let Err(error) = saved.await {
                self.state().alerts.extend(left);
                return Err(error);
            }
            left.remove(&id);
        }
        Ok(())
    }

    async fn write_groups(&self) -> Result<()> {
        let mut groups = self.state().desk.take_changed().into_iter();
        while let Some((id, group)) = groups.next() {
            let saved = keep::save(
                self.store.as_ref(),
                keep::GROUPS,
                id.as_str(),
                group.as_ref(),
            );
            if let Err(error) = saved.await {
                let mut state = self.state();
                state.desk.put_back(id);
                groups.for_each(|(id, _)| state.desk.put_back(id));
                return Err(error);
            }
        }
        Ok(())
    }

    async fn drop_silences(&self) -> Result<()> {
        let earliest = self.clock.now().minus(SILENCE_MEMORY);
        let old: Vec<_> = {
            let state = self.state();
            let old = state.silences.iter().filter(|s| s.until < earliest);
            old.map(|silence| silence.silence_id.clone()).collect()
        };
        for id in old {
            keep::save::<()>(self.store.as_ref(), keep::SILENCES, id.as_str(), None).await?;
            self.state()
                .silences
                .retain(|silence| silence.silence_id != id);
        }
        Ok(())
    }

    /// Writes one notice as it is now, if it changed.
    pub(super) async fn write_notice(&self, id: &NoticeId) {
        let changed = self.state().outbox.changed_one(id);
        let Some(record) = changed else {
            return;
        };
        let saved = keep::save(
            self.store.as_ref(),
            keep::NOTICES,
            id.as_str(),
            record.as_ref(),
        );
        match saved.await {
            Ok(()) => self.state().outbox.written(id, record.as_ref()),
            Err(error) => tracing::debug!(%error, "a delivery is not stored yet"),
        }
    }
}
