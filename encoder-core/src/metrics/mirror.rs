//! Metrics that mirror what the manager knows, read when somebody asks.
//!
//! Nothing is kept between two readings, so a series ends when its encoder or stream is gone. The
//! rejected alternative is a gauge for each, to be set by whoever changes something: it goes on
//! telling the last value of what is gone unless everybody remembers to take it away.

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use super::declare::{Declaration, Kind};
use super::encoder::{self, EncoderSample};
use super::stream::{self, StreamBook, StreamSample};
use super::whole;
use crate::model::{Alert, StreamView};

/// What the manager knows at one moment.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) encoders: Vec<EncoderSample>,
    pub(crate) streams: Vec<StreamView>,
    pub(crate) alerts: Vec<Alert>,
}

/// Tells what the manager knows now.
pub(crate) type Source = Box<dyn Fn() -> Known + Send + Sync>;

/// A metric, and how it is read of `S`.
pub(super) struct Reading<S: 'static> {
    pub(super) declaration: Declaration,
    read: Way<S>,
}

enum Way<S: 'static> {
    /// One value, or none where there is no reading.
    One(fn(&S) -> Option<f64>),
    /// Values under labels that follow the subject's own.
    Several(fn(&S, &mut Samples<'_>)),
    /// Something that was measured already.
    Measured(fn(&S) -> Metric),
}

/// Takes values of one metric of one subject.
pub(super) struct Samples<'a> {
    declaration: &'a Declaration,
    subject: &'a str,
    taken: Vec<Metric>,
}

impl Samples<'_> {
    /// Takes a value under labels that follow the subject's own.
    pub(super) fn put(&mut self, labels: &[&str], value: f64) {
        let metric = metric(
            self.declaration,
            self.own().chain(labels.iter().copied()),
            value,
        );
        self.taken.push(metric);
    }

    fn put_measured(&mut self, mut measured: Metric) {
        measured.set_label(pairs(self.declaration, self.own()));
        self.taken.push(measured);
    }

    fn own(&self) -> impl Iterator<Item = &str> + use<'_> {
        Some(self.subject)
            .filter(|subject| !subject.is_empty())
            .into_iter()
    }
}

