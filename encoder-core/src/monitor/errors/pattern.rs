//! What a trouble looks like, as data.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cause::CauseKind;
use super::config::ErrorsConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Severity;

const BUILT_IN: &str = include_str!("patterns.json");

/// What is looked for. A finding matches when its event is one of `events` (any, when there are
/// none), and its code is one of `codes` or its message contains one of `messages`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matches {
    /// Issue codes, alarm codes and error kinds.
    pub codes: Vec<String>,
    /// Parts of a message, in any case. They are looked for before the codes of any pattern.
    pub messages: Vec<String>,
    /// Names of events: `health_update`, `stream_health`, `stream_error`, `stream_failover`,
    /// `alert`.
    pub events: Vec<String>,
}

/// What a pattern changes about escalation; see [`ErrorsConfig`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Escalate {
    /// Instead of `similar_errors`; 0 never escalates.
    pub similar_errors: Option<u32>,
    /// Severity of the escalation, instead of one above the pattern's.
    pub severity: Option<Severity>,
}

/// A known trouble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pattern {
    /// Stable snake_case name.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// What it is about, for example `network`.
    pub category: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it looks like.
    pub matches: Matches,
    /// What may be behind it, each with a weight above 0 and up to 1: how readily that is believed.
    /// Empty for what only follows from other trouble.
    pub causes: BTreeMap<CauseKind, f64>,
    /// What it does to the viewer or the operator.
    pub impact: String,
    /// What a person can do, most promising first.
    pub suggested_actions: Vec<String>,
    /// What the manager may do by itself.
    pub automated_actions: Vec<String>,
    /// What is different about its escalation.
    pub escalate: Escalate,
}

impl Pattern {
    fn hears(&self, event: &str) -> bool {
        let events = &self.matches.events;
        events.is_empty() || events.iter().any(|name| name == event)
    }
}

/// One entry of a file: a new pattern, or what is different about a known one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Entry {
    id: String,
    enabled: Option<bool>,
    title: Option<String>,
    category: Option<String>,
    severity: Option<Severity>,
    matches: Option<Matches>,
    causes: Option<BTreeMap<CauseKind, f64>>,
    impact: Option<String>,
    suggested_actions: Option<Vec<String>>,
    automated_actions: Option<Vec<String>>,
    escalate: Option<Escalate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    patterns: Vec<serde_json::Value>,
}

/// All known patterns. A finding belongs to one of them at most: the first whose message matches,
/// or else the first whose code does. Patterns of the operator come first.
///
/// # The file
///
/// JSON: `{"patterns": [...]}`. An entry with an `id` that is built in changes that pattern, field
/// by field; `"enabled": false` switches it off. Any other entry is a new pattern and needs
/// `title`, `severity` and `matches`; without `causes` it points at its encoder.
///
/// ```
/// use encoder_core::monitor::errors::Patterns;
///
/// let mut patterns = Patterns::built_in();
/// patterns.extend(r#"{"patterns": [{
///     "id": "copy_protection", "title": "Copy protected source", "severity": "warning",
///     "matches": {"messages": ["HDCP"]}
/// }]}"#).unwrap();
/// let found = patterns.find("health_update", "input_error", "hdcp detected").unwrap();
/// assert_eq!(found.id, "copy_protection");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Patterns(Vec<Pattern>);

impl Patterns {
    /// The patterns that come with the manager.
    pub fn built_in() -> Self {
        let mut patterns = Self(Vec::new());
        patterns
            .extend(BUILT_IN)
            .expect("the built-in patterns are valid");
        patterns
    }

    /// The built-in patterns with the configured file on top.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] naming the file and the entry.
    pub fn load(config: &ErrorsConfig) -> Result<Self> {
        let mut patterns = Self::built_in();
        if let Some(path) = &config.patterns {
            let text = read(path)?;
            patterns
                .extend(&text)
                .map_err(|fault| invalid(format!("{}: {fault}", path.display())))?;
        }
        Ok(patterns)
    }

