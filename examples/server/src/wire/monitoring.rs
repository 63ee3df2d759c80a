//! Monitoring on the wire.

use std::collections::BTreeMap;

use prometheus::proto::{MetricFamily, MetricType};
use serde::Serialize;
use utoipa::ToSchema;

use super::{EncoderHealthDto, FleetCountsDto, StreamCountsDto, Time};
use crate::system::SystemFigures;

/// A part of the server.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Component)]
pub struct ComponentDto {
    /// `ok` or `failed`.
    pub status: String,
}

impl ComponentDto {
    /// From whether it works.
    pub fn working(works: bool) -> Self {
        let status = if works { "ok" } else { "failed" };
        Self {
            status: status.to_owned(),
        }
    }
}

/// Figures of the server itself.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Performance)]
pub struct PerformanceDto {
    /// Since the server started.
    pub uptime_seconds: f64,
    /// Requests answered.
    pub requests: u64,
    /// Mean time to answer; `null` before the first.
    pub mean_response_ms: Option<f64>,
    /// Live events published.
    pub events: u64,
    /// The machine.
    pub system: SystemFigures,
}

/// The answer of `GET /api/monitoring/status`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = MonitoringStatus)]
pub struct MonitoringStatusDto {
    /// `healthy`, `degraded`, `critical` or `not_ready`.
    pub status: String,
    /// When.
    pub timestamp: Time,
    /// The fleet.
    pub encoders: FleetCountsDto,
    /// The streams.
    pub streams: StreamCountsDto,
    /// Alerts that are not resolved.
    pub active_alerts: usize,
    /// Figures of the server.
    pub performance: PerformanceDto,
    /// Its parts.
    pub components: BTreeMap<String, ComponentDto>,
}

/// The answer of `GET /health/detailed`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = DetailedHealth)]
pub struct DetailedHealthDto {
    /// `healthy`, `degraded`, `critical` or `not_ready`.
    pub status: String,
    /// When.
    pub timestamp: Time,
    /// The machine.
    pub system: SystemFigures,
    /// Parts of the server.
    pub services: BTreeMap<String, ComponentDto>,
    /// Every encoder.
    pub encoders: BTreeMap<String, EncoderHealthDto>,
}

/// All figures.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Figures)]
pub struct FiguresDto {
    /// When.
    pub timestamp: Time,
    /// One entry per metric.
    pub metrics: Vec<FigureDto>,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Figure)]
pub struct FigureDto {
    /// Its name, as in the Prometheus text.
    pub name: String,
    /// What it says.
    pub help: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// One entry per combination of labels.
    pub samples: Vec<SampleDto>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Sample)]
pub struct SampleDto {
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The value; the mean for a histogram, `null` while it is empty.
    pub value: Option<f64>,
    /// Observations, for a histogram.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Their sum, for a histogram.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<f64>,
}

impl From<&MetricFamily> for FigureDto {
    fn from(family: &MetricFamily) -> Self {
        let kind = family.get_field_type();
        Self {
            name: family.name().to_owned(),
            help: family.help().to_owned(),
            kind: match kind {
                MetricType::COUNTER => "counter",
                MetricType::GAUGE => "gauge",
                MetricType::HISTOGRAM => "histogram",
                MetricType::SUMMARY => "summary",
                MetricType::UNTYPED => "untyped",
            }
            .to_owned(),
            samples: family
                .get_metric()
                .iter()
                .map(|metric| sample(kind, metric))
                .collect(),
        }
    }
}

fn sample(kind: MetricType, metric: &prometheus::proto::Metric) -> SampleDto {
    let labels = metric.get_label().iter();
    let labels = labels
        .map(|pair| (pair.name().to_owned(), pair.value().to_owned()))
        .collect();
    let (value, count, sum) = match kind {
        MetricType::COUNTER => (Some(metric.get_counter().get_value()), None, None),
        MetricType::HISTOGRAM => {
            let histogram = metric.get_histogram();
            let (count, sum) = (histogram.get_sample_count(), histogram.get_sample_sum());
            let mean = (count > 0).then(|| sum / count as f64);
            (mean, Some(count), Some(sum))
        }
        _ => (Some(metric.get_gauge().get_value()), None, None),
    };
    SampleDto {
        labels,
        value: value.filter(|value| value.is_finite()),
        count,
        sum,
    }
}
