//! One series at one resolution.

use std::ops::Range;

use super::aggregate::Aggregate;
use super::segment::{SLOTS, Segment};

/// The segments of one series and tier, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    segments: Vec<Segment>,
    /// The bucket written last, with its exact sum.
    open: Option<(i64, Aggregate)>,
}

/// The segment and the place in it of a bucket.
pub(super) fn place_of(index: i64) -> Option<(i32, usize)> {
    let number = i32::try_from(index.div_euclid(SLOTS as i64)).ok()?;
    let slot = usize::try_from(index.rem_euclid(SLOTS as i64)).ok()?;
    Some((number, slot))
}

impl Ring {
    /// Adds a reading to the bucket of that index. With more than `limit` segments the one
    /// furthest away in time goes, so that a clock that jumped heals by itself.
    pub(super) fn record(&mut self, index: i64, value: f64, limit: usize) {
        let Some((number, slot)) = place_of(index) else {
            return;
        };
        let reading = Aggregate::of(value);
        let before = match self.open {
            Some((open, sum)) if open == index => Some(sum),
            _ => self.get(index),
        };
        let sum = before.map_or(reading, |before| before.with(reading));
        self.open = Some((index, sum));
        self.segment(number, limit).set(slot, &sum);
    }

    fn segment(&mut self, number: i32, limit: usize) -> &mut Segment {
        let place = match self.find(number) {
            Ok(place) => place,
            Err(place) => {
                if self.segments.len() == self.segments.capacity() {
                    self.segments.reserve_exact(1);
                }
                self.segments.insert(place, Segment::new(number));
                self.evict(number, limit);
                self.find(number).unwrap_or(0)
            }
        };
        &mut self.segments[place]
    }

    fn evict(&mut self, number: i32, limit: usize) {
        while self.segments.len() > limit.max(1) {
            let distance = |segment: Option<&Segment>| {
                segment.map_or(0, |segment| segment.number.abs_diff(number))
            };
            if distance(self.segments.first()) >= distance(self.segments.last()) {
                self.segments.remove(0);
            } else {
                self.segments.pop();
            }
        }
    }

    fn find(&self, number: i32) -> Result<usize, usize> {
        // The newest is the usual answer.
        match self.segments.last() {
            Some(last) if last.number == number => Ok(self.segments.len() - 1),
            _ => self.segments.binary_search_by_key(&number, |s| s.number),
        }
    }

    pub(super) fn get(&self, index: i64) -> Option<Aggregate> {
        let (number, slot) = place_of(index)?;
        let place = self.find(number).ok()?;
        self.segments[place].get(slot)
    }

    /// The buckets of these indices, in order.
    pub(super) fn within(
        &self,
        indices: Range<i64>,
    ) -> impl Iterator<Item = (i64, Aggregate)> + '_ {
        let buckets = self.segments.iter().flat_map(|segment| {
            let first = i64::from(segment.number) * SLOTS as i64;
            (0..SLOTS).filter_map(move |slot| Some((first + slot as i64, segment.get(slot)?)))
        });
        buckets.filter(move |(index, _)| indices.contains(index))
    }

    /// Takes in a segment from the store; what is here already counts more.
    pub(super) fn restore(&mut self, segment: Segment, limit: usize) {
        let newest = self.segments.last().map_or(segment.number, |s| s.number);
        match self.find(segment.number) {
            Ok(place) => self.segments[place].fill_from(&segment),
            Err(place) => {
                let number = segment.number.max(newest);
                self.segments.insert(place, segment);
                self.evict(number, limit);
            }
        }
    }

    /// What the store does not have yet. Counts as written from now on.
    pub(super) fn take_dirty(&mut self) -> impl Iterator<Item = (i32, Vec<u8>)> + '_ {
        let dirty = self.segments.iter_mut().filter(|segment| segment.dirty);
        dirty.map(|segment| {
            segment.dirty = false;
            (segment.number, segment.encode())
        })
    }

    /// Takes back that a segment was written.
    pub(super) fn mark_dirty(&mut self, number: i32) {
        if let Ok(place) = self.find(number) {
            self.segments[place].dirty = true;
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let bodies: usize = self.segments.iter().map(Segment::memory_bytes).sum();
        bodies + self.segments.capacity() * size_of::<Segment>()
    }
}
