//! What can be read of a stream.

use std::collections::BTreeMap;

use super::declare::{Declaration, Kind, Unit};
use super::mirror::Reading;
use crate::model::{EncoderId, Protection, StreamId, StreamState, StreamView};

const ID: &[&str] = &["stream_id"];

/// A stream, with what it lost so far.
#[derive(Debug)]
pub(super) struct StreamSample {
    pub(super) view: StreamView,
    pub(super) dropped: Option<u64>,
}

impl StreamSample {
    pub(super) fn id(&self) -> &str {
        self.view.record.id.as_str()
    }

    /// Whether it holds encoders.
    fn is_active(&self) -> bool {
        self.view.record.state.is_active()
    }
}

/// What each stream lost so far, over all encoders that published it.
///
/// An encoder counts since it began to publish, so its count says little of the stream once
/// another takes over: only what is added while an encoder publishes is the stream's.
#[derive(Debug, Default)]
pub(super) struct StreamBook(BTreeMap<StreamId, Drops>);

#[derive(Debug)]
struct Drops {
    encoder: EncoderId,
    last: u64,
    total: u64,
}

impl Drops {
    fn observe(&mut self, encoder: &EncoderId, count: u64) {
        if self.encoder == *encoder {
            let begun_again = count < self.last;
            self.total += count - if begun_again { 0 } else { self.last };
        } else {
            self.encoder = encoder.clone();
        }
        self.last = count;
    }
}

impl StreamBook {
    /// Completes the views of all streams. Those that were stopped are no longer told.
    pub(super) fn samples(&mut self, views: Vec<StreamView>) -> Vec<StreamSample> {
        let mut known = std::mem::take(&mut self.0);
        let told = views
            .into_iter()
            .filter(|view| view.record.state != StreamState::Stopped);
        told.map(|view| {
            let id = view.record.id.clone();
            let encoder = &view.health.encoder_id;
            let count = view.health.dropped_frames;
            let drops = match (known.remove(&id), count) {
                (Some(mut drops), Some(count)) => {
                    drops.observe(encoder, count);
                    Some(drops)
                }
                (None, Some(count)) => Some(Drops {
                    encoder: encoder.clone(),
                    last: count,
                    total: count,
                }),
                (drops, None) => drops,
            };
            let dropped = drops.as_ref().map(|drops| drops.total);
            self.0.extend(drops.map(|drops| (id, drops)));
            StreamSample { view, dropped }
        })
        .collect()
    }
}

const fn protection(protection: Protection) -> &'static str {
    match protection {
        Protection::Hot => "hot",
        Protection::Warm => "warm",
        Protection::Cold => "cold",
        Protection::None => "none",
    }
}

/// The states of streams that are told.
pub(super) fn lasting() -> impl Iterator<Item = StreamState> {
    let stopped = StreamState::Stopped;
    StreamState::ALL
        .into_iter()
        .filter(move |state| *state != stopped)
}

type Of = Reading<StreamSample>;

pub(super) static READINGS: [Of; 7] = [
    Of::several(
        Declaration::gauge(
            "encoder_stream_state",
            Unit::Count,
            &["stream_id", "state"],
            "1 for the state the stream is in, 0 for the others; gone once it is stopped.",
        ),
        |sample, to| {
            for state in lasting() {
                to.put(
                    &[state.as_str()],
                    f64::from(u8::from(sample.view.record.state == state)),
                );
            }
        },
    ),
    Of::several(
        Declaration::gauge(
            "encoder_stream_protection",
            Unit::Count,
            &["stream_id", "protection"],
            "1 for how the stream is protected.",
        ),
        |sample, to| {
            if sample.is_active() {
                to.put(&[protection(sample.view.record.protection)], 1.0);
            }
        },
    ),
    Of::one(
        Declaration::gauge(
            "encoder_stream_backup_ready",
            Unit::Count,
            ID,
            "1 while a backup could take over; absent where none is wanted.",
        ),
        |sample| {
            let wanted = sample.view.record.protection != Protection::None;
            let told = wanted && sample.is_active();
            told.then(|| f64::from(u8::from(sample.view.backup.ready)))
        },
    ),
    Of::several(
        Declaration::gauge(
            "encoder_stream_encoder_info",
            Unit::Info,
            &["stream_id", "encoder_id", "role"],
            "The encoders that the stream holds, as primary or backup.",
        ),
        |sample, to| {
            let record = &sample.view.record;
            if sample.is_active() {
                to.put(&[record.primary.encoder_id.as_str(), "primary"], 1.0);
                if let Some(backup) = &record.backup {
                    to.put(&[backup.encoder_id.as_str(), "backup"], 1.0);
                }
            }
        },
    ),
    Of::one(
        Declaration::gauge(
            "encoder_stream_bits_per_second",
            Unit::BitsPerSecond,
            ID,
            "What the device puts out of the stream or, where it does not measure, what its ingest receives.",
        ),
        |sample| Some(sample.view.health.bitrate.filter(|_| sample.is_active())?.0 as f64),
    ),
    Of::one(
        Declaration::new(
            "encoder_stream_dropped_frames_total",
            Kind::Counter,
            Unit::Count,
            ID,
            "Pictures dropped by the encoders that published it, as seen at each reading of this figure.",
        ),
        |sample| sample.dropped.map(|dropped| dropped as f64),
    ),
    Of::several(
        Declaration::gauge(
            "encoder_stream_issue",
            Unit::Count,
            &["stream_id", "code", "severity"],
            "1 while the stream has this trouble; gone with it.",
        ),
        |sample, to| super::encoder::put_issues(&sample.view.health.issues, to),
    ),
];
