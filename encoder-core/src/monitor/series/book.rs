//! All series.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::aggregate::{Aggregate, Bucket};
use super::config::{SeriesConfig, TierConfig};
use super::metric::{Metric, SeriesSubject};
use super::plan::{Plan, millis};
use super::ring::Ring;
use super::segment::{SLOTS, Segment};
use crate::model::Timestamp;
use crate::store::SeriesChunk;

/// The recorded readings of fleet and manager.
///
/// Pure: time comes in as an argument. Readings may come late or twice.
///
/// ```
/// use std::time::Duration;
/// use encoder_core::model::Timestamp;
/// use encoder_core::monitor::series::{Metric, SeriesBook, SeriesConfig, SeriesSubject};
///
/// let mut book = SeriesBook::new(&SeriesConfig::default());
/// let encoder = SeriesSubject::Encoder("helo-1".parse()?);
/// let start = Timestamp::from_millis(1_700_000_000_000);
/// for second in [0, 10, 30] {
///     let at = start.plus(Duration::from_secs(second));
///     book.record(&encoder, Metric::Temperature, at, 60.0 + second as f64);
/// }
/// let end = start.plus(Duration::from_secs(40));
/// let answer = book.query(&encoder, Metric::Temperature, start, end, Duration::from_secs(20));
/// let means: Vec<_> = answer.points.iter().map(|p| p.map(|p| p.mean)).collect();
/// assert_eq!(means, [Some(65.0), Some(90.0)]);
/// # Ok::<_, encoder_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SeriesBook {
    tiers: Vec<TierConfig>,
    subjects: BTreeMap<SeriesSubject, Vec<Series>>,
    /// When the last reading was.
    latest: Timestamp,
}

#[derive(Clone, Debug)]
struct Series {
    metric: Metric,
    rings: Box<[Ring]>,
}

/// What was recorded of one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesAnswer {
    /// When the first point begins: the asked time, rounded down to a whole step.
    pub from: Timestamp,
    /// The span of each point; longer than asked where nothing finer is kept, or where it would
    /// be more than [`MAX_POINTS`](super::MAX_POINTS).
    pub step: Duration,
    /// One after the other without omission; `None` is a time without readings.
    pub points: Vec<Option<Bucket>>,
}

impl SeriesBook {
    /// Without any series.
    pub fn new(config: &SeriesConfig) -> Self {
        Self {
            tiers: config.tiers.clone(),
            subjects: BTreeMap::new(),
            latest: Timestamp::default(),
        }
    }

    /// Writes a reading down. What is not a finite number is no reading.
    pub fn record(&mut self, subject: &SeriesSubject, metric: Metric, at: Timestamp, value: f64) {
        if !(value as f32).is_finite() {
            return;
        }
        self.latest = at;
        let tiers = self.tiers.len();
        if !self.subjects.contains_key(subject) {
            self.subjects.insert(subject.clone(), Vec::new());
        }
        let Some(all) = self.subjects.get_mut(subject) else {
            return;
        };
        let series = entry(all, metric, tiers);
        for (tier, ring) in self.tiers.iter().zip(&mut series.rings) {
            let index = at.as_millis().div_euclid(millis(tier.step));
            ring.record(index, value, limit(tier));
        }
    }

    /// Writes readings of the manager itself down.
    pub fn record_manager(&mut self, at: Timestamp, readings: &[(Metric, f64)]) {
        for (metric, value) in readings {
            self.record(&SeriesSubject::Manager, *metric, at, *value);
        }
    }

    /// What was recorded from `from` to before `to`, from the finest tier that reaches back so
    /// far. A metric that was never recorded has gaps only.
    pub fn query(
        &self,
        subject: &SeriesSubject,
        metric: Metric,
        from: Timestamp,
        to: Timestamp,
        step: Duration,
    ) -> SeriesAnswer {
        let plan = self.plan(from, to, step);
        SeriesAnswer {
            from: plan.at(0),
            step: plan.step(),
            points: self.points(&plan, subject, metric, &[]),
        }
    }

    /// The metrics that were recorded of that subject.
    pub fn metrics(&self, subject: &SeriesSubject) -> BTreeSet<Metric> {
        let all = self.subjects.get(subject).into_iter().flatten();
        all.map(|series| series.metric).collect()
    }

    /// Drops everything about an encoder that was removed.
    pub fn forget(&mut self, subject: &SeriesSubject) {
        self.subjects.remove(subject);
    }

    /// Memory of all series, without the allocator's own losses.
    pub fn memory_bytes(&self) -> usize {
        let series = |series: &Series| {
            let rings: usize = series.rings.iter().map(Ring::memory_bytes).sum();
            rings + size_of_val(&*series.rings)
        };
        let subject = |(name, all): (&SeriesSubject, &Vec<Series>)| {
            let series: usize = all.iter().map(series).sum();
            series + all.capacity() * size_of::<Series>() + size_of_val(name)
        };
        self.subjects.iter().map(subject).sum()
    }

    pub(crate) fn plan(&self, from: Timestamp, to: Timestamp, step: Duration) -> Plan {
        Plan::new(&self.tiers, self.latest, (from, to), step)
    }

