//! The recording media as the unit shows them, and the faults that bend them.

use tokio::time::Instant;

use super::record::RecordPhase;
use super::state::State;
use crate::simulator::faults::FaultKind;
use crate::simulator::storage::MediumKind;

/// The parameters of a slot.
struct Slot {
    mounted: &'static str,
    ready: &'static str,
    percent: &'static str,
    free: &'static str,
    total: &'static str,
    filesystem: &'static str,
    volume: &'static str,
    low: &'static str,
    full: &'static str,
    none: &'static str,
}

const PRIMARY: Slot = Slot {
    mounted: "CurrentMediaMounted",
    ready: "MediaRecordReady",
    percent: "CurrentMediaAvailable",
    free: "CurrentMediaUnusedBytes",
    total: "CurrentMediaTotalBytes",
    filesystem: "FilesystemType",
    volume: "VolumeName",
    low: "Media_Low_Alarm",
    full: "Media_Full_Alarm",
    none: "No_Media_Installed_Alarm",
};

const SECONDARY: Slot = Slot {
    mounted: "SecondaryMediaMounted",
    ready: "SecondaryMediaRecordReady",
    percent: "SecondaryMediaAvailable",
    free: "SecondaryMediaUnusedBytes",
    total: "SecondaryMediaTotalBytes",
    filesystem: "SecondaryFilesystemType",
    volume: "SecondaryVolumeName",
    low: "Secondary_Media_Low_Alarm",
    full: "Secondary_Media_Full_Alarm",
    none: "Secondary_No_Media_Installed_Alarm",
};

impl State {
    /// The medium in the primary slot, where it is there and mounted.
    pub(super) fn primary_medium(&self) -> Option<MediumKind> {
        let lingers = self.config.assumptions.medium_lingers_while_released;
        let kind = self.drives.primary();
        (self.drives.shows_primary(lingers) && self.is_there(kind)).then_some(kind)
    }

    /// The medium of the second recording, where one is selected. One medium cannot be both.
    fn secondary_kind(&self) -> Option<MediumKind> {
        let selected = self.values.get("SecondaryRecordingDestination");
        let kind = MediumKind::of_value(selected)?;
        (kind != self.drives.primary()).then_some(kind)
    }

    fn is_there(&self, kind: MediumKind) -> bool {
        self.drives.get(kind).mounted && !self.ails(&FaultKind::StorageRemoved, kind)
    }

    fn ails(&self, fault: &FaultKind, kind: MediumKind) -> bool {
        self.faults.concern_medium(fault, kind)
    }

    /// What is left on a medium that is there.
    fn room_on(&self, kind: MediumKind, now: Instant) -> u64 {
        if self.ails(&FaultKind::StorageFull, kind) {
            return 0;
        }
        self.drives.get(kind).free(now)
    }

    fn takes_recordings(&self, kind: MediumKind, now: Instant) -> bool {
        self.is_there(kind)
            && !self.ails(&FaultKind::StorageWriteProtected, kind)
            && self.room_on(kind, now) > 0
    }

    /// Whether a recording could begin.
    pub(super) fn can_write(&self, now: Instant) -> bool {
        let primary = self.primary_medium();
        !self.drives.is_moving() && primary.is_some_and(|kind| self.takes_recordings(kind, now))
    }

    /// Follows the selection of the primary medium, though not while it is written to.
    pub(super) fn follow_destination(&mut self, now: Instant) {
        if matches!(
            self.record.phase,
            RecordPhase::Recording | RecordPhase::Stopping { .. }
        ) {
            return;
        }
        let release = self.config.timing.media_release;
        self.drives.head_for(self.selected_medium(), release, now);
    }

    /// The medium that `RecordingDestination` names.
    pub(super) fn selected_medium(&self) -> MediumKind {
        MediumKind::of_value(self.values.get("RecordingDestination")).unwrap_or(MediumKind::Sd)
    }

    /// Takes the selected medium at once, as a start does.
    pub(super) fn mount_selected(&mut self) {
        self.drives.set_primary(self.selected_medium());
    }

    pub(super) fn begin_writing(&mut self, at: Instant) {
        let kbps: u64 = self
            .values
            .get("RecordingVideoBitrate")
            .parse()
            .unwrap_or(0);
        let rate = kbps * 1000 / 8;
        let primary = self.drives.primary();
        self.drives.get_mut(primary).begin_filling(rate, at);
        let second = self.secondary_kind();
        if let Some(kind) = second.filter(|kind| self.takes_recordings(*kind, at)) {
            self.drives.get_mut(kind).begin_filling(rate, at);
            self.drives.second = Some(kind);
            self.values
                .show("ReplicatorSecondaryRecState", "2".to_owned());
        }
    }

