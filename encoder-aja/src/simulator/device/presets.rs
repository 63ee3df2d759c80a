//! Presets and profiles: stored values, and the working copies made from them.

use std::collections::BTreeMap;
use std::fmt;

use tokio::time::Instant;

use super::state::State;
use crate::simulator::catalogue::{ParameterIndex, Profile, catalogue};
use crate::simulator::faults::FaultKind;

type Preset = BTreeMap<ParameterIndex, String>;

#[derive(Default)]
pub(super) struct PresetUnit {
    stored: BTreeMap<String, Preset>,
    pub(super) task: Option<PresetTask>,
}

#[derive(Clone, Debug)]
pub(super) struct PresetTask {
    pub(super) due: Instant,
    number: String,
    what: PresetAction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PresetAction {
    Recall,
    Save,
    Erase,
}

impl fmt::Debug for PresetUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Presets hold passwords and stream keys.
        f.debug_struct("PresetUnit")
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

impl PresetAction {
    fn result(self) -> &'static str {
        match self {
            Self::Recall => "RegisterRecallResult",
            Self::Save => "RegisterSaveResult",
            Self::Erase => "RegisterEraseResult",
        }
    }
}

impl State {
    pub(super) fn begin_preset(&mut self, what: PresetAction, number: &str, now: Instant) {
        self.presets.task = Some(PresetTask {
            due: now + self.config.timing.preset,
            number: number.to_owned(),
            what,
        });
        self.values.show(what.result(), "1".to_owned());
    }

    /// The delay of a preset action is over.
    pub(super) fn finish_preset(&mut self, at: Instant) {
        let Some(task) = self.presets.task.take() else {
            return;
        };
        let failed = self.faults.strike(&FaultKind::PresetFails);
        let result = match task.what {
            _ if failed => "3",
            PresetAction::Save => self.store_preset(task.number),
            PresetAction::Recall => self.recall_preset(&task.number, at),
            PresetAction::Erase => match self.presets.stored.remove(&task.number) {
                Some(_) => "2",
                None => "4",
            },
        };
        self.values.show(task.what.result(), result.to_owned());
    }

    fn store_preset(&mut self, number: String) -> &'static str {
        let carried = catalogue()
            .iter()
            .filter(|(_, parameter)| parameter.in_presets);
        let preset = carried
            .map(|(index, _)| (index, self.values.at(index).to_owned()))
            .collect();
        self.presets.stored.insert(number, preset);
        "2"
    }

    fn recall_preset(&mut self, number: &str, at: Instant) -> &'static str {
        let Some(preset) = self.presets.stored.get(number).cloned() else {
            return "4";
        };
        for (index, value) in preset {
            self.values.put(index, value);
        }
        self.load_profile(Profile::Streaming);
        self.load_profile(Profile::Recording);
        self.plan_recovery_change(at);
        "2"
    }

    /// Copies the selected stored profile into the working copy.
    pub(super) fn load_profile(&mut self, profile: Profile) {
        let selected = self.selected_copy(profile);
        for (working, parameter) in catalogue().iter() {
            if parameter.profile == Some(profile)
                && parameter.copy == 0
                && let Some(stored) = catalogue().twin(working, selected)
            {
                let value = self.values.at(stored).to_owned();
                self.values.put(working, value);
            }
        }
    }

    /// Which numbered twin is selected, counted from 1.
    pub(super) fn selected_copy(&self, profile: Profile) -> u16 {
        let selector = match profile {
            Profile::Streaming => "StreamingProfileSel",
            Profile::Recording => "RecordingProfileSel",
        };
        self.values.get(selector).parse::<u16>().unwrap_or(0) + 1
    }

    /// Carries a profile write over to its twin, where the device does so.
    pub(super) fn mirror_profile_write(&mut self, index: ParameterIndex, value: &str) {
        let parameter = catalogue().parameter(index);
        let Some(profile) = parameter.profile else {
            return;
        };
        let rules = &self.config.assumptions;
        let selected = self.selected_copy(profile);
        let twin = match parameter.copy {
            0 if rules.working_copy_write_reaches_numbered => Some(selected),
            copy if copy == selected && rules.numbered_write_reaches_working_copy => Some(0),
            _ => None,
        };
        if let Some(twin) = twin.and_then(|copy| catalogue().twin(index, copy)) {
            self.values.put(twin, value.to_owned());
        }
    }
}