    /// Adds patterns and changes known ones.
    ///
    /// # Errors
    /// What is wrong with which entry; nothing is changed then.
    pub fn extend(&mut self, json: &str) -> std::result::Result<(), String> {
        let file: File = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let mut known = self.0.clone();
        let mut own = Vec::new();
        for (place, value) in file.patterns.into_iter().enumerate() {
            let name = value["id"].as_str().unwrap_or("without id").to_owned();
            let fault = |what: String| format!("pattern {} ({name}): {what}", place + 1);
            let entry: Entry = serde_json::from_value(value).map_err(|e| fault(e.to_string()))?;
            let base = take(&mut known, &entry.id).or_else(|| take(&mut own, &entry.id));
            if let Some(pattern) = entry.apply_to(base).map_err(fault)? {
                own.push(pattern);
            }
        }
        own.extend(known);
        self.0 = own;
        Ok(())
    }

    /// The pattern of a finding.
    pub fn find(&self, event: &str, code: &str, message: &str) -> Option<&Pattern> {
        let message = message.to_lowercase();
        let heard = || self.0.iter().filter(|pattern| pattern.hears(event));
        let says = |pattern: &&Pattern| {
            let mut parts = pattern.matches.messages.iter();
            parts.any(|part| message.contains(&part.to_lowercase()))
        };
        let names = |pattern: &&Pattern| pattern.matches.codes.iter().any(|known| known == code);
        heard().find(says).or_else(|| heard().find(names))
    }

    /// The pattern of that name.
    pub fn get(&self, id: &str) -> Option<&Pattern> {
        self.0.iter().find(|pattern| pattern.id == id)
    }

    /// All of them, in the order in which they are tried.
    pub fn all(&self) -> &[Pattern] {
        &self.0
    }

    pub(super) fn by_id(&self) -> HashMap<&str, &Pattern> {
        self.0.iter().map(|p| (p.id.as_str(), p)).collect()
    }
}

fn take(patterns: &mut Vec<Pattern>, id: &str) -> Option<Pattern> {
    let place = patterns.iter().position(|pattern| pattern.id == id)?;
    Some(patterns.remove(place))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| invalid(format!("{} cannot be read: {error}", path.display())))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message)
}

impl Entry {
    /// The pattern with what the entry says; `None` when the entry switches it off.
    fn apply_to(self, base: Option<Pattern>) -> std::result::Result<Option<Pattern>, String> {
        if self.enabled == Some(false) {
            return match base {
                Some(_) => Ok(None),
                None => Err("there is no pattern of that id to switch off".to_owned()),
            };
        }
        let mut pattern = match base {
            Some(base) => base,
            None => self.begin()?,
        };
        set(&mut pattern.title, self.title);
        set(&mut pattern.category, self.category);
        set(&mut pattern.severity, self.severity);
        set(&mut pattern.matches, self.matches);
        set(&mut pattern.causes, self.causes);
        set(&mut pattern.impact, self.impact);
        set(&mut pattern.suggested_actions, self.suggested_actions);
        set(&mut pattern.automated_actions, self.automated_actions);
        set(&mut pattern.escalate, self.escalate);
        check(&pattern)?;
        Ok(Some(pattern))
    }

    fn begin(&self) -> std::result::Result<Pattern, String> {
        let missing = |field: &str| format!("a new pattern needs `{field}`");
        Ok(Pattern {
            id: self.id.clone(),
            title: self.title.clone().ok_or_else(|| missing("title"))?,
            category: "other".to_owned(),
            severity: self.severity.ok_or_else(|| missing("severity"))?,
            matches: self.matches.clone().ok_or_else(|| missing("matches"))?,
            causes: BTreeMap::from([(CauseKind::Encoder, 1.0)]),
            impact: String::new(),
            suggested_actions: Vec::new(),
            automated_actions: Vec::new(),
            escalate: Escalate::default(),
        })
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn check(pattern: &Pattern) -> std::result::Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if pattern.id.is_empty() || !pattern.id.chars().all(allowed) {
        return Err("`id` must be made of a-z, 0-9 and _".to_owned());
    }
    let matches = &pattern.matches;
    if matches.codes.is_empty() && matches.messages.is_empty() {
        return Err("`matches` needs `codes` or `messages`".to_owned());
    }
    if matches.messages.iter().any(String::is_empty) {
        return Err("an empty text in `messages` would match everything".to_owned());
    }
    match pattern.causes.values().find(|w| !(**w > 0.0 && **w <= 1.0)) {
        Some(weight) => Err(format!(
            "a weight in `causes` is {weight}; it must be above 0 and at most 1"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