    /// Closes the files; returns the size of the primary one in bytes.
    pub(super) fn end_writing(&mut self, at: Instant) -> u64 {
        if self.drives.second.is_some() {
            self.end_second(at, "1");
        }
        let primary = self.drives.primary();
        self.drives.get_mut(primary).end_filling(at)
    }

    fn end_second(&mut self, at: Instant, state: &str) {
        if let Some(kind) = self.drives.second.take() {
            self.drives.get_mut(kind).end_filling(at);
            self.values
                .show("ReplicatorSecondaryRecState", state.to_owned());
        }
    }

    /// Ends the recording, or the second one alone, when its medium takes no more.
    pub(super) fn fail_without_medium(&mut self, now: Instant) {
        let second = self.drives.second;
        if second.is_some_and(|kind| !self.takes_recordings(kind, now)) {
            self.end_second(now, "4");
        }
        if self.record.phase != RecordPhase::Recording {
            return;
        }
        let primary = self.drives.primary();
        if !self.is_there(primary) {
            self.set_alarm("Storage_Removed_Alarm", true);
        }
        if !self.takes_recordings(primary, now) {
            self.fail_recording(now, 4);
        }
    }

    pub(super) fn second_full_at(&self) -> Option<Instant> {
        self.drives.get(self.drives.second?).full_at()
    }

    /// Shows which media are there, and what else faults do to them.
    pub(super) fn show_media(&mut self, now: Instant) {
        let primary = self.primary_medium();
        self.show_presence(&PRIMARY, primary, now);
        let path = if primary.is_some() { "/media0" } else { "" };
        self.values.show("StoragePath", path.to_owned());
        self.set_alarm(PRIMARY.none, primary.is_none());
        let protected = primary.filter(|kind| self.ails(&FaultKind::StorageWriteProtected, *kind));
        let protected = protected.and_then(MediumKind::write_protection_alarm);
        for kind in MediumKind::ALL {
            if let Some(alarm) = kind.write_protection_alarm() {
                self.set_alarm(alarm, protected == Some(alarm));
            }
        }
        let slow = self.record.phase == RecordPhase::Recording
            && self.ails(&FaultKind::StorageSlow, self.drives.primary());
        self.set_alarm("Media_Too_Slow_Alarm", slow);
        if self.values.get("SecondaryRecordingDestination") != "4" {
            let second = self.secondary_kind().filter(|kind| self.is_there(*kind));
            self.show_presence(&SECONDARY, second, now);
            self.set_alarm(SECONDARY.none, second.is_none());
        }
    }

    fn show_presence(&mut self, slot: &Slot, medium: Option<MediumKind>, now: Instant) {
        let flag = |holds: bool| u8::from(holds).to_string();
        let ready = medium.is_some_and(|kind| self.takes_recordings(kind, now));
        self.values.show(slot.mounted, flag(medium.is_some()));
        self.values.show(slot.ready, flag(ready));
        let text = |value: &str| medium.map_or_else(String::new, |_| value.to_owned());
        self.values.show(slot.filesystem, text("exFAT"));
        self.values.show(slot.volume, text("HELO"));
    }

    /// Shows how much is left.
    pub(super) fn show_space(&mut self, now: Instant) {
        let primary = self.primary_medium();
        self.show_space_of(&PRIMARY, primary, now);
        if self.values.get("SecondaryRecordingDestination") != "4" {
            let second = self.secondary_kind().filter(|kind| self.is_there(*kind));
            self.show_space_of(&SECONDARY, second, now);
        }
    }

    fn show_space_of(&mut self, slot: &Slot, medium: Option<MediumKind>, now: Instant) {
        let free = medium.map_or(0, |kind| self.room_on(kind, now));
        let total = medium.map_or(0, |kind| self.drives.get(kind).total());
        let low = medium.map_or(0, |kind| self.drives.get(kind).low_percent);
        let percent = (free * 100).checked_div(total).unwrap_or(0).min(99);
        self.values.show(slot.percent, percent.to_string());
        self.values.show(slot.free, free.to_string());
        self.values.show(slot.total, total.to_string());
        self.set_alarm(slot.low, total > 0 && percent < low);
        self.set_alarm(slot.full, total > 0 && free == 0);
    }
}