/// A value of a gauge or a counter.
fn metric<'a>(
    declaration: &Declaration,
    labels: impl Iterator<Item = &'a str>,
    value: f64,
) -> Metric {
    let mut metric = Metric::default();
    if declaration.kind == Kind::Counter {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric.set_label(pairs(declaration, labels));
    metric
}

fn pairs<'a>(declaration: &Declaration, values: impl Iterator<Item = &'a str>) -> Vec<LabelPair> {
    let pairs = declaration.labels.iter().zip(values);
    pairs.map(|(name, value)| pair(name, value)).collect()
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

impl<S> Reading<S> {
    pub(super) const fn one(declaration: Declaration, read: fn(&S) -> Option<f64>) -> Self {
        Self {
            declaration,
            read: Way::One(read),
        }
    }

    pub(super) const fn several(declaration: Declaration, read: fn(&S, &mut Samples<'_>)) -> Self {
        Self {
            declaration,
            read: Way::Several(read),
        }
    }

    pub(super) const fn measured(declaration: Declaration, read: fn(&S) -> Metric) -> Self {
        Self {
            declaration,
            read: Way::Measured(read),
        }
    }

    /// The metric of all subjects. `name` tells a subject's own label, empty when it has none.
    fn family(&self, subjects: &[S], name: fn(&S) -> &str) -> MetricFamily {
        let mut samples = Samples {
            declaration: &self.declaration,
            subject: "",
            taken: Vec::with_capacity(subjects.len()),
        };
        for subject in subjects {
            samples.subject = name(subject);
            match self.read {
                Way::One(read) => {
                    if let Some(value) = read(subject) {
                        samples.put(&[], value);
                    }
                }
                Way::Several(read) => read(subject, &mut samples),
                Way::Measured(read) => samples.put_measured(read(subject)),
            }
        }
        family(&self.declaration, samples.taken)
    }
}

fn family(declaration: &Declaration, taken: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(declaration.name.to_owned());
    family.set_help(declaration.help.to_owned());
    family.set_field_type(match declaration.kind {
        Kind::Gauge => MetricType::GAUGE,
        Kind::Counter => MetricType::COUNTER,
        Kind::Histogram(_) => MetricType::HISTOGRAM,
    });
    family.set_metric(taken);
    family
}

/// Takes the values of metrics that are read when somebody asks.
#[derive(Debug)]
pub struct Readings {
    families: Vec<(Declaration, Vec<Metric>)>,
}

impl Readings {
    /// Takes a value of a metric, with the values of its labels in their declared order. A metric
    /// that was not declared with this reading is left out.
    pub fn put(&mut self, declaration: &Declaration, labels: &[&str], value: f64) {
        let mut families = self.families.iter_mut();
        let Some((_, taken)) = families.find(|(known, _)| known.name == declaration.name) else {
            return;
        };
        taken.push(metric(declaration, labels.iter().copied(), value));
    }
}

/// Metrics that are read by a closure.
pub(super) struct Read<F> {
    declared: Vec<Declaration>,
    descs: Vec<Desc>,
    read: F,
}

impl<F> Read<F> {
    pub(super) fn new(declared: &[Declaration], read: F) -> Self {
        Self {
            declared: declared.to_vec(),
            descs: declared.iter().map(Declaration::desc).collect(),
            read,
        }
    }
}

impl<F: Fn(&mut Readings) + Send + Sync> Collector for Read<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let empty = |declared: &Declaration| (*declared, Vec::new());
        let mut readings = Readings {
            families: self.declared.iter().map(empty).collect(),
        };
        (self.read)(&mut readings);
        let families = readings.families.into_iter();
        families
            .map(|(declared, taken)| family(&declared, taken))
            .collect()
    }
}

/// All metrics of this kind. Gives nothing until it is told where to look.
pub(super) struct Mirror {
    source: OnceLock<Source>,
    streams: Mutex<StreamBook>,
    descs: Vec<Desc>,
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mirror")
    }
}

/// The metrics that are read when somebody asks.
pub(super) fn declarations() -> impl Iterator<Item = Declaration> {
    let encoders = encoder::readings().map(|one| one.declaration);
    let streams = stream::READINGS.iter().map(|one| one.declaration);
    let whole = whole::READINGS.iter().map(|one| one.declaration);
    encoders.chain(streams).chain(whole)
}

impl Mirror {
    pub(super) fn new() -> Self {
        Self {
            source: OnceLock::new(),
            streams: Mutex::default(),
            descs: declarations().map(|one| one.desc()).collect(),
        }
    }

    /// Says where to look. The first word counts.
    pub(super) fn follow(&self, source: Source) {
        if self.source.set(source).is_err() {
            tracing::debug!("metrics have their source already");
        }
    }

    pub(super) fn families(&self) -> Vec<MetricFamily> {
        let Some(source) = self.source.get() else {
            return Vec::new();
        };
        let mut known = source();
        let mut book = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = book.samples(std::mem::take(&mut known.streams));
        drop(book);
        let of_encoder = encoder::readings()
            .map(|reading| reading.family(&known.encoders, |sample| sample.view.spec.id.as_str()));
        let of_stream = stream::READINGS
            .iter()
            .map(|reading| reading.family(&streams, StreamSample::id));
        let whole = whole::Whole::new(&known, &streams);
        let of_whole = whole::READINGS
            .iter()
            .map(|reading| reading.family(std::slice::from_ref(&whole), |_| ""));
        of_encoder.chain(of_stream).chain(of_whole).collect()
    }
}

/// The registry's handle on the mirror.
pub(super) struct Mirrored(pub(super) std::sync::Arc<Mirror>);

impl Collector for Mirrored {
    fn desc(&self) -> Vec<&Desc> {
        self.0.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.0.families()
    }
}
