//! What a person can do about a condition.

use crate::model::{alarm_code, issue_code};

/// Suggestions for an issue code, most promising first.
pub(super) fn suggestions(code: &str) -> Vec<String> {
    let lines: &[&str] = match code {
        issue_code::DEVICE_SILENT => &[
            "Check power and network cable of the encoder.",
            "Open its own web page from the network of this server.",
        ],
        issue_code::MANAGER_ISOLATED => &[
            "Check the network of this server first: every encoder fell silent at once.",
            "Look at the ingest: the encoders may be streaming undisturbed.",
        ],
        issue_code::STREAM_FAILING | issue_code::STREAM_STOPPED | alarm_code::STREAMING_FAILED => {
            &[
                "Look at the stream's timeline for what was tried.",
                "Check that the ingest is up and accepts the stream key.",
            ]
        }
        issue_code::STREAM_NOT_STARTED => &[
            "Check the ingest address and stream key.",
            "Look at the alarms on the encoder's own page.",
        ],
        issue_code::INPUT_LOST | alarm_code::NO_VIDEO_INPUT => {
            &["Check the cable and the source at the encoder's video input."]
        }
        alarm_code::NO_AUDIO_INPUT => &["Check the audio source selected on the encoder."],
        issue_code::UNPROTECTED => &[
            "Add or free an encoder, or repair the backup; the reasons are in the stream's health.",
        ],
        issue_code::FAILOVER_HELD | issue_code::FAILOVER_FAILED => &[
            "Move the stream by hand when the cause is known.",
            "Look at the stream's timeline for the reason.",
        ],
        issue_code::FENCE_PENDING => &[
            "Make sure that the old encoder does not publish: stop it on its own page or cut its power.",
        ],
        issue_code::TEMPERATURE_HIGH
        | issue_code::OVERHEATING
        | alarm_code::NEAR_OVER_TEMPERATURE => &[
            "Check air flow around the encoder.",
            "Move its stream before it shuts down by itself.",
        ],
        issue_code::STORAGE_LOW => &["Free or replace the recording medium."],
        alarm_code::NETWORK_TOO_SLOW | alarm_code::DROPPED_FRAMES => &[
            "Lower the bitrate.",
            "Check the uplink between encoder and ingest.",
        ],
        _ => of_the_connection(code)
            .or_else(|| of_the_recorder(code))
            .unwrap_or_else(|| at_the_ingest(code)),
    };
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Suggestions about what a connection does again and again.
fn of_the_connection(code: &str) -> Option<&'static [&'static str]> {
    let lines: &[&str] = match code {
        issue_code::CONNECTION_FLAPPING => &[
            "Check cable, switch port and power of the encoder; a link that flaps is rarely software.",
            "Move its stream while the backup is ready.",
        ],
        issue_code::CONNECTION_LOSS_PERIODIC => &[
            "Look for what runs at that period: address leases, backups, scans, a switch that relearns.",
        ],
        issue_code::CONNECTION_DEGRADING => &[
            "Compare with other encoders of the site: if they rise as well, it is the network.",
            "Restart the encoder when it streams nothing.",
        ],
        issue_code::CONNECTION_SLOW_HOURS => {
            &["Look for what else uses the network at these hours, or plan streams around them."]
        }
        _ => return None,
    };
    Some(lines)
}

/// Suggestions about recordings and restarts.
fn of_the_recorder(code: &str) -> Option<&'static [&'static str]> {
    let lines: &[&str] = match code {
        issue_code::STORAGE_FULL => &[
            "Free or replace the recording medium.",
            "List other media in storage.destinations, so that recordings go on there.",
        ],
        issue_code::STORAGE_REMOVED => {
            &["Put the recording medium back, or let the encoder record to another one."]
        }
        issue_code::STORAGE_SLOW => &["Use a faster medium, or a lower recording bitrate."],
        issue_code::STORAGE_UNWRITABLE => &[
            "Check write protection, access rights and format of the recording medium.",
            "Save what is on it before it is formatted.",
        ],
        issue_code::REBOOT_LOOP => &[
            "Check the encoder's power supply and temperature.",
            "Compare its firmware with the others' before it is used again.",
        ],
        _ => return None,
    };
    Some(lines)
}

/// Suggestions about what an ingest told.
fn at_the_ingest(code: &str) -> &'static [&'static str] {
    match code {
        issue_code::INGEST_RECEIVES_NOTHING => &[
            "Check the network between encoder and ingest, and that the ingest took the stream key.",
            "Compare the address in the stream's settings with the one that the ingest reports.",
        ],
        issue_code::INGEST_SUSPECT => &[
            "Check the ingest first: it receives none of its streams, so moving one would not help.",
            "Look at the encoders' own pages: they say that they stream.",
        ],
        issue_code::INGEST_WITNESS_SILENT => &[
            "Check that the ingest's statistics can be reached from this server.",
            "Until then streams are judged by what their encoders say alone.",
        ],
        issue_code::DEVICE_SILENT_ON_AIR => &[
            "Leave the encoder alone while the ingest receives it; its control network is the suspect.",
            "Move the stream by hand when a short interruption is acceptable.",
        ],
        _ => &[],
    }
}
