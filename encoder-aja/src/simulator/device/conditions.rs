//! What surrounds the device: signal, medium, warmth, and the faults that bend them.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::heat::Course;
use super::record::RecordPhase;
use super::state::{State, day_clock};
use super::stream::StreamPhase;
use crate::simulator::catalogue::{ParameterIndex, catalogue};
use crate::simulator::faults::FaultKind;

impl State {
    /// Brings the device in line with its surroundings.
    pub(super) fn settle(&mut self, now: Instant) {
        self.show_signal();
        self.show_medium_presence();
        self.show_fault_alarms();
        self.set_heat_course(now);
        self.fail_what_cannot_go_on(now);
        self.bend_picture();
        self.release_vanished();
    }

    /// Whether the selected source has a picture.
    pub(super) fn has_picture(&self) -> bool {
        match self.values.get("VideoInSelect") {
            "0" => self.seen_format(self.signal.sdi) > 1,
            "1" => self.seen_format(self.signal.hdmi) > 1,
            _ => true,
        }
    }

    /// Whether a test pattern stands in for a lost signal.
    pub(super) fn bridges_lost_video(&self) -> bool {
        self.values.get("LossOfVideoRecordBehavior") == "2"
    }

    /// Whether the unit serves its medium to the network instead of encoding.
    pub(super) fn serves_files(&self) -> bool {
        self.values.get("MediaState") == "1"
    }

    pub(super) fn media_link_is_down(&self) -> bool {
        self.faults.kinds().any(|kind| match kind {
            FaultKind::IngestUnreachable => true,
            FaultKind::NetworkSilence { media_continues } => !media_continues,
            _ => false,
        })
    }

    pub(super) fn has_medium(&self) -> bool {
        self.config.media.mounted && !self.faults.has(&FaultKind::StorageRemoved)
    }

    pub(super) fn free_bytes(&self, now: Instant) -> u64 {
        match self.faults.has(&FaultKind::StorageFull) || !self.has_medium() {
            true => 0,
            false => self.medium.free(now),
        }
    }

    fn seen_format(&self, plugged: u16) -> u16 {
        self.faults
            .kinds()
            .fold(plugged, |format, kind| match kind {
                FaultKind::InputLost => 0,
                FaultKind::InputFormatChanged { format: changed } if format > 0 => *changed,
                _ => format,
            })
    }

    fn show_signal(&mut self) {
        let sdi = self.seen_format(self.signal.sdi);
        let hdmi = self.seen_format(self.signal.hdmi);
        let selected = match self.values.get("VideoInSelect") {
            "0" => sdi,
            "1" => hdmi,
            _ => 0,
        };
        self.values.show("DetectInputFormat", selected.to_string());
        self.values.show("HDMIInputFormat", hdmi.to_string());
        self.set_alarm("No_Video_Input_Alarm", !self.has_picture());
    }

    fn show_medium_presence(&mut self) {
        let present = self.has_medium();
        let flag = u8::from(present).to_string();
        self.values.show("CurrentMediaMounted", flag);
        let ready = present && !self.faults.has(&FaultKind::StorageFull);
        self.values
            .show("MediaRecordReady", u8::from(ready).to_string());
        let text = |value: &str| {
            if present {
                value.to_owned()
            } else {
                String::new()
            }
        };
        self.values.show("FilesystemType", text("exFAT"));
        self.values.show("VolumeName", text("HELO"));
        self.values.show("StoragePath", text("/media0"));
        self.set_alarm("No_Media_Installed_Alarm", !present);
    }

    /// Raises what active faults and the network ask for and clears what they no longer do.
    fn show_fault_alarms(&mut self) {
        let faults = self.faults.kinds().filter_map(alarm_of);
        let network = self.stream.network_alarms().map(|id| catalogue().named(id));
        let wanted: BTreeSet<ParameterIndex> = faults.chain(network).collect();
        if wanted == self.fault_alarms {
            return;
        }
        for &gone in self.fault_alarms.clone().difference(&wanted) {
            self.set_alarm_at(gone, false);
        }
        for &come in &wanted {
            self.set_alarm_at(come, true);
        }
        self.fault_alarms = wanted;
    }

