//! Figures for Prometheus: names, labels, registry.
//!
//! Counters and histograms are fed as things happen. Gauges that mirror the fleet are set anew at
//! every [`Metrics::render`], so a series ends when its encoder or stream is gone.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

use self::certificate::CertificateSeries;
use self::recorder::RecorderSeries;
use crate::error::Result;
use crate::model::{
    DeviceStreamState, EncoderId, EncoderState, EncoderStatus, EncoderView, FailoverSummary,
    Interruption, StreamView, Trigger, TroubleKind,
};

mod certificate;
mod connection;
mod recorder;

/// Bounds for the time a device takes to answer.
const ANSWER_SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Bounds for the phases of a failover.
const PHASE_SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// What can be read of an encoder: name, meaning, and how. Without a reading there is no series.
type Reading = (&'static str, &'static str, fn(&EncoderView) -> Option<f64>);

const READINGS: [Reading; 12] = [
    (
        "encoder_health_score",
        "0 to 100, higher is better.",
        |view| view.assessment.health.map(|health| health.value()),
    ),
    (
        "encoder_heat_score",
        "0 to 100, higher is hotter.",
        |view| view.heat.map(|heat| heat.value()),
    ),
    (
        "encoder_cooling_step",
        "How far its share of load is reduced: 0 not at all, the last step wholly.",
        |view| Some(view.cooling.as_ref().map_or(0.0, |c| f64::from(c.step))),
    ),
    (
        "encoder_burst_used",
        "Requests to the device that count against the burst limit.",
        |view| Some(f64::from(view.burst.used)),
    ),
    (
        "encoder_temperature_celsius",
        "As the device reads it.",
        |view| view.readings().temperature.map(|celsius| celsius.0),
    ),
    (
        "encoder_cpu_percent",
        "Processor load, where the device reads it.",
        |view| view.readings().cpu_usage,
    ),
    (
        "encoder_memory_percent",
        "Memory in use, where the device reads it.",
        |view| view.readings().memory_usage,
    ),
    (
        "encoder_output_bitrate_bps",
        "What leaves the device, where it measures that.",
        |view| Some(view.status.as_ref()?.output.bitrate?.0 as f64),
    ),
    (
        "encoder_output_fps",
        "Pictures per second that leave it, where it measures that.",
        |view| view.status.as_ref()?.output.fps,
    ),
    (
        "encoder_dropped_frames",
        "Pictures dropped since the stream started, where the device counts them.",
        |view| Some(view.status.as_ref()?.output.dropped_frames? as f64),
    ),
    (
        "encoder_last_contact_timestamp_seconds",
        "When the device last gave a sign of life.",
        |view| view.last_seen_at.map(|at| at.as_millis() as f64 / 1000.0),
    ),
    ("encoder_streaming", "1 while the device streams.", |view| {
        let state = view.status.as_ref()?.stream_state;
        Some(f64::from(u8::from(state == DeviceStreamState::Streaming)))
    }),
];

fn readings() -> impl Iterator<Item = Reading> {
    READINGS.into_iter().chain(connection::READINGS)
}

/// The manager's figures. Cheap to clone; all clones share one registry.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    request_seconds: HistogramVec,
    request_failures: IntCounterVec,
    state: GaugeVec,
    /// One for each of [`readings`].
    readings: Vec<GaugeVec>,
    stream_state: GaugeVec,
    backup_ready: GaugeVec,
    failovers: IntCounterVec,
    failover_phase: HistogramVec,
    authorizations: IntCounterVec,
    interruption: HistogramVec,
    recorder: RecorderSeries,
    certificates: CertificateSeries,
    remediation: IntCounterVec,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Registers series; names and labels are constants, so it cannot fail.
struct Series<'a>(&'a Registry);

impl Series<'_> {
    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(Opts::new(name, help), labels))
    }

    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(HistogramVec::new(options, labels))
    }

    fn authorizations(&self) -> IntCounterVec {
        self.counter(
            "encoder_ingest_authorizations_total",
            "Publishers that an ingest asked about, by what it was told.",
            &["verdict"],
        )
    }

    fn remediation(&self) -> IntCounterVec {
        self.counter(
            "encoder_remediation_steps_total",
            "Repairs by kind of trouble, step and outcome: succeeded, failed or proposed.",
            &["kind", "step", "outcome"],
        )
    }

    fn interruption(&self) -> HistogramVec {
        self.histogram(
            "encoder_ingest_interruption_seconds",
            "How long nothing of a moving stream arrived at its ingest.",
            &["trigger"],
            &PHASE_SECONDS,
        )
    }

    fn register<C: Collector + Clone + 'static>(&self, collector: prometheus::Result<C>) -> C {
        let collector = collector.expect("names and labels are valid constants");
        self.0
            .register(Box::new(collector.clone()))
            .expect("each name is registered once");
        collector
    }
}

