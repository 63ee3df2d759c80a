//! The device's values as last heard, by reading or by event.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use encoder_core::model::Alarm;
use tokio::time::Instant;

use crate::params::{COUNT, Param};

/// Every known parameter's last value. It may hold a stream key, so there is no `Debug`.
pub(crate) struct Readings {
    values: Vec<Reading>,
    /// Those that are active. Read when a value changes, since a status is asked for every second
    /// and an alarm rests for weeks.
    alarms: BTreeMap<Param, Alarm>,
    /// Names that devices give to parameters in numbers, learnt from their replies.
    numbers: HashMap<u64, Param>,
}

#[derive(Clone, Default)]
struct Reading {
    value: Option<String>,
    read_at: Option<Instant>,
    told_at: Option<Instant>,
    /// When the value was first heard.
    changed_at: Option<Instant>,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            values: vec![Reading::default(); COUNT],
            alarms: BTreeMap::new(),
            numbers: HashMap::new(),
        }
    }
}

impl Readings {
    /// The value as text; `None` when never heard, or when the device has none.
    pub(crate) fn text(&self, param: Param) -> Option<&str> {
        self.values[param.index()].value.as_deref()
    }

    /// The value as a number.
    pub(crate) fn number(&self, param: Param) -> Option<u64> {
        self.text(param)?.trim().parse().ok()
    }

    /// The value as a choice of no and yes.
    pub(crate) fn flag(&self, param: Param) -> Option<bool> {
        match self.number(param)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// Keeps the answer to a read that began at `asked`, unless an event brought a newer value
    /// meanwhile.
    pub(crate) fn read(&mut self, param: Param, value: Option<String>, asked: Instant) {
        let reading = &mut self.values[param.index()];
        reading.read_at = Some(asked);
        if reading.told_at.is_none_or(|told| told <= asked) {
            self.keep(param, value, asked);
        }
    }

    /// Keeps what an event told.
    pub(crate) fn told(&mut self, param: Param, value: String, now: Instant) {
        self.keep(param, Some(value), now);
        self.values[param.index()].told_at = Some(now);
    }

    fn keep(&mut self, param: Param, value: Option<String>, heard: Instant) {
        let reading = &mut self.values[param.index()];
        let held = &mut reading.value;
        if *held == value {
            return;
        }
        *held = value;
        reading.changed_at = Some(heard);
        if let Some(meaning) = param.alarm() {
            match held.as_deref().and_then(|value| meaning.read(value)) {
                Some(alarm) => self.alarms.insert(param, alarm),
                None => self.alarms.remove(&param),
            };
        }
    }

    /// The active alarms, in the order of their parameters.
    pub(crate) fn alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.values()
    }

    /// Whether the value was neither read nor told of within `age`.
    pub(crate) fn is_older_than(&self, param: Param, age: Duration, now: Instant) -> bool {
        let heard = self.heard_at(param);
        heard.is_none_or(|heard| now.saturating_duration_since(heard) >= age)
    }

    /// When the value was last heard of, for an order among stale ones.
    pub(crate) fn heard_at(&self, param: Param) -> Option<Instant> {
        let reading = &self.values[param.index()];
        reading.read_at.max(reading.told_at)
    }

    /// Since when it has this value.
    pub(crate) fn changed_at(&self, param: Param) -> Option<Instant> {
        self.values[param.index()].changed_at
    }

    /// Forgets the values of parameters that nobody reads regularly, because the feed that told
    /// of them is gone.
    pub(crate) fn forget(&mut self, params: impl Iterator<Item = Param>) {
        for param in params {
            self.alarms.remove(&param);
            self.values[param.index()] = Reading::default();
        }
    }

    pub(crate) fn learn_number(&mut self, number: u64, param: Param) {
        self.numbers.insert(number, param);
    }

    pub(crate) fn by_number(&self, number: u64) -> Option<Param> {
        self.numbers.get(&number).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn late_answer_does_not_undo_an_event() {
        let mut readings = Readings::default();
        let asked = Instant::now();
        tokio::time::advance(Duration::from_millis(5)).await;
        readings.told(Param::STREAM_STATE, "2".to_owned(), Instant::now());
        readings.read(Param::STREAM_STATE, Some("1".to_owned()), asked);
        assert_eq!(readings.number(Param::STREAM_STATE), Some(2));
        let later = Instant::now() + Duration::from_millis(1);
        readings.read(Param::STREAM_STATE, Some("4".to_owned()), later);
        assert_eq!(readings.number(Param::STREAM_STATE), Some(4));
    }

    #[test]
    fn alarms_follow_their_values() {
        let mut readings = Readings::default();
        let codes = |readings: &Readings| {
            readings
                .alarms()
                .map(|a| a.code.clone())
                .collect::<Vec<_>>()
        };
        let alarm = Param::alarms().next().expect("there are alarms");
        let code = alarm.alarm().expect("it is one").code;
        // Field 1 is 1, then 0, in base64.
        let (active, resting) = ("CAE=".to_owned(), "CAA=".to_owned());
        let now = Instant::now();
        readings.told(alarm, active.clone(), now);
        assert_eq!(codes(&readings), [code]);
        readings.read(alarm, Some(resting.clone()), now - Duration::from_secs(1));
        assert_eq!(codes(&readings), [code], "an older answer");
        readings.told(alarm, resting, now);
        assert!(codes(&readings).is_empty());
        readings.read(alarm, Some(active), now);
        readings.forget([alarm].into_iter());
        assert!(codes(&readings).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn values_age_from_when_they_were_heard() {
        let mut readings = Readings::default();
        let age = Duration::from_secs(10);
        assert!(readings.is_older_than(Param::TEMPERATURE, age, Instant::now()));
        readings.read(Param::TEMPERATURE, None, Instant::now());
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(!readings.is_older_than(Param::TEMPERATURE, age, Instant::now()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(readings.is_older_than(Param::TEMPERATURE, age, Instant::now()));
    }
}
