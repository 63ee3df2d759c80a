//! Writes down what the watchers know, and keeps it over restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::history::{History, HistoryQuery};
use super::series::{Metric, SeriesBook, SeriesConfig, SeriesSubject};
use crate::error::Result;
use crate::fleet::Fleet;
use crate::model::{EncoderState, EncoderStatus, EncoderView, Health, Heat, Timestamp};
use crate::operations::lease::Leadership;
use crate::store::{SeriesChunk, SeriesRange, StateStore};
use crate::tasks::Clock;

/// Chunks that are written at once. Between two such writes those of streams get their turn.
const BATCH: usize = 256;

/// Time between looks for what is older than it is kept.
const PRUNE: Duration = Duration::from_secs(3600);

/// The book, shared by those who write and those who read.
#[derive(Clone, Debug)]
pub(crate) struct SharedSeries(Arc<Mutex<SeriesBook>>);

impl SharedSeries {
    pub(crate) fn new(config: &SeriesConfig) -> Self {
        Self(Arc::new(Mutex::new(SeriesBook::new(config))))
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, SeriesBook> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers from memory, and from the store where memory does not reach back.
    pub(crate) async fn history(
        &self,
        store: &dyn StateStore,
        config: &SeriesConfig,
        query: &HistoryQuery,
    ) -> Result<History> {
        query.check()?;
        let step = query.step.unwrap_or(config.interval);
        let (plan, needs_store) = {
            let book = self.book();
            let plan = book.plan(query.from, query.to, step);
            (plan, book.needs_store(&plan))
        };
        let tier = config.tiers.get(plan.tier);
        let stored = match (tier, store.series()) {
            (Some(tier), Some(series)) if needs_store && config.persist => {
                let range = SeriesRange {
                    subject: query.subject.to_string(),
                    step: tier.step,
                    from: plan.at(0).minus(tier.chunk()),
                    to: query.to,
                };
                by_metric(series.load(&range).await?)
            }
            _ => BTreeMap::new(),
        };
        let book = self.book();
        let mut known = book.metrics(&query.subject);
        known.extend(stored.keys());
        let wanted = |metric: &Metric| query.metrics.is_empty() || query.metrics.contains(metric);
        let answered = known.into_iter().filter(wanted).map(|metric| {
            let stored = stored.get(&metric).map_or(&[][..], Vec::as_slice);
            let points = book.points(&plan, &query.subject, metric, stored);
            (metric, points)
        });
        Ok(History {
            subject: query.subject.clone(),
            from: query.from,
            to: query.to,
            step: plan.step(),
            series: answered.collect(),
        })
    }
}

fn by_metric(chunks: Vec<SeriesChunk>) -> BTreeMap<Metric, Vec<SeriesChunk>> {
    let mut sorted = BTreeMap::<Metric, Vec<SeriesChunk>>::new();
    for chunk in chunks {
        // A metric of another release is nobody's business here.
        if let Ok(metric) = chunk.metric.parse() {
            sorted.entry(metric).or_default().push(chunk);
        }
    }
    sorted
}

/// Gives the manager's own figures, as far as they are known.
pub(crate) type FigureSource = Arc<dyn Fn() -> Vec<(Metric, f64)> + Send + Sync>;

/// Samples fleet and manager at each interval.
pub(crate) struct Recorder {
    pub(crate) series: SharedSeries,
    pub(crate) config: SeriesConfig,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) own: FigureSource,
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) lease: Leadership,
    pub(crate) clock: Clock,
}

impl Recorder {
    /// Records until told to shut down, and then writes what the store does not have yet. Nothing
    /// is written before everything was read, because a chunk replaces the one of the same hour.
    pub(crate) async fn run(self, token: CancellationToken) {
        let mut restored = self.restore().await;
        let mut flushes = interval(self.config.flush);
        let mut prunes = interval(PRUNE);
        flushes.reset();
        let mut last = 0;
        loop {
            tokio::select! {
                biased;
                () = token.cancelled() => break,
                at = self.tick(&mut last) => self.sample(at).await,
                _ = flushes.tick() => {
                    if restored {
                        self.flush().await;
                    } else {
                        restored = self.restore().await;
                    }
                }
                _ = prunes.tick() => self.prune().await,
            }
        }
        if restored {
            self.flush().await;
        }
    }

    /// Waits for the next whole interval of the wall clock, so that each bucket gets its sample
    /// and the samples of all encoders and restarts lie side by side. `last` is the interval that
    /// was waited for before.
    async fn tick(&self, last: &mut i64) -> Timestamp {
        let every = millis(self.config.interval);
        let now = self.clock.now().as_millis();
        let mut next = now.div_euclid(every) + 1;
        // Woken a moment early, the same interval is not taken twice.
        if (next..next + 2).contains(last) {
            next = *last + 1;
        }
        tokio::time::sleep(Duration::from_millis((next * every - now).unsigned_abs())).await;
        *last = next;
        let woken = self.clock.now().as_millis();
        Timestamp::from_millis((woken + every / 2).div_euclid(every) * every)
    }