    fn set_heat_course(&mut self, now: Instant) {
        let forced = self.faults.kinds().find_map(|kind| match kind {
            FaultKind::OverTemperature { celsius, ramp } => Some((*celsius, *ramp)),
            _ => None,
        });
        if let Some((celsius, ramp)) = forced {
            self.heat.head_for(celsius, Course::Ramp(ramp), now);
            return;
        }
        let thermal = &self.config.thermal;
        let mut goal = thermal.idle;
        if self.stream.since.is_some() {
            goal += thermal.streaming;
        }
        if self.record.since.is_some() {
            goal += thermal.recording;
        }
        self.heat
            .head_for(goal, Course::Settling(thermal.settling), now);
    }

    fn fail_what_cannot_go_on(&mut self, now: Instant) {
        let blind = !self.has_picture() && !self.bridges_lost_video();
        if self.stream.phase == StreamPhase::Streaming {
            let stops_on_drops = self.values.get("StreamingDroppedFrameBhvr") == "1";
            let dropping =
                stops_on_drops && (self.stream.slow || self.faults.has(&FaultKind::DroppedFrames));
            let broken = self.faults.strike(&FaultKind::StreamFails);
            if broken || dropping || blind || self.media_link_is_down() {
                self.fail_stream(now);
            }
        }
        if matches!(self.stream.phase, StreamPhase::Connecting { .. }) && self.media_link_is_down()
        {
            self.give_up_stream(now);
        }
        if self.record.phase == RecordPhase::Recording {
            let removed = !self.has_medium();
            if removed {
                self.set_alarm("Storage_Removed_Alarm", true);
            }
            let full = self.free_bytes(now) == 0;
            if self.faults.strike(&FaultKind::RecordFails) || blind || removed || full {
                self.fail_recording(now, 4);
            }
        }
    }

    /// Brings the readings that move by themselves up to date.
    pub(super) fn sample(&mut self, now: Instant) {
        if let Some(since) = self.stream.since {
            let length = now.saturating_duration_since(since);
            self.values.show("StreamingDuration", day_clock(length));
        }
        if let Some(since) = self.record.since {
            let length = day_clock(now.saturating_duration_since(since));
            self.values.show("RecordingDuration", length.clone());
            self.values.show("FileDuration", length);
        }
        self.show_temperature(now);
        self.show_space(now);
        let seconds = self.system_seconds(now);
        self.values.put_quietly("SystemTime", seconds.to_string());
    }

    fn show_temperature(&mut self, now: Instant) {
        let celsius = self.heat.at(now);
        self.values.show("Temperature", format!("{celsius:.0}"));
        let config = Arc::clone(&self.config);
        self.set_alarm("Near_Over_Temp_Alarm", celsius >= config.thermal.near_over);
    }

    fn show_space(&mut self, now: Instant) {
        let free = self.free_bytes(now);
        let total = if self.has_medium() {
            self.medium.total()
        } else {
            0
        };
        let percent = (free * 100).checked_div(total).unwrap_or(0).min(99);
        self.values
            .show("CurrentMediaAvailable", percent.to_string());
        self.values
            .show("CurrentMediaUnusedBytes", free.to_string());
        self.values
            .show("CurrentMediaTotalBytes", total.to_string());
        let low = total > 0 && percent < self.config.media.low_percent;
        self.set_alarm("Media_Low_Alarm", low);
        self.set_alarm("Media_Full_Alarm", total > 0 && free == 0);
    }
}

/// The alarm that a fault raises by itself.
pub(super) fn alarm_of(kind: &FaultKind) -> Option<ParameterIndex> {
    let id = match kind {
        FaultKind::Alarm { name } => name,
        FaultKind::DroppedFrames => "Dropped_Frames_Alarm",
        FaultKind::InputFormatChanged { .. } => "Input_Format_Changed_Alarm",
        FaultKind::IngestUnreachable => "NetworkNameNotFoundAlarm",
        _ => return None,
    };
    catalogue().find(id)
}