    /// The points of a plan. Where memory has nothing, `stored` is read; it is of the plan's tier
    /// and of this series.
    pub(crate) fn points(
        &self,
        plan: &Plan,
        subject: &SeriesSubject,
        metric: Metric,
        stored: &[SeriesChunk],
    ) -> Vec<Option<Bucket>> {
        let all = self.subjects.get(subject).into_iter().flatten();
        let series = all.into_iter().find(|series| series.metric == metric);
        let ring = series.and_then(|series| series.rings.get(plan.tier));
        let mut whole = Ring::default();
        for segment in stored.iter().filter_map(segment_of) {
            whole.restore(segment, usize::MAX);
        }
        let older = whole.within(plan.indices()).filter(|(index, _)| {
            let recent = ring.and_then(|ring| ring.get(*index));
            recent.is_none()
        });
        let recent = ring
            .into_iter()
            .flat_map(|ring| ring.within(plan.indices()));
        let mut points: Vec<Option<Aggregate>> = vec![None; plan.points];
        for (index, bucket) in older.chain(recent) {
            if let Some(point) = points.get_mut(plan.point_of(index)) {
                *point = Some(point.map_or(bucket, |before| before.with(bucket)));
            }
        }
        let shown = |(n, point): (usize, Option<Aggregate>)| Some(point?.bucket(plan.at(n)));
        points.into_iter().enumerate().map(shown).collect()
    }

    /// Span of the finest buckets.
    pub(crate) fn finest(&self) -> Duration {
        self.tiers.first().map_or(Duration::MAX, |tier| tier.step)
    }

    /// Whether the plan asks for more than memory holds.
    pub(crate) fn needs_store(&self, plan: &Plan) -> bool {
        let tier = self.tiers.get(plan.tier);
        tier.is_some_and(|tier| {
            tier.memory < tier.keep && plan.at(0) < self.latest.minus(tier.memory)
        })
    }

    /// Everybody of whom something was recorded.
    pub(crate) fn subjects(&self) -> Vec<SeriesSubject> {
        self.subjects.keys().cloned().collect()
    }

    /// What the store does not have yet of a subject. Counts as written from now on.
    pub(crate) fn take_dirty(&mut self, subject: &SeriesSubject) -> Vec<SeriesChunk> {
        let mut chunks = Vec::new();
        for series in self.subjects.get_mut(subject).into_iter().flatten() {
            for (tier, ring) in self.tiers.iter().zip(&mut series.rings) {
                let span = millis(tier.step).saturating_mul(SLOTS as i64);
                chunks.extend(ring.take_dirty().map(|(number, body)| SeriesChunk {
                    subject: subject.to_string(),
                    metric: series.metric.as_str().to_owned(),
                    step: tier.step,
                    start: Timestamp::from_millis(i64::from(number).saturating_mul(span)),
                    body,
                }));
            }
        }
        chunks
    }

    /// Takes back that chunks were written, so that they are tried again.
    pub(crate) fn not_written(&mut self, subject: &SeriesSubject, chunks: &[SeriesChunk]) {
        let Some(all) = self.subjects.get_mut(subject) else {
            return;
        };
        for chunk in chunks {
            let series = all.iter_mut().find(|s| s.metric.as_str() == chunk.metric);
            let tier = self.tiers.iter().position(|tier| tier.step == chunk.step);
            if let (Some(series), Some(tier)) = (series, tier) {
                series.rings[tier].mark_dirty(number_of(chunk));
            }
        }
    }

    /// Takes in what the store kept of a subject. Chunks of metrics or resolutions that are
    /// unknown now are passed over.
    pub(crate) fn restore(&mut self, subject: &SeriesSubject, chunks: &[SeriesChunk]) {
        for chunk in chunks {
            let tier = self.tiers.iter().position(|tier| tier.step == chunk.step);
            let known = tier.zip(chunk.metric.parse::<Metric>().ok());
            if let (Some((tier, metric)), Some(segment)) = (known, segment_of(chunk)) {
                let all = self.subjects.entry(subject.clone()).or_default();
                let series = entry(all, metric, self.tiers.len());
                series.rings[tier].restore(segment, limit(&self.tiers[tier]));
            }
        }
    }
}

fn entry(all: &mut Vec<Series>, metric: Metric, tiers: usize) -> &mut Series {
    let place = all.iter().position(|series| series.metric == metric);
    let place = place.unwrap_or_else(|| {
        all.push(Series {
            metric,
            rings: vec![Ring::default(); tiers].into(),
        });
        all.len() - 1
    });
    &mut all[place]
}

/// Segments in memory. The one under way is not full, and one more may not be written yet.
fn limit(tier: &TierConfig) -> usize {
    let span = millis(tier.step).saturating_mul(SLOTS as i64);
    let memory = i64::try_from(tier.memory.as_millis()).unwrap_or(i64::MAX);
    let full = memory.saturating_add(span - 1) / span;
    usize::try_from(full).unwrap_or(usize::MAX - 1).max(1) + 1
}

fn number_of(chunk: &SeriesChunk) -> i32 {
    let span = millis(chunk.step).saturating_mul(SLOTS as i64);
    i32::try_from(chunk.start.as_millis().div_euclid(span)).unwrap_or(i32::MIN)
}

fn segment_of(chunk: &SeriesChunk) -> Option<Segment> {
    Segment::decode(number_of(chunk), &chunk.body)
}
