//! What an alert is about, and whose alerts it explains. Pure.
//!
//! Everything is a touch: a word such as `encoder:helo-1`, `stream:str_1` or `site:north`. An alert
//! is one or two of them, and covers more: a silent encoder covers the streams it publishes, a
//! site its encoders with their streams. What is covered is a symptom.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Alert, EncoderId, EncoderSpec, StreamId, Subject, Timestamp, issue_code};

/// A stream that left an encoder is still among its symptoms for this long.
const LEFT: Duration = Duration::from_secs(60);

/// The manager itself, and so everything.
const MANAGER: &str = "manager";

/// An alert as the book hands it on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct BookEntry {
    pub(crate) alert: Alert,
    /// What it is about, when it is neither a stream nor an encoder, for example `site:north`.
    pub(crate) about: Option<String>,
    /// Whom it concerns beside that.
    #[serde(default)]
    pub(crate) concerns: Vec<Subject>,
}

/// The fleet and its streams, as far as alerts are grouped and told by them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AlertFacts {
    encoders: BTreeMap<EncoderId, (Option<String>, bool)>,
    publishers: BTreeMap<StreamId, EncoderId>,
    /// Who published a stream before, and until when.
    left: Vec<(StreamId, EncoderId, Timestamp)>,
}

impl AlertFacts {
    pub(crate) fn new<'a>(
        encoders: impl IntoIterator<Item = &'a EncoderSpec>,
        publishers: impl IntoIterator<Item = (StreamId, EncoderId)>,
    ) -> Self {
        let encoders = encoders.into_iter();
        Self {
            encoders: encoders
                .map(|spec| (spec.id.clone(), (spec.site.clone(), spec.maintenance)))
                .collect(),
            publishers: publishers.into_iter().collect(),
            left: Vec::new(),
        }
    }

    /// Takes over who published what from earlier facts.
    pub(crate) fn after(mut self, earlier: &Self, now: Timestamp) -> Self {
        let moved = earlier.publishers.iter().filter(|(stream, encoder)| {
            let present = self.publishers.get(*stream);
            present != Some(*encoder)
        });
        let moved = moved.map(|(stream, encoder)| (stream.clone(), encoder.clone(), now));
        let fresh = |(_, _, at): &&(StreamId, EncoderId, Timestamp)| now.since(*at) < LEFT;
        let before = earlier.left.iter().filter(fresh).cloned();
        self.left = before.chain(moved).collect();
        self
    }

    pub(crate) fn in_maintenance(&self, id: &EncoderId) -> bool {
        self.encoders.get(id).is_some_and(|(_, mended)| *mended)
    }

    /// Whether the encoder or stream of an alert is there.
    pub(crate) fn knows(&self, alert: &Alert) -> bool {
        match (&alert.stream_id, &alert.encoder_id) {
            (Some(id), _) => self.publishers.contains_key(id),
            (None, Some(id)) => self.encoders.contains_key(id),
            (None, None) => true,
        }
    }

    pub(crate) fn publisher(&self, id: &StreamId) -> Option<&EncoderId> {
        self.publishers.get(id)
    }

    pub(crate) fn site(&self, id: &EncoderId) -> Option<&String> {
        self.encoders.get(id)?.0.as_ref()
    }

    /// Whether the encoder has neighbours at its site.
    fn has_neighbours(&self, id: &EncoderId) -> bool {
        let Some(site) = self.site(id) else {
            return false;
        };
        self.at_site(site).nth(1).is_some()
    }

    fn at_site<'a>(&'a self, site: &'a str) -> impl Iterator<Item = &'a EncoderId> {
        let here =
            move |(_, (of, _)): &(&EncoderId, &(Option<String>, bool))| of.as_deref() == Some(site);
        self.encoders.iter().filter(here).map(|(id, _)| id)
    }

    /// The streams that an encoder publishes, or did until just now.
    fn streams_of<'a>(&'a self, id: &'a EncoderId) -> impl Iterator<Item = &'a StreamId> {
        let now = self.publishers.iter().filter(move |(_, of)| *of == id);
        let before = self.left.iter().filter(move |(_, of, _)| of == id);
        now.map(|(stream, _)| stream)
            .chain(before.map(|(stream, _, _)| stream))
    }

    fn cover_encoder(&self, id: &EncoderId, covers: &mut BTreeSet<String>) {
        covers.insert(encoder(id));
        covers.extend(self.streams_of(id).map(stream));
    }
}

