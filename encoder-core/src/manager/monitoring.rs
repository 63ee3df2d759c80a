//! What the manager's monitors found out, and what they may be told.

use super::Manager;
use super::monitors::queues;
use crate::error::Result;
use crate::model::{EncoderId, StorageReport, ThermalView};
use crate::monitor::errors::{ErrorAnalysis, ErrorQuery, Occurrence};
use crate::monitor::series::{Metric, SeriesSubject};
use crate::monitor::{EncoderPerformance, History, HistoryQuery, PerformanceReport, forecast};

/// Timelines that are read for the acts in an analysis.
const READ_TIMELINES: usize = 50;

impl Manager {
    /// The heat of every encoder, by name.
    pub fn thermals(&self) -> Vec<ThermalView> {
        let fleet = &self.0.cx.fleet;
        let all = fleet.all();
        all.iter().map(|encoder| fleet.thermal(encoder)).collect()
    }

    /// The heat of an encoder.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    pub fn thermal(&self, id: &EncoderId) -> Result<ThermalView> {
        let fleet = &self.0.cx.fleet;
        Ok(fleet.thermal(fleet.get(id)?.as_ref()))
    }

    /// Cools an encoder for a period whatever its readings say: it gets less new work and fewer
    /// polls, step by step. A stream on it stays where it is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound);
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when it cools already.
    pub fn cool_down(&self, id: &EncoderId) -> Result<ThermalView> {
        self.commanding()?;
        let cx = &self.0.cx;
        let encoder = cx.fleet.get(id)?;
        encoder.begin_cooling(&cx.config, &cx.clock)?;
        Ok(cx.fleet.thermal(&encoder))
    }

    /// Recording media of one encoder or of all, by name: how they are, when they are full, what was
    /// done about it, and the devices' restarts.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    pub fn storage(&self, only: Option<&EncoderId>) -> Result<Vec<StorageReport>> {
        let fleet = &self.0.cx.fleet;
        let encoders = match only {
            Some(id) => vec![fleet.get(id)?],
            None => fleet.all(),
        };
        let report = |encoder| self.0.monitors.storage.report(encoder);
        Ok(encoders.iter().map(|encoder| report(encoder)).collect())
    }

    /// What was recorded of an encoder or of the manager itself. A reading that a device does not
    /// give is not in the answer.
    ///
    /// ```
    /// use std::time::Duration;
    /// use encoder_core::Manager;
    /// use encoder_core::monitor::HistoryQuery;
    /// use encoder_core::monitor::series::{Metric, SeriesSubject};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let manager = Manager::builder().build().await?;
    /// let now = manager.clock().now();
    /// let query = HistoryQuery::new(SeriesSubject::Manager, now.minus(Duration::from_secs(3600)), now)
    ///     .with_metric(Metric::EventBacklog)
    ///     .with_step(Duration::from_secs(60));
    /// let history = manager.history(&query).await?;
    /// assert_eq!(history.step, Duration::from_secs(60));
    /// for point in history.series.get(&Metric::EventBacklog).into_iter().flatten().flatten() {
    ///     println!("{}: {} to {}", point.at, point.min, point.max);
    /// }
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for an unknown encoder;
    /// [`ErrorKind::ValidationFailed`](crate::ErrorKind::ValidationFailed) listing what is wrong
    /// with the span; [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable) where
    /// only the store reaches back so far.
    pub async fn history(&self, query: &HistoryQuery) -> Result<History> {
        let cx = &self.0.cx;
        if let SeriesSubject::Encoder(id) = &query.subject {
            cx.fleet.get(id)?;
        }
        let config = &cx.config.series;
        self.0
            .monitors
            .series
            .history(cx.store.as_ref(), config, query)
            .await
    }

    /// Errors that are remembered and wanted, newest first.
    pub fn errors(&self, query: &ErrorQuery) -> Vec<Occurrence> {
        self.0.monitors.errors.history(query)
    }

    /// What is wrong now, what it has in common, and what is probably behind it. A timeline that
    /// cannot be read tells of no acts.
    pub async fn error_analysis(&self) -> ErrorAnalysis {
        let monitor = &self.0.monitors.errors;
        let mut analysis = monitor.analysis();
        let streams = monitor.streams_concerned().into_iter();
        for stream in streams.take(READ_TIMELINES) {
            if let Ok(timeline) = self.timeline(&stream).await {
                analysis.automated_actions.extend(monitor.acts(&timeline));
            }
        }
        let newest = |act: &crate::monitor::errors::AutomatedAction| std::cmp::Reverse(act.at);
        analysis.automated_actions.sort_by_key(newest);
        analysis
    }

    /// How fast news travel, how much is told, what waits, how the encoders answer, and where all
    /// that is heading; of all encoders or of one. Draws many trends, which takes some milliseconds
    /// for each encoder: call it off the async threads.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an encoder that is not registered.
    pub fn performance(&self, encoder: Option<&EncoderId>) -> Result<PerformanceReport> {
        let cx = &self.0.cx;
        let encoders = match encoder {
            Some(id) => vec![cx.fleet.get(id)?],
            None => cx.fleet.all(),
        };
        let now = cx.clock.now();
        let series = &self.0.monitors.series;
        let trends = |of| forecast::outlooks(&cx.config.forecast, series, &of, now);
        let encoders = encoders.iter().map(|encoder| {
            let trends = trends(SeriesSubject::Encoder(encoder.id().clone()));
            EncoderPerformance::new(cx.fleet.view(encoder), trends)
        });
        Ok(PerformanceReport {
            at: now,
            feed: cx.events.meter().rates(),
            queues: queues(cx, &self.0.streams),
            trends: trends(SeriesSubject::Manager),
            encoders: encoders.collect(),
        })
    }

    /// Writes down figures that only the program around the manager knows, such as those of its
    /// process. To be called once in each [`interval`](crate::monitor::series::SeriesConfig) of
    /// recording; what is left out is a gap.
    pub fn record_figures(&self, figures: &[(Metric, f64)]) {
        let at = self.0.cx.clock.now();
        self.0.monitors.series.book().record_manager(at, figures);
    }
}