impl Inner {
    fn new() -> Self {
        let registry = Registry::new();
        let series = Series(&registry);
        let id = &["encoder_id"];
        let stream = &["stream_id"];
        Self {
            request_seconds: series.histogram(
                "encoder_request_duration_seconds",
                "Time a device took to answer a status poll.",
                id,
                &ANSWER_SECONDS,
            ),
            request_failures: series.counter(
                "encoder_request_failures_total",
                "Status polls that failed, by error kind.",
                &["encoder_id", "kind"],
            ),
            state: series.gauge(
                "encoder_state",
                "1 for the state it is in.",
                &["encoder_id", "state"],
            ),
            readings: readings()
                .map(|(name, help, _)| series.gauge(name, help, id))
                .collect(),
            stream_state: series.gauge(
                "encoder_stream_state",
                "1 for the state the stream is in.",
                &["stream_id", "state"],
            ),
            backup_ready: series.gauge(
                "encoder_stream_backup_ready",
                "1 while a backup could take over.",
                stream,
            ),
            failovers: series.counter(
                "encoder_failovers_total",
                "Failovers that ended, by reason and result.",
                &["reason", "result"],
            ),
            failover_phase: series.histogram(
                "encoder_failover_phase_duration_seconds",
                "Time spent in each phase of a failover.",
                &["phase"],
                &PHASE_SECONDS,
            ),
            authorizations: series.authorizations(),
            interruption: series.interruption(),
            recorder: RecorderSeries::new(&series),
            certificates: CertificateSeries::new(&series),
            remediation: series.remediation(),
            registry,
        }
    }
}

impl Metrics {
    /// A registry of its own with all series of the manager.
    pub fn new() -> Self {
        let inner = Inner::new();
        let build = Series(&inner.registry).gauge(
            "encoder_build_info",
            "Version of the manager.",
            &["version"],
        );
        build
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1.0);
        Self(Arc::new(inner))
    }

    /// The registry, to add series of one's own.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// All series in Prometheus' text format, with the gauges set to what the views say.
    pub fn render(&self, encoders: &[EncoderView], streams: &[StreamView]) -> String {
        self.set_encoders(encoders);
        self.set_streams(streams);
        let families = self.0.registry.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_else(|error| {
                tracing::error!(%error, "metrics cannot be written");
                String::new()
            })
    }

    fn set_encoders(&self, encoders: &[EncoderView]) {
        let m = &self.0;
        m.state.reset();
        m.readings.iter().for_each(GaugeVec::reset);
        m.recorder.set_media(encoders);
        for view in encoders {
            let id = [view.spec.id.as_str()];
            for state in EncoderState::ALL {
                let holds = f64::from(u8::from(view.state == state));
                m.state
                    .with_label_values(&[id[0], state.as_str()])
                    .set(holds);
            }
            for (gauge, (_, _, read)) in m.readings.iter().zip(readings()) {
                if let Some(value) = read(view) {
                    gauge.with_label_values(&id).set(value);
                }
            }
        }
    }

    fn set_streams(&self, streams: &[StreamView]) {
        self.0.stream_state.reset();
        self.0.backup_ready.reset();
        for view in streams.iter().filter(|view| view.record.state.is_active()) {
            let id = view.record.id.as_str();
            self.0
                .stream_state
                .with_label_values(&[id, view.record.state.as_str()])
                .set(1.0);
            let ready = f64::from(u8::from(view.backup.ready));
            self.0.backup_ready.with_label_values(&[id]).set(ready);
        }
    }

    pub(crate) fn observe_poll(
        &self,
        id: &EncoderId,
        latency: Duration,
        result: &Result<EncoderStatus>,
    ) {
        self.0
            .request_seconds
            .with_label_values(&[id.as_str()])
            .observe(latency.as_secs_f64());
        if let Err(error) = result {
            let labels = [id.as_str(), error.kind().as_str()];
            self.0.request_failures.with_label_values(&labels).inc();
        }
    }

    /// Brings the count of a device's restarts up to what its watcher counted.
    pub(crate) fn set_reboots(&self, id: &EncoderId, total: u64) {
        self.0.recorder.set_reboots(id, total);
    }

    pub(crate) fn forget_encoder(&self, id: &EncoderId) {
        self.0.recorder.forget(id);
        // Removing a series that was never written is an error that means nothing here.
        let _ = self.0.request_seconds.remove_label_values(&[id.as_str()]);
        for kind in crate::error::ErrorKind::ALL {
            let _ = self
                .0
                .request_failures
                .remove_label_values(&[id.as_str(), kind.as_str()]);
        }
    }

    /// Counts what an ingest was told about a publisher.
    pub(crate) fn observe_authorization(&self, verdict: &str) {
        let counter = self.0.authorizations.with_label_values(&[verdict]);
        counter.inc();
    }

    /// Counts a repair.
    pub(crate) fn observe_remediation(&self, kind: TroubleKind, step: &str, outcome: &str) {
        let labels = [kind.as_str(), step, outcome];
        self.0.remediation.with_label_values(&labels).inc();
    }

    /// Takes what the ingest saw of a move.
    pub(crate) fn observe_interruption(&self, trigger: Trigger, seen: Interruption) {
        let series = self.0.interruption.with_label_values(&[trigger.as_str()]);
        series.observe(seen.gap.as_secs_f64());
    }

    pub(crate) fn observe_failover(&self, summary: &FailoverSummary) {
        let result = if summary.succeeded {
            "succeeded"
        } else {
            "failed"
        };
        self.0
            .failovers
            .with_label_values(&[summary.reason.as_str(), result])
            .inc();
        for timing in &summary.timings {
            let phase = self
                .0
                .failover_phase
                .with_label_values(&[timing.phase.as_str()]);
            phase.observe(timing.elapsed.as_secs_f64());
        }
    }
}