#[cfg(test)]
impl AlertFacts {
    pub(super) fn set_encoder(&mut self, id: &str, site: Option<&str>, maintenance: bool) {
        let place = (site.map(str::to_owned), maintenance);
        self.encoders.insert(EncoderId::try_new(id).unwrap(), place);
    }

    pub(super) fn set_publisher(&mut self, stream: &str, encoder: &str) {
        self.publishers.insert(
            StreamId::try_new(stream).unwrap(),
            EncoderId::try_new(encoder).unwrap(),
        );
    }
}

fn encoder(id: &EncoderId) -> String {
    format!("encoder:{id}")
}

fn stream(id: &StreamId) -> String {
    format!("stream:{id}")
}

/// What an alert is about. Whatever is about one of these is the same trouble.
pub(crate) fn identity(entry: &BookEntry) -> BTreeSet<String> {
    let alert = &entry.alert;
    let subject = match (&alert.stream_id, &alert.encoder_id, &entry.about) {
        (Some(id), ..) => stream(id),
        (None, Some(id), _) => encoder(id),
        (None, None, about) => about.clone().unwrap_or_else(|| MANAGER.to_owned()),
    };
    let shared = match alert.code.as_str() {
        issue_code::MANAGER_ISOLATED => Some(MANAGER),
        issue_code::INGEST_SUSPECT => Some("ingest"),
        issue_code::INGEST_WITNESS_SILENT => Some("witness"),
        _ => None,
    };
    let shared = shared.map(str::to_owned);
    shared.into_iter().chain([subject]).collect()
}

/// Whose alerts would be symptoms of this one, itself included.
pub(crate) fn covers(entry: &BookEntry, facts: &AlertFacts) -> BTreeSet<String> {
    let mut covers = identity(entry);
    for touch in covers.clone() {
        match touch.split_once(':') {
            Some(("site", site)) => {
                for id in facts.at_site(site) {
                    facts.cover_encoder(id, &mut covers);
                }
            }
            Some(("encoder", id)) => {
                if let Ok(id) = EncoderId::try_new(id) {
                    facts.cover_encoder(&id, &mut covers);
                }
            }
            None if touch == MANAGER && entry.alert.encoder_id.is_none() => {
                for id in facts.encoders.keys() {
                    facts.cover_encoder(id, &mut covers);
                }
            }
            _ => {}
        }
    }
    for concerned in &entry.concerns {
        match concerned {
            Subject::Encoder(id) => facts.cover_encoder(id, &mut covers),
            Subject::Stream(id) => drop(covers.insert(stream(id))),
            Subject::Alerts => {}
        }
    }
    covers
}

/// The encoder that a stream's alert covers as well: who published it when the trouble began.
pub(crate) fn blamed(entry: &BookEntry, facts: &AlertFacts) -> Option<String> {
    let stream = entry.alert.stream_id.as_ref()?;
    let mut left = facts.left.iter().rev();
    let before = left.find(|(of, ..)| of == stream).map(|(_, id, _)| id);
    before.or_else(|| facts.publisher(stream)).map(encoder)
}

/// Whether an alert names a cause wider than one encoder or stream.
pub(crate) fn is_wide(entry: &BookEntry) -> bool {
    let narrow = |about: &String| about.starts_with("encoder:") || about.starts_with("stream:");
    entry.about.as_ref().is_some_and(|about| !narrow(about))
        || entry.alert.code == issue_code::MANAGER_ISOLATED
}

/// Whether a wider cause may be about to be found.
pub(crate) fn may_have_wider_cause(entry: &BookEntry, facts: &AlertFacts) -> bool {
    let silent = entry.alert.code == issue_code::DEVICE_SILENT;
    let of = entry.alert.encoder_id.as_ref();
    silent && of.is_some_and(|id| facts.has_neighbours(id))
}

/// The site of an alert, for routes and silences.
pub(crate) fn site(entry: &BookEntry, facts: &AlertFacts) -> Option<String> {
    let about = entry.about.as_deref();
    if let Some(site) = about.and_then(|about| about.strip_prefix("site:")) {
        return Some(site.to_owned());
    }
    let publisher = || facts.publisher(entry.alert.stream_id.as_ref()?);
    let of = entry.alert.encoder_id.as_ref().or_else(publisher)?;
    facts.site(of).cloned()
}
