//! The recording media of a fake encoder.

use super::FakeEncoder;
use super::device::Device;
use crate::error::{ErrorKind, Result};
use crate::model::{DeviceRecordState, MediumReadings};

impl FakeEncoder {
    /// Gives the device these media, of which the first is the one it records to, and lets it tell
    /// of them. Selecting another one moves that to the front; a kind that is not among them is
    /// refused.
    #[must_use]
    pub fn with_media(self, media: impl IntoIterator<Item = MediumReadings>) -> Self {
        let mut state = self.0.lock();
        state.capability.reports_media = true;
        state.status.media = media.into_iter().collect();
        drop(state);
        self
    }

    /// Takes the selection of a medium from now on without effect, which shows in what it reads.
    pub fn ignore_selection(&self) {
        self.0.lock().script.ignores_selection = true;
    }

    /// The recorder breaks off, as it does when its medium takes no more.
    pub fn fail_recording(&self) {
        self.0.record(DeviceRecordState::Failing);
    }
}

impl Device {
    pub(super) fn select_medium(&self, wanted: &str) -> Result<()> {
        let mut state = self.lock();
        if state.status.record_state == DeviceRecordState::Recording {
            let message = "the device records; stop the recording first";
            return Err(self.error(ErrorKind::Conflict, message));
        }
        let named = |medium: &MediumReadings| medium.kind.as_deref() == Some(wanted);
        let media = &mut state.status.media;
        let Some(place) = media.iter().position(named) else {
            let message = "the device has no such medium";
            return Err(self.error(ErrorKind::DeviceRejected, message));
        };
        if state.script.ignores_selection {
            return Ok(());
        }
        let media = &mut state.status.media;
        media.swap(0, place);
        let [slot, other] = [0, place].map(|place| media[place].slot.clone());
        (media[0].slot, media[place].slot) = (other, slot);
        self.push_status(&state);
        Ok(())
    }
}
