//! What a HELO can be asked: its 971 parameters, shared by every simulated device.
//!
//! The facts live in `data/helo_parameters.json`, one line per family. They are parsed once per
//! process; a device keeps only the values that differ from the defaults, so that hundreds of
//! devices fit into one test process.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use super::alarm::{AlarmMessage, AlarmText};

/// The prefix every parameter carries on the wire.
pub const PREFIX: &str = "eParamID_";

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::parse(include_str!("../../data/helo_parameters.json"))
        .expect("the parameter facts embedded in this crate are valid JSON")
});

/// The parameters of a classic HELO, firmware 4.3.0.8, in the order of its descriptor page.
#[must_use]
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

/// Where a parameter stands in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParameterIndex(u16);

/// The value type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// One of [`Parameter::choices`].
    Enum,
    /// A whole number within [`Parameter::range`].
    Integer,
    /// A whole number from 0 to 100.
    Percentage,
    /// Free text.
    String,
    /// Base64 of a protobuf message.
    Data,
}

/// Which of the two encoders a profile parameter configures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The streaming encoder.
    Streaming,
    /// The recording encoder.
    Recording,
}

/// One choice of an enum parameter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Choice(
    /// The number on the wire.
    pub i64,
    /// The text of the web page.
    pub String,
    /// The text of the front panel.
    pub String,
);

/// One parameter: what it may hold, and how it behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// The name without [`PREFIX`].
    pub id: String,
    /// The number in the `paramid` member of a reply.
    pub number: u32,
    /// The value type.
    pub kind: ParameterKind,
    /// The title on the descriptor page.
    pub title: String,
    /// Menu major and minor number, as text.
    pub menu: String,
    /// The smallest and largest value, as the page prints them (not always in that order).
    pub range: Option<(i64, i64)>,
    /// The value after a factory reset.
    pub default: String,
    /// The choices of an enum.
    pub choices: Arc<[Choice]>,
    /// The unit, when the page states one.
    pub unit: String,
    /// Whether the device refuses writes.
    pub read_only: bool,
    /// Whether the value survives a restart.
    pub kept: bool,
    /// Whether presets carry it.
    pub in_presets: bool,
    /// The profile it belongs to, for a working copy and its ten numbered twins.
    pub profile: Option<Profile>,
    /// Its place in the family: 0 is the working copy or a parameter without family.
    pub copy: u16,
    /// Alarm wording, for the 63 alarm parameters.
    pub alarm: Option<AlarmFacts>,
}

/// The fixed part of an alarm parameter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct AlarmFacts {
    /// One for an error, zero for a warning.
    pub severity: u32,
    /// The front panel wording.
    pub short: String,
    /// The web page wording; the title stands in where it is not known.
    #[serde(default)]
    pub long: String,
}

impl AlarmFacts {
    /// The message with `active` in its first field.
    #[must_use]
    pub fn message(&self, active: u32) -> AlarmMessage {
        AlarmMessage {
            active: Some(active),
            severity: Some(self.severity),
            text: Some(AlarmText {
                long: Some(self.long.clone()),
                short: Some(self.short.clone()),
            }),
        }
    }
}

impl Parameter {
    /// The name as it stands on the wire.
    #[must_use]
    pub fn wire_id(&self) -> String {
        format!("{PREFIX}{}", self.id)
    }

    /// Whether the value must stay out of logs: passwords and stream keys.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        is_secret(&self.id)
    }

    /// Whether the value is a number.
    #[must_use]
    pub fn is_number(&self) -> bool {
        !matches!(self.kind, ParameterKind::String | ParameterKind::Data)
    }

    /// The text of an enum value.
    #[must_use]
    pub fn choice_text(&self, value: &str) -> Option<&str> {
        let number: i64 = value.parse().ok()?;
        let choice = self.choices.iter().find(|choice| choice.0 == number)?;
        Some(&choice.1)
    }
}

/// Whether a parameter of this name holds a password or a stream key.
pub(super) fn is_secret(id: &str) -> bool {
    id.contains("Password") || id.contains("RTMPStreamName")
}

/// Every parameter of the device.
#[derive(Debug)]
pub struct Catalogue {
    parameters: Vec<Parameter>,
    by_id: HashMap<String, ParameterIndex>,
}

impl Catalogue {
    fn parse(facts: &str) -> serde_json::Result<Self> {
        let families: Vec<Family> = serde_json::from_str(facts)?;
        let mut parameters: Vec<Parameter> =
            families.into_iter().flat_map(Family::expand).collect();
        number_by_menu(&mut parameters);
        let by_id = parameters
            .iter()
            .zip(0..)
            .map(|(parameter, index)| (parameter.id.clone(), ParameterIndex(index)))
            .collect();
        Ok(Self { parameters, by_id })
    }

    /// All parameters with their places, in page order.
    pub fn iter(&self) -> impl Iterator<Item = (ParameterIndex, &Parameter)> {
        self.parameters
            .iter()
            .zip(0..)
            .map(|(parameter, index)| (ParameterIndex(index), parameter))
    }

