//! Commands about what is watched.

use std::collections::BTreeMap;

use serde::Serialize;

use super::encoders::only_id;
use super::streams::seconds;
use super::{answer, answers};
use crate::error::{Error, ErrorKind, Result};
use crate::manager::Manager;
use crate::model::{EncoderId, Timestamp};
use crate::monitor::errors::ErrorQuery;
use crate::monitor::series::{Metric, SeriesSubject};
use crate::monitor::{EventRates, HistoryQuery, PerformanceReport};
use crate::wire::{
    EncoderPerformanceDto, ErrorAnalysisDto, EventRatesDto, Fields, HistoryDto, LatencyDto,
    LoadBalancerDto, OccurrenceDto, Page, StorageDto, ThermalDto, Time, TrendDto,
};

/// `{}`
pub(super) fn load_balancer(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    answer(&LoadBalancerDto::from(manager.load_balancer()))
}

/// `{encoder_id}`
pub(super) fn thermal(manager: &Manager, fields: Fields) -> Result<String> {
    answer(&ThermalDto::from(manager.thermal(&only_id(fields)?)?))
}

/// `{}`
pub(super) fn thermals(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    answers::<_, ThermalDto>(manager.thermals())
}

/// `{encoder_id?}`
pub(super) fn storage(manager: &Manager, mut fields: Fields) -> Result<String> {
    let only = fields.optional::<EncoderId>("encoder_id");
    fields.finish(Some(()))?;
    let reports = manager.storage(only.as_ref())?;
    answer(&StorageDto::new(manager.clock().now(), reports))
}

/// `{from?, to?, pattern?, encoder_id?, site?, destination?, severity?}`
pub(super) fn errors(manager: &Manager, mut fields: Fields) -> Result<String> {
    let query = ErrorQuery {
        from: fields.optional("from"),
        to: fields.optional("to"),
        pattern: fields.optional("pattern"),
        encoder_id: fields.optional("encoder_id"),
        site: fields.optional("site"),
        destination: fields.optional("destination"),
        severity: fields.optional("severity"),
    };
    let query = fields.finish(Some(query))?;
    answers::<_, OccurrenceDto>(manager.errors(&query))
}

/// `{}`: Prometheus' text format, as a JSON string.
pub(super) fn render_metrics(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    answer(&manager.render_metrics())
}

/// `{}`
pub(super) fn config(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    answer(manager.config())
}

/// `{}`
pub(super) fn is_ready(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    answer(&manager.is_ready())
}

/// `{encoder_id}`
pub(super) async fn cool_down(manager: &Manager, fields: Fields) -> Result<String> {
    answer(&ThermalDto::from(manager.cool_down(&only_id(fields)?)?))
}

/// `{encoder_id?, from?, to?, step_seconds?, metrics?}`: of an encoder or, without one, of the
/// manager itself; the last hour unless said otherwise.
pub(super) async fn history(manager: &Manager, mut fields: Fields) -> Result<String> {
    let encoder = fields.optional::<EncoderId>("encoder_id");
    let to = fields.optional::<Timestamp>("to");
    let from = fields.optional::<Timestamp>("from");
    let step = seconds(&mut fields, "step_seconds");
    let metrics = fields.optional::<Vec<Metric>>("metrics");
    fields.finish(Some(()))?;
    let to = to.unwrap_or_else(|| manager.clock().now());
    let from = from.unwrap_or_else(|| to.minus(std::time::Duration::from_secs(3600)));
    let subject = encoder.map_or(SeriesSubject::Manager, SeriesSubject::Encoder);
    let mut query = HistoryQuery::new(subject, from, to);
    query.step = step;
    query.metrics = metrics.unwrap_or_default();
    answer(&HistoryDto::from(manager.history(&query).await?))
}

/// `{}`
pub(super) async fn error_analysis(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    let known = manager.errors(&ErrorQuery::default()).into_iter();
    let history = Page {
        items: known.map(OccurrenceDto::from).collect(),
        next_cursor: None,
    };
    let analysis = manager.error_analysis().await;
    answer(&ErrorAnalysisDto::new(analysis, history))
}

/// `{encoder_id?}`
pub(super) async fn performance(manager: &Manager, mut fields: Fields) -> Result<String> {
    let encoder = fields.optional::<EncoderId>("encoder_id");
    fields.finish(Some(()))?;
    let manager = manager.clone();
    // Draws many trends, which takes milliseconds for each encoder.
    let drawing = tokio::task::spawn_blocking(move || manager.performance(encoder.as_ref()));
    let failed =
        |error| Error::new(ErrorKind::Unexpected, "the trends were not drawn").with_source(error);
    answer(&Performance::from(drawing.await.map_err(failed)??))
}

/// What the manager knows of its own performance; a server adds what it knows of its clients.
#[derive(Serialize)]
struct Performance {
    timestamp: Time,
    event_delivery: Option<LatencyDto>,
    events: BTreeMap<String, EventRatesDto>,
    event_bus: usize,
    stream_commands_total: usize,
    stream_commands_max: usize,
    store: Option<usize>,
    trends: Vec<TrendDto>,
    encoders: Vec<EncoderPerformanceDto>,
}

impl From<PerformanceReport> for Performance {
    fn from(report: PerformanceReport) -> Self {
        let rates = |(name, rates): (&&str, &EventRates)| ((*name).to_owned(), (*rates).into());
        Self {
            timestamp: report.at.into(),
            event_delivery: report.feed.delivery.map(LatencyDto::from),
            events: report.feed.events.iter().map(rates).collect(),
            event_bus: report.queues.event_bus,
            stream_commands_total: report.queues.stream_commands,
            stream_commands_max: report.queues.stream_commands_max,
            store: report.queues.store,
            trends: report.trends.iter().map(TrendDto::from).collect(),
            encoders: report.encoders.into_iter().map(Into::into).collect(),
        }
    }
}
