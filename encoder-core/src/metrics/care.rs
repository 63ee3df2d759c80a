//! What can be read of an encoder's heat, its recording media and its restarts.

use super::declare::{Declaration, Unit};
use super::encoder::{Of, counter, gauge, truth};

const fn medium(name: &'static str, unit: Unit, help: &'static str) -> Declaration {
    Declaration::gauge(name, unit, &["encoder_id", "medium"], help)
}

pub(super) static READINGS: [Of; 11] = [
    Of::one(
        gauge(
            "encoder_cooling_step",
            Unit::Count,
            "How far its share of load is reduced: 0 not at all, the last step wholly.",
        ),
        |sample| {
            Some(
                sample
                    .view
                    .cooling
                    .as_ref()
                    .map_or(0.0, |cooling| f64::from(cooling.step)),
            )
        },
    ),
    Of::several(
        Declaration::counter(
            "encoder_coolings_total",
            &["encoder_id", "reason"],
            "Times that a cooling began, by reason.",
        ),
        |sample, to| {
            for (reason, count) in &sample.counted.coolings {
                to.put(&[reason.as_str()], *count as f64);
            }
        },
    ),
    Of::one(
        counter(
            "encoder_warm_ups_total",
            "Times that a cooling's reason was gone and load began to come back.",
        ),
        |sample| Some(sample.counted.warm_ups as f64),
    ),
    Of::one(
        gauge(
            "encoder_burst_used",
            Unit::Count,
            "Requests to the device that count against the burst limit.",
        ),
        |sample| Some(f64::from(sample.view.burst.used)),
    ),
    Of::one(
        gauge(
            "encoder_burst_limit",
            Unit::Count,
            "How many may count before ordinary requests wait.",
        ),
        |sample| Some(f64::from(sample.view.burst.limit)),
    ),
    // Recording media and restarts.
    Of::several(
        medium(
            "encoder_medium_free_bytes",
            Unit::Bytes,
            "Free space of a recording medium, by slot.",
        ),
        |sample, to| sample.put_media(to, |medium| Some(medium.free_bytes? as f64)),
    ),
    Of::several(
        medium(
            "encoder_medium_size_bytes",
            Unit::Bytes,
            "Size of a recording medium, by slot.",
        ),
        |sample, to| sample.put_media(to, |medium| Some(medium.total_bytes? as f64)),
    ),
    Of::several(
        medium(
            "encoder_medium_used_ratio",
            Unit::Ratio,
            "Used space of a recording medium, by slot.",
        ),
        |sample, to| sample.put_media(to, |medium| Some(medium.used_percent()? / 100.0)),
    ),
    Of::several(
        medium(
            "encoder_medium_ready",
            Unit::Count,
            "1 while the device would record on the medium.",
        ),
        |sample, to| sample.put_media(to, |medium| medium.ready.map(truth)),
    ),
    Of::one(
        counter(
            "encoder_reboots_total",
            "Restarts of the device that were noticed.",
        ),
        |sample| Some(sample.counted.reboots as f64),
    ),
    Of::one(
        gauge(
            "encoder_reboot_loop",
            Unit::Count,
            "1 while it restarts again and again, and is not trusted yet.",
        ),
        |sample| Some(truth(sample.is_reboot_loop)),
    ),
];
