//! Commands about what is watched.

use super::encoders::only_id;
use super::streams::seconds;
use super::{answer, answers};
use crate::error::{Error, ErrorKind, Result};
use crate::manager::Manager;
use crate::model::{EncoderId, Timestamp};
use crate::monitor::HistoryQuery;
use crate::monitor::errors::ErrorQuery;
use crate::monitor::series::{Metric, SeriesSubject};
use crate::wire::{
    ErrorAnalysisDto, Fields, HistoryDto, LoadBalancerDto, ManagerPerformanceDto, OccurrenceDto,
    Page, StorageDto, ThermalDto,
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
    let report = drawing.await.map_err(failed)??;
    answer(&ManagerPerformanceDto::from(report))
}