    async fn sample(&self, at: Timestamp) {
        let own = (self.own)();
        self.series.book().record_manager(at, &own);
        let mut gone: BTreeSet<_> = self.series.book().subjects().into_iter().collect();
        gone.remove(&SeriesSubject::Manager);
        let encoders = self.fleet.all();
        for encoder in &encoders {
            let view = self.fleet.view(encoder);
            let subject = SeriesSubject::Encoder(encoder.id().clone());
            let mut book = self.series.book();
            for (metric, value) in readings(&view) {
                book.record(&subject, metric, at, value);
            }
            gone.remove(&subject);
        }
        for subject in gone {
            self.forget(&subject).await;
        }
    }

    async fn forget(&self, subject: &SeriesSubject) {
        if let Some(store) = self.store.series().filter(|_| self.keeps())
            && let Err(error) = store.forget(&subject.to_string()).await
        {
            // It stays in the book, so the next sample tries again.
            tracing::warn!(%error, %subject, "recorded series not removed");
            return;
        }
        self.series.book().forget(subject);
    }

    /// Whether this manager writes to the store. One that stands by records all the same, and
    /// writes when it leads.
    fn keeps(&self) -> bool {
        self.config.persist && self.lease.check().is_ok()
    }

    /// Reads what was kept in memory before the restart. Returns whether that is done.
    async fn restore(&self) -> bool {
        let Some(store) = self.store.series().filter(|_| self.config.persist) else {
            return true;
        };
        let encoders = self.fleet.all();
        let subjects = encoders
            .iter()
            .map(|encoder| SeriesSubject::Encoder(encoder.id().clone()));
        let now = self.clock.now();
        for subject in subjects.chain([SeriesSubject::Manager]) {
            for tier in &self.config.tiers {
                let range = SeriesRange {
                    subject: subject.to_string(),
                    step: tier.step,
                    from: now.minus(tier.memory).minus(tier.chunk()),
                    to: now.plus(tier.chunk()),
                };
                match store.load(&range).await {
                    Ok(chunks) => self.series.book().restore(&subject, &chunks),
                    Err(error) => {
                        tracing::warn!(%error, %subject, "recorded series not read; trying again");
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Writes what the store does not have yet, some series at a time. What could not be written
    /// is tried again the next time.
    async fn flush(&self) {
        let Some(store) = self.store.series().filter(|_| self.keeps()) else {
            return;
        };
        let subjects = self.series.book().subjects();
        let mut batch = Vec::new();
        let mut chunks = Vec::new();
        let count = subjects.len();
        for (n, subject) in subjects.into_iter().enumerate() {
            let dirty = self.series.book().take_dirty(&subject);
            batch.push((subject, chunks.len()..chunks.len() + dirty.len()));
            chunks.extend(dirty);
            if chunks.len() < BATCH && n + 1 < count {
                continue;
            }
            if let Err(error) = store.append(chunks.clone()).await {
                tracing::warn!(%error, "recorded series not written; trying again");
                let mut book = self.series.book();
                for (subject, range) in batch {
                    book.not_written(&subject, &chunks[range]);
                }
                return;
            }
            batch.clear();
            chunks.clear();
        }
    }

    async fn prune(&self) {
        let Some(store) = self.store.series().filter(|_| self.keeps()) else {
            return;
        };
        for tier in &self.config.tiers {
            let before = self.clock.now().minus(tier.keep).minus(tier.chunk());
            loop {
                match store.prune(tier.step, before).await {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "old series not removed; trying again");
                        return;
                    }
                }
            }
        }
    }
}

fn interval(every: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    interval
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX).max(1)
}

/// What is known of an encoder now. An encoder that does not answer has no readings of itself.
fn readings(view: &EncoderView) -> impl Iterator<Item = (Metric, f64)> + use<> {
    let answers = !matches!(view.state, EncoderState::Offline | EncoderState::Unknown);
    let device = Some(view.readings())
        .filter(|_| answers)
        .unwrap_or_default();
    let status = view.status.as_ref().filter(|_| answers);
    let output = status
        .map(|status| status.output.clone())
        .unwrap_or_default();
    let known = [
        (
            Metric::HealthScore,
            view.assessment.health.map(Health::value),
        ),
        (
            Metric::TemperatureScore,
            view.heat.filter(|_| answers).map(Heat::value),
        ),
        (
            Metric::Temperature,
            device.temperature.map(|celsius| celsius.0),
        ),
        (Metric::CpuUsage, device.cpu_usage),
        (Metric::MemoryUsage, device.memory_usage),
        (Metric::FanSpeed, device.fan_speed),
        (
            Metric::Bitrate,
            output.bitrate.map(|bitrate| bitrate.0 as f64),
        ),
        (Metric::Fps, output.fps),
        (
            Metric::DroppedFrames,
            output.dropped_frames.map(|count| count as f64),
        ),
        (Metric::LatencyMs, view.connection.latency_ms),
        (Metric::ErrorRate, view.connection.error_rate),
        (
            Metric::StoragePercent,
            status.and_then(EncoderStatus::fullest_percent),
        ),
        (Metric::Streams, Some(view.streams.len() as f64)),
    ];
    known
        .into_iter()
        .filter_map(|(metric, value)| Some((metric, value?)))
}

#[cfg(test)]
mod tests;
