//! Sixty buckets in a row, packed.

use super::aggregate::Aggregate;

/// Buckets of a segment; their presence fits the bits of one number.
pub(super) const SLOTS: usize = 60;

/// A mean at the highest value. Can be divided by all numbers to ten, so that the mean of a few
/// small whole numbers comes back as it was.
const PLACES: u16 = 65_520;

/// First byte of the packed form.
const SINGLE: u8 = 1;
const SPREAD: u8 = 2;

/// Consecutive buckets; the first one's index is `number * SLOTS`.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) number: i32,
    /// Whether it holds something that the store does not.
    pub(super) dirty: bool,
    present: u64,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    /// Every bucket holds one reading.
    Single(Box<[f32; SLOTS]>),
    Spread(Box<Spread>),
}

/// Column by column, so that nothing is lost to alignment.
#[derive(Clone, Debug)]
struct Spread {
    min: [f32; SLOTS],
    max: [f32; SLOTS],
    /// Where the mean lies between `min` (0) and `max` ([`PLACES`]).
    place: [u16; SLOTS],
    count: [u8; SLOTS],
}

impl Spread {
    fn set(&mut self, slot: usize, value: &Aggregate) {
        let (min, max) = (f64::from(value.min), f64::from(value.max));
        let share = if max > min {
            (value.mean() - min) / (max - min)
        } else {
            0.0
        };
        self.min[slot] = value.min;
        self.max[slot] = value.max;
        self.place[slot] = (share * f64::from(PLACES)).round() as u16;
        self.count[slot] = u8::try_from(value.count).unwrap_or(u8::MAX);
    }

    fn get(&self, slot: usize) -> Aggregate {
        let range = (self.min[slot], self.max[slot]);
        unpack(range, self.place[slot], self.count[slot])
    }
}

impl Segment {
    pub(super) fn new(number: i32) -> Self {
        Self {
            number,
            dirty: false,
            present: 0,
            body: Body::Single(Box::new([0.0; SLOTS])),
        }
    }

    pub(super) fn get(&self, slot: usize) -> Option<Aggregate> {
        if self.present & (1 << slot) == 0 {
            return None;
        }
        Some(match &self.body {
            Body::Single(values) => Aggregate::of(f64::from(values[slot])),
            Body::Spread(columns) => columns.get(slot),
        })
    }

    pub(super) fn set(&mut self, slot: usize, value: &Aggregate) {
        if value.count > 1 {
            self.widen();
        }
        match &mut self.body {
            Body::Single(values) => values[slot] = value.min,
            Body::Spread(columns) => columns.set(slot, value),
        }
        self.present |= 1 << slot;
        self.dirty = true;
    }

    fn widen(&mut self) {
        let Body::Single(values) = &self.body else {
            return;
        };
        let mut columns = Spread {
            min: [0.0; SLOTS],
            max: [0.0; SLOTS],
            place: [0; SLOTS],
            count: [0; SLOTS],
        };
        for (slot, value) in values.iter().enumerate() {
            columns.set(slot, &Aggregate::of(f64::from(*value)));
        }
        self.body = Body::Spread(Box::new(columns));
    }

    /// Takes over the buckets that it does not have itself.
    pub(super) fn fill_from(&mut self, other: &Self) {
        let dirty = self.dirty;
        for slot in 0..SLOTS {
            if let (None, Some(value)) = (self.get(slot), other.get(slot)) {
                self.set(slot, &value);
            }
        }
        self.dirty = dirty;
    }

    pub(super) fn memory_bytes(&self) -> usize {
        // The allocator's own account of a block takes another word.
        let body = match &self.body {
            Body::Single(_) => size_of::<[f32; SLOTS]>(),
            Body::Spread(_) => size_of::<Spread>(),
        };
        body + size_of::<usize>()
    }

    /// The form in which the store keeps it: kind, presence, then what each bucket holds, all
    /// with the lowest byte first.
    pub(super) fn encode(&self) -> Vec<u8> {
        let kind = match &self.body {
            Body::Single(_) => SINGLE,
            Body::Spread(_) => SPREAD,
        };
        let mut bytes = vec![kind];
        bytes.extend(self.present.to_le_bytes());
        for slot in (0..SLOTS).filter(|slot| self.present & (1 << slot) != 0) {
            match &self.body {
                Body::Single(values) => bytes.extend(values[slot].to_le_bytes()),
                Body::Spread(columns) => {
                    bytes.extend(columns.min[slot].to_le_bytes());
                    bytes.extend(columns.max[slot].to_le_bytes());
                    bytes.extend(columns.place[slot].to_le_bytes());
                    bytes.push(columns.count[slot]);
                }
            }
        }
        bytes
    }

    /// Reads the stored form; `None` when that is damaged or of another release.
    pub(super) fn decode(number: i32, bytes: &[u8]) -> Option<Self> {
        let (&kind, mut rest) = bytes.split_first()?;
        let present = u64::from_le_bytes(take(&mut rest)?);
        if present >> SLOTS != 0 {
            return None;
        }
        let mut segment = Self::new(number);
        for slot in (0..SLOTS).filter(|slot| present & (1 << slot) != 0) {
            let value = match kind {
                SINGLE => Aggregate::of(f64::from(reading(&mut rest)?)),
                SPREAD => spread(&mut rest)?,
                _ => return None,
            };
            segment.set(slot, &value);
        }
        segment.dirty = false;
        rest.is_empty().then_some(segment)
    }
}

fn spread(rest: &mut &[u8]) -> Option<Aggregate> {
    let (min, max) = (reading(rest)?, reading(rest)?);
    let place = u16::from_le_bytes(take(rest)?);
    let [count] = take(rest)?;
    let holds = min <= max && place <= PLACES && count > 0;
    holds.then(|| unpack((min, max), place, count))
}

fn unpack((min, max): (f32, f32), place: u16, count: u8) -> Aggregate {
    let (low, high) = (f64::from(min), f64::from(max));
    let mean = low + (high - low) * f64::from(place) / f64::from(PLACES);
    Aggregate {
        min,
        max,
        sum: mean * f64::from(count),
        count: u32::from(count),
    }
}

fn reading(rest: &mut &[u8]) -> Option<f32> {
    let value = f32::from_le_bytes(take(rest)?);
    value.is_finite().then_some(value)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}
