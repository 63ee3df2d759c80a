//! The fleet and its streams as the error analysis needs them: who could have been affected.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::{EncoderId, EncoderSpec, Labels, StreamId, StreamRecord, StreamView};

/// Where something happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The encoder.
    pub encoder_id: Option<EncoderId>,
    /// Its site.
    pub site: Option<String>,
    /// Its driver.
    pub driver: Option<String>,
    /// Its firmware.
    pub firmware: Option<String>,
    /// Its labels.
    pub labels: Labels,
    /// The stream.
    pub stream_id: Option<StreamId>,
    /// Where the stream goes, without its key.
    pub destination: Option<String>,
}

/// An encoder, as far as it can share a cause with others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncoderFacts {
    /// Its site.
    pub site: Option<String>,
    /// Its driver.
    pub driver: String,
    /// Its firmware, where the device tells it.
    pub firmware: Option<String>,
    /// Its labels.
    pub labels: Labels,
}

/// An active stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFacts {
    /// Who publishes it.
    pub encoder_id: EncoderId,
    /// Who else tried to, and failed or is being kept from it.
    pub tried_by: BTreeSet<EncoderId>,
    /// Where it goes, without its key.
    pub destination: String,
    /// Whether it should have a ready backup, and has none.
    pub is_unprotected: bool,
}

/// Everybody who could be affected by something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Encoders by name, those in maintenance left out.
    pub encoders: BTreeMap<EncoderId, EncoderFacts>,
    /// Active streams by name.
    pub streams: BTreeMap<StreamId, StreamFacts>,
}

impl Facts {
    /// The facts of encoders that are not in maintenance, and of those streams that are active.
    pub(crate) fn new(
        serving: impl Iterator<Item = (EncoderId, EncoderFacts)>,
        streams: &[StreamView],
    ) -> Self {
        let active = streams.iter().filter(|view| view.record.state.is_active());
        Self {
            encoders: serving.collect(),
            streams: active
                .map(|view| (view.record.id.clone(), StreamFacts::of(view)))
                .collect(),
        }
    }

    /// Where something about an encoder happens. An encoder that publishes one stream stands for
    /// that stream, and so does one that tried to; with several it does not say which.
    pub fn at_encoder(&self, id: &EncoderId) -> Place {
        let publishes = |stream: &StreamFacts| stream.encoder_id == *id;
        let tried = |stream: &StreamFacts| stream.tried_by.contains(id);
        let stream = match self.streams.values().any(publishes) {
            true => self.only(publishes),
            false => self.only(tried),
        };
        let place = self.place(Some(id));
        Place {
            stream_id: stream.map(|(id, _)| id.clone()),
            destination: stream.map(|(_, stream)| stream.destination.clone()),
            ..place
        }
    }

    fn only(&self, of: impl Fn(&StreamFacts) -> bool) -> Option<(&StreamId, &StreamFacts)> {
        let mut found = self.streams.iter().filter(|(_, stream)| of(stream));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// Where something about a stream happens.
    pub fn at_stream(&self, id: &StreamId, encoder: Option<&EncoderId>) -> Place {
        let stream = self.streams.get(id);
        let publisher = stream.map(|stream| &stream.encoder_id);
        Place {
            stream_id: Some(id.clone()),
            destination: stream.map(|stream| stream.destination.clone()),
            ..self.place(encoder.or(publisher))
        }
    }

    fn place(&self, id: Option<&EncoderId>) -> Place {
        let facts = id.and_then(|id| self.encoders.get(id));
        let facts = facts.cloned().unwrap_or_default();
        Place {
            encoder_id: id.cloned(),
            site: facts.site,
            driver: Some(facts.driver).filter(|driver| !driver.is_empty()),
            firmware: facts.firmware,
            labels: facts.labels,
            stream_id: None,
            destination: None,
        }
    }
}

impl EncoderFacts {
    pub(crate) fn new(spec: &EncoderSpec, firmware: Option<&str>) -> Self {
        Self {
            site: spec.site.clone(),
            driver: spec.driver.clone(),
            firmware: firmware.map(str::to_owned),
            labels: spec.labels.clone(),
        }
    }
}

impl StreamFacts {
    fn of(view: &StreamView) -> Self {
        let record = &view.record;
        Self {
            encoder_id: record.primary.encoder_id.clone(),
            tried_by: tried_by(record),
            destination: public_address(record.url(record.primary.slot)),
            is_unprotected: record.protection.holds_backup() && !view.backup.ready,
        }
    }
}

/// Encoders that got the stream and could not publish it, or lost it.
fn tried_by(record: &StreamRecord) -> BTreeSet<EncoderId> {
    let moving = record.failover.iter().map(|failover| &failover.to);
    let fenced = record.fences.iter().map(|fence| &fence.encoder_id);
    let failed = record
        .history
        .iter()
        .rev()
        .take_while(|past| !past.succeeded);
    let all = moving.chain(fenced).chain(failed.map(|past| &past.to));
    all.filter(|id| **id != record.primary.encoder_id)
        .cloned()
        .collect()
}

/// An address without user, password and query, which may hold secrets. What is no address is
/// left out as a whole.
pub fn public_address(url: &str) -> String {
    let Ok(parsed) = Url::parse(url) else {
        return "unreadable address".to_owned();
    };
    let host = parsed.host_str().unwrap_or_default();
    let port = parsed
        .port()
        .map_or(String::new(), |port| format!(":{port}"));
    let path = parsed.path().trim_end_matches('/');
    format!("{}://{host}{port}{path}", parsed.scheme())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_everything_that_may_be_secret() {
        for (url, shown) in [
            ("rtmp://in.example/live", "rtmp://in.example/live"),
            (
                "rtmp://u:p@in.example:1936/live/?k=1#x",
                "rtmp://in.example:1936/live",
            ),
            ("in.example secret", "unreadable address"),
        ] {
            assert_eq!(public_address(url), shown);
        }
    }
}