    /// How many parameters there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parameters.len()
    }

    /// Whether there are none; there always are some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// Finds a parameter by name, with or without [`PREFIX`].
    #[must_use]
    pub fn find(&self, id: &str) -> Option<ParameterIndex> {
        let id = id.strip_prefix(PREFIX).unwrap_or(id);
        self.by_id.get(id).copied()
    }

    /// Finds a parameter as a request names it, which is with [`PREFIX`].
    #[must_use]
    pub fn find_on_wire(&self, id: &str) -> Option<ParameterIndex> {
        self.by_id.get(id.strip_prefix(PREFIX)?).copied()
    }

    /// The facts at `index`.
    #[must_use]
    pub fn parameter(&self, index: ParameterIndex) -> &Parameter {
        &self.parameters[usize::from(index.0)]
    }

    /// A parameter this crate itself names.
    ///
    /// # Panics
    ///
    /// When the device has no such parameter, which is a mistake in this crate.
    pub(super) fn named(&self, id: &str) -> ParameterIndex {
        self.find(id)
            .unwrap_or_else(|| panic!("a HELO has a parameter {id}"))
    }

    /// The twin of a profile parameter: 0 is the working copy, 1 to 10 the stored profiles.
    #[must_use]
    pub fn twin(&self, index: ParameterIndex, copy: u16) -> Option<ParameterIndex> {
        let parameter = self.parameter(index);
        parameter.profile?;
        let twin = ParameterIndex(index.0 - parameter.copy + copy);
        let found = self.parameters.get(usize::from(twin.0))?;
        (found.copy == copy && found.profile == parameter.profile).then_some(twin)
    }
}

/// One line of the facts: a parameter, or a family that differs in its number only.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    id: String,
    kind: ParameterKind,
    menu: String,
    title: String,
    range: Option<(i64, i64)>,
    #[serde(default)]
    default: String,
    working_default: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    kept: bool,
    #[serde(default)]
    in_presets: bool,
    profile: Option<Profile>,
    #[serde(default)]
    copies: u16,
    alarm: Option<AlarmFacts>,
    number: Option<u32>,
}

impl Family {
    fn expand(mut self) -> Vec<Parameter> {
        if let Some(alarm) = &mut self.alarm {
            if alarm.long.is_empty() {
                alarm.long.clone_from(&self.title);
            }
            self.default = alarm.message(0).to_base64();
        }
        // A profile has a working copy in front of its numbered twins; a list of presets has not.
        let first = u16::from(self.copies > 0 && self.profile.is_none());
        let choices: Arc<[Choice]> = std::mem::take(&mut self.choices).into();
        (first..=self.copies)
            .map(|copy| self.member(copy, &choices))
            .collect()
    }

    fn member(&self, copy: u16, choices: &Arc<[Choice]>) -> Parameter {
        let numbered = |text: &str| text.replace("{n}", &copy.to_string());
        let working_copy = copy == 0 && self.profile.is_some();
        let default = match &self.working_default {
            Some(default) if working_copy => default.clone(),
            _ => numbered(&self.default),
        };
        Parameter {
            id: match copy {
                0 => self.id.clone(),
                _ => format!("{}_{copy}", self.id),
            },
            number: self.number.unwrap_or(0),
            kind: self.kind,
            title: numbered(&self.title),
            menu: numbered(&self.menu),
            range: self.range,
            default,
            choices: Arc::clone(choices),
            unit: self.unit.clone(),
            read_only: self.read_only,
            kept: self.kept && !working_copy,
            in_presets: self.in_presets && !working_copy,
            profile: self.profile,
            copy,
            alarm: self.alarm.clone(),
        }
    }
}

/// Numbers the parameters the way five captured replies suggest: menu major, menu minor, index and
/// a low byte. The index byte is known for two parameters only; the others count upwards.
fn number_by_menu(parameters: &mut [Parameter]) {
    let mut counts: HashMap<String, u32> = HashMap::new();
    for parameter in parameters {
        let count = counts.entry(parameter.menu.clone()).or_default();
        *count += 1;
        if parameter.number == 0 {
            let (major, minor) = parameter.menu.split_once('.').unwrap_or(("0", "0"));
            let byte = |text: &str| text.parse::<u32>().unwrap_or(0) & 0xff;
            parameter.number = byte(major) << 24 | byte(minor) << 16 | (*count & 0xff) << 8 | 10;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_the_page_is_there_once() {
        assert_eq!(catalogue().len(), 971);
        assert_eq!(catalogue().by_id.len(), 971);
        let alarms = catalogue().iter().filter(|(_, p)| p.alarm.is_some());
        assert_eq!(alarms.count(), 63);
    }

    #[test]
    fn twins_lead_from_a_profile_to_its_working_copy_and_back() {
        let working = catalogue().named("RTMPServerURL");
        let third = catalogue().named("RTMPServerURL_3");
        assert_eq!(catalogue().twin(working, 3), Some(third));
        assert_eq!(catalogue().twin(third, 0), Some(working));
        assert_eq!(catalogue().twin(working, 11), None);
        assert_eq!(catalogue().twin(catalogue().named("PresetName_1"), 2), None);
    }

    #[test]
    fn captured_numbers_are_kept() {
        let number = |id| catalogue().parameter(catalogue().named(id)).number;
        assert_eq!(number("ReplicatorRecordState"), 2_097_225_226);
        assert_eq!(number("RegisterRecallResult"), 1_560_412_160);
    }
}
