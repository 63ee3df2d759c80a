//! A metric as data: declared once, and registered, read and documented from that.

use prometheus::core::Desc;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};

/// What a metric's values are.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// What something is now.
    Gauge,
    /// How often something happened. Starts again from zero with the process, and where the text
    /// says so, with the device's own count.
    Counter,
    /// How long something took, counted by these upper bounds in seconds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The word of Prometheus' text format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// The unit of a metric's values. Every unit but the counts is told by the metric's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// So many of something, or 1 for what holds and 0 for what does not.
    Count,
    /// 0 to 100.
    Score,
    /// Seconds.
    Seconds,
    /// Seconds since 1970-01-01 UTC.
    Timestamp,
    /// Bytes.
    Bytes,
    /// 0 to 1.
    Ratio,
    /// °C.
    Celsius,
    /// Revolutions per minute, the only figure that fans are known by.
    Rpm,
    /// Bits per second.
    BitsPerSecond,
    /// Pictures per second.
    FramesPerSecond,
    /// None: always 1, and the labels tell.
    Info,
}

impl Unit {
    /// How the name of a metric in this unit ends, before `_total`.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Count => "",
            Self::Score => "_score",
            Self::Seconds => "_seconds",
            Self::Timestamp => "_timestamp_seconds",
            Self::Bytes => "_bytes",
            Self::Ratio => "_ratio",
            Self::Celsius => "_celsius",
            Self::Rpm => "_rpm",
            Self::BitsPerSecond => "_bits_per_second",
            Self::FramesPerSecond => "_frames_per_second",
            Self::Info => "_info",
        }
    }

    /// The unit in words, for the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "",
            Self::Score => "0 to 100",
            Self::Seconds => "s",
            Self::Timestamp => "s since 1970",
            Self::Bytes => "bytes",
            Self::Ratio => "0 to 1",
            Self::Celsius => "°C",
            Self::Rpm => "1/min",
            Self::BitsPerSecond => "bit/s",
            Self::FramesPerSecond => "1/s",
            Self::Info => "always 1",
        }
    }
}

/// A metric: its name, what its values are, and what tells its series apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Declaration {
    /// Its name, by Prometheus' conventions.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// The unit of its values.
    pub unit: Unit,
    /// Names of its labels. Their values are bounded: ids, and words of the program's own.
    pub labels: &'static [&'static str],
    /// One line for people.
    pub help: &'static str,
}

impl Declaration {
    /// A metric of what something is now.
    pub const fn gauge(
        name: &'static str,
        unit: Unit,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::Gauge, unit, labels, help)
    }

    /// A metric of how often something happened.
    pub const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::Counter, Unit::Count, labels, help)
    }

    /// A metric of how long something took.
    pub const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        bounds: &'static [f64],
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::Histogram(bounds), Unit::Seconds, labels, help)
    }

    /// A metric of any kind and unit.
    pub const fn new(
        name: &'static str,
        kind: Kind,
        unit: Unit,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            unit,
            labels,
            help,
        }
    }

    /// Counters, one for each combination of labels.
    pub fn counters(&self) -> IntCounterVec {
        let counters = IntCounterVec::new(self.options(), self.labels);
        counters.expect("names and labels are valid constants")
    }

    /// Gauges of fractions, one for each combination of labels.
    pub fn gauges(&self) -> GaugeVec {
        GaugeVec::new(self.options(), self.labels).expect("names and labels are valid constants")
    }

    /// Gauges of whole numbers, one for each combination of labels.
    pub fn counts(&self) -> IntGaugeVec {
        let gauges = IntGaugeVec::new(self.options(), self.labels);
        gauges.expect("names and labels are valid constants")
    }

    /// Histograms, one for each combination of labels.
    pub fn histograms(&self) -> HistogramVec {
        let histograms = HistogramVec::new(self.bounds(), self.labels);
        histograms.expect("names, labels and bounds are valid constants")
    }

    /// What a registry wants to know of it.
    pub fn desc(&self) -> Desc {
        let labels = self.labels.iter().map(|label| (*label).to_owned());
        let (name, help) = (self.name.to_owned(), self.help.to_owned());
        let desc = Desc::new(name, help, labels.collect(), Default::default());
        desc.expect("names and labels are valid constants")
    }

    fn options(&self) -> Opts {
        Opts::new(self.name, self.help)
    }

    pub(super) fn bounds(&self) -> HistogramOpts {
        let options = HistogramOpts::new(self.name, self.help);
        match self.kind {
            Kind::Histogram(bounds) => options.buckets(bounds.to_vec()),
            Kind::Gauge | Kind::Counter => options,
        }
    }
}

/// These metrics as a table in Markdown, in the order of their names.
pub fn table(declarations: &[Declaration]) -> String {
    let mut all = declarations.to_vec();
    all.sort_by_key(|declaration| declaration.name);
    let rows = all.iter().map(|declaration| {
        let quoted = |label: &&str| format!("`{label}`");
        let labels: Vec<_> = declaration.labels.iter().map(quoted).collect();
        format!(
            "| `{}` | {} | {} | {} | {} |\n",
            declaration.name,
            declaration.kind.as_str(),
            declaration.unit.as_str(),
            labels.join(", "),
            declaration.help.replace('|', "\\|"),
        )
    });
    let head = "| Metric | Kind | Unit | Labels | Meaning |\n| --- | --- | --- | --- | --- |\n";
    std::iter::once(head.to_owned()).chain(rows).collect()
}
