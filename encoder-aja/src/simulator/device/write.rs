//! What a write from the network does.

use tokio::time::Instant;

use super::presets::PresetAction;
use super::record::RecordPhase;
use super::state::State;
use super::stream::StreamPhase;
use crate::simulator::assumptions::{EditWhileStreaming, OutOfRange, Refusal};
use crate::simulator::catalogue::{Parameter, ParameterIndex, ParameterKind, Profile, catalogue};

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Written {
    /// Status 200, with this value in the reply.
    Accepted(String),
    /// This status.
    Refused(u16),
}

impl State {
    pub(in crate::simulator) fn write(
        &mut self,
        index: ParameterIndex,
        value: &str,
        now: Instant,
    ) -> Written {
        let parameter = catalogue().parameter(index);
        if parameter.read_only {
            return self.refuse_read_only(index);
        }
        let max_text = self.config.assumptions.max_text_length;
        let value = match allowed(parameter, value, max_text) {
            Some(value) => value,
            None => match self.bend_out_of_range(index, value) {
                Ok(value) => value,
                Err(written) => return written,
            },
        };
        if self.faults.lose_write(&parameter.id) {
            return Written::Accepted(value);
        }
        if !self.is_edit_ignored(parameter) {
            self.values.put(index, value.clone());
            self.mirror_profile_write(index, &value);
            self.react(parameter, &value, now);
        }
        Written::Accepted(self.values.at(index).to_owned())
    }

    fn refuse_read_only(&self, index: ParameterIndex) -> Written {
        match self.config.assumptions.read_only_set {
            Refusal::Ignored => Written::Accepted(self.values.at(index).to_owned()),
            Refusal::BadRequest => Written::Refused(400),
            Refusal::NotFound => Written::Refused(404),
            Refusal::ServerError => Written::Refused(500),
        }
    }

    fn bend_out_of_range(&self, index: ParameterIndex, value: &str) -> Result<String, Written> {
        let unchanged = || Written::Accepted(self.values.at(index).to_owned());
        match self.config.assumptions.out_of_range_set {
            OutOfRange::Ignored => Err(unchanged()),
            OutOfRange::Clamped => {
                clamped(catalogue().parameter(index), value).ok_or_else(unchanged)
            }
            OutOfRange::BadRequest => Err(Written::Refused(400)),
            OutOfRange::NotFound => Err(Written::Refused(404)),
            OutOfRange::ServerError => Err(Written::Refused(500)),
        }
    }

    fn is_edit_ignored(&self, parameter: &Parameter) -> bool {
        parameter.profile == Some(Profile::Streaming)
            && self.stream.phase == StreamPhase::Streaming
            && self.config.assumptions.edit_while_streaming == EditWhileStreaming::Ignored
            || self.is_destination_held(parameter)
    }

    fn is_destination_held(&self, parameter: &Parameter) -> bool {
        parameter.id.as_str() == "RecordingDestination"
            && self.record.phase == RecordPhase::Recording
            && !self.config.assumptions.destination_kept_for_next_recording
    }

    fn react(&mut self, parameter: &Parameter, value: &str, now: Instant) {
        match parameter.id.as_str() {
            "ReplicatorCommand" => self.command(value, now),
            "RegisterRecall" => self.begin_preset(PresetAction::Recall, value, now),
            "RegisterSave" => self.begin_preset(PresetAction::Save, value, now),
            "RegisterErase" => self.begin_preset(PresetAction::Erase, value, now),
            "StreamingProfileSel" => self.load_profile(Profile::Streaming),
            "RecordingProfileSel" => self.load_profile(Profile::Recording),
            "AutoRecoverStreaming" => self.plan_recovery_change(now),
            "MediaState" => self.change_media_state(now),
            "StorageCommand" if value == "4" => self.erase_medium(),
            "FactorySettings" if value != "0" => self.reset_to_factory(now),
            "Reboot" => self.reboot(now),
            _ => {}
        }
        let edits_stream = parameter.profile == Some(Profile::Streaming) && parameter.copy == 0;
        let immediate =
            self.config.assumptions.edit_while_streaming == EditWhileStreaming::Immediate;
        if edits_stream && immediate && self.stream.phase == StreamPhase::Streaming {
            self.describe_stream();
        }
    }

    fn command(&mut self, command: &str, now: Instant) {
        let linked = self.values.get("LinkStartStop") == "1";
        let (stream, record) = (matches!(command, "3" | "4"), matches!(command, "1" | "2"));
        let starts = matches!(command, "1" | "3");
        if stream || (record && linked) {
            match starts {
                true => self.start_stream(now),
                false => self.stop_stream(now),
            }
        }
        if record || (stream && linked) {
            match starts {
                true => self.start_recording(now),
                false => self.stop_recording(now),
            }
        }
        if command == "5" {
            self.shut_down(now);
        }
        if self.config.assumptions.command_self_clears {
            self.values.show("ReplicatorCommand", "0".to_owned());
        }
    }

    /// Begins or ends the attempts of a failing stream as the setting now says.
    pub(super) fn plan_recovery_change(&mut self, now: Instant) {
        let wanted = self.values.get("AutoRecoverStreaming") == "1";
        if let StreamPhase::Failing { retry } = self.stream.phase
            && retry.is_some() != wanted
        {
            self.plan_recovery(now);
        }
    }

    fn change_media_state(&mut self, now: Instant) {
        let state = self.values.get("MediaState").to_owned();
        self.values.show("MediaStateDebounced", state);
        if self.serves_files() {
            self.stop_stream(now);
            if self.record.phase == RecordPhase::Recording {
                self.stop_recording(now);
            }
        }
    }

    fn erase_medium(&mut self) {
        if self.record.phase != RecordPhase::Recording {
            self.delete_clips("*");
            let primary = self.drives.primary();
            self.drives.get_mut(primary).erase();
        }
    }

    fn reset_to_factory(&mut self, now: Instant) {
        self.values.reset();
        self.reboot(now);
    }
}

/// The value as stored, if the parameter can hold it.
fn allowed(parameter: &Parameter, value: &str, max_text: usize) -> Option<String> {
    match parameter.kind {
        ParameterKind::String => (value.len() <= max_text).then(|| value.to_owned()),
        ParameterKind::Data => Some(value.to_owned()),
        ParameterKind::Enum => {
            let number: i64 = value.parse().ok()?;
            let known = parameter.choices.iter().any(|choice| choice.0 == number);
            known.then(|| number.to_string())
        }
        ParameterKind::Integer | ParameterKind::Percentage => {
            let number: i64 = value.parse().ok()?;
            let (min, max) = parameter.range.unwrap_or((i64::MIN, i64::MAX));
            (min..=max).contains(&number).then(|| number.to_string())
        }
    }
}

fn clamped(parameter: &Parameter, value: &str) -> Option<String> {
    let number: i64 = value.parse().ok()?;
    match parameter.kind {
        ParameterKind::Enum => {
            let numbers = parameter.choices.iter().map(|choice| choice.0);
            numbers
                .min_by_key(|choice| choice.abs_diff(number))
                .map(|choice| choice.to_string())
        }
        _ => {
            let (min, max) = parameter.range?;
            (min <= max).then(|| number.clamp(min, max).to_string())
        }
    }
}
