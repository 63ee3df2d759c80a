//! The recording half of the replicator.

use serde::Serialize;
use tokio::time::Instant;

use super::state::State;
use crate::simulator::faults::FaultKind;
use crate::simulator::storage::MediumKind;

/// Where the recording stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RecordPhase {
    #[default]
    Uninitialised,
    Idle,
    Starting {
        due: Instant,
    },
    Recording,
    Stopping {
        due: Instant,
    },
    /// Idle or stopped, after a failure.
    Failed,
    Shutdown,
}

#[derive(Debug, Default)]
pub(super) struct RecordUnit {
    pub(super) phase: RecordPhase,
    pub(super) since: Option<Instant>,
    pub(super) clips: Vec<Clip>,
}

/// A recorded clip, as the clip list shows it.
#[derive(Clone, Debug, Serialize)]
pub(in crate::simulator) struct Clip {
    pub(in crate::simulator) clipname: String,
    pub(in crate::simulator) timestamp: String,
    pub(in crate::simulator) duration: String,
    pub(in crate::simulator) framecount: String,
    pub(in crate::simulator) framerate: String,
    pub(in crate::simulator) size: String,
    pub(in crate::simulator) fourcc: String,
    pub(in crate::simulator) attributes: String,
    #[serde(skip)]
    pub(super) medium: MediumKind,
}

impl State {
    pub(super) fn start_recording(&mut self, now: Instant) {
        let at_rest = matches!(self.record.phase, RecordPhase::Idle | RecordPhase::Failed);
        if at_rest && !self.serves_files() {
            let due = now + self.config.timing.record_start;
            self.record.phase = RecordPhase::Starting { due };
            self.set_alarm("RecordingFailedAlarm", false);
            self.set_alarm("Storage_Removed_Alarm", false);
            self.show_record_state(1);
        }
    }

    pub(super) fn stop_recording(&mut self, now: Instant) {
        match self.record.phase {
            RecordPhase::Failed => self.rest_recording(now),
            RecordPhase::Starting { .. } | RecordPhase::Recording => {
                let due = now + self.config.timing.record_stop;
                self.record.phase = RecordPhase::Stopping { due };
            }
            _ => {}
        }
    }

    /// The start delay is over.
    pub(super) fn begin_recording(&mut self, at: Instant) {
        let possible = !self.faults.strike(&FaultKind::RecordFails)
            && self.can_write(at)
            && (self.has_picture() || self.bridges_lost_video());
        if !possible {
            self.fail_recording(at, 3);
            return;
        }
        self.record.phase = RecordPhase::Recording;
        self.record.since = Some(at);
        self.begin_writing(at);
        let name = self.next_clip_name();
        self.values.show("RecordingFilename", name);
        self.set_alarm("RecordingFailedAlarm", false);
        self.show_record_state(2);
    }

    /// The recording is over, as asked.
    pub(super) fn rest_recording(&mut self, at: Instant) {
        self.close_clip(at);
        self.record.phase = RecordPhase::Idle;
        self.set_alarm("RecordingFailedAlarm", false);
        self.show_record_state(1);
    }

    /// The recording fails: 3 before it began, 4 while it runs.
    pub(super) fn fail_recording(&mut self, at: Instant, state: u8) {
        self.close_clip(at);
        self.record.phase = RecordPhase::Failed;
        self.set_alarm("RecordingFailedAlarm", true);
        self.show_record_state(state);
    }

    /// Ends the recording without a word, as a power cut does.
    pub(super) fn cut_recording(&mut self, at: Instant, phase: RecordPhase) {
        self.close_clip(at);
        self.record.phase = phase;
    }

    pub(super) fn delete_clips(&mut self, name: &str) {
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.record.clips)
            .into_iter()
            .partition(|clip| name == "*" || clip.clipname == name);
        self.record.clips = kept;
        for clip in gone {
            let medium = self.drives.get_mut(clip.medium);
            medium.release(clip.size.parse().unwrap_or(0));
        }
        self.announce_media();
    }

    fn next_clip_name(&self) -> String {
        let prefix = self.values.get("FilenamePrefix");
        let suffix = match self.values.get("RecordingFileType") {
            "0" => "mov",
            "2" => "ts",
            _ => "mp4",
        };
        let number = self.record.clips.len() + 1;
        format!("{prefix}_{number}.{suffix}")
    }

    fn close_clip(&mut self, at: Instant) {
        let Some(since) = self.record.since.take() else {
            return;
        };
        let size = self.end_writing(at);
        let length = at.saturating_duration_since(since);
        self.record.clips.push(Clip {
            clipname: self.values.get("RecordingFilename").to_owned(),
            timestamp: self.system_seconds(since).to_string(),
            duration: super::state::day_clock(length),
            framecount: (length.as_millis() * 30 / 1000).to_string(),
            framerate: "30".to_owned(),
            size: size.to_string(),
            fourcc: "avc1".to_owned(),
            attributes: String::new(),
            medium: self.drives.primary(),
        });
        for id in ["RecordingDuration", "FileDuration"] {
            if !self.config.assumptions.duration_kept_after_stop {
                self.values.show(id, "00:00:00:00".to_owned());
            }
        }
        self.values.show("RecordingFilename", String::new());
        self.announce_media();
    }

    /// Tells clients to fetch the clip list again.
    fn announce_media(&mut self) {
        let count: u64 = self.values.get("MediaUpdated").parse().unwrap_or(0);
        self.values.show("MediaUpdated", (count + 1).to_string());
    }

    pub(super) fn show_record_state(&mut self, state: u8) {
        self.values.show("ReplicatorRecordState", state.to_string());
        self.values
            .show("ReplicatorPrimaryRecState", state.to_string());
    }
}
