//! Fleets and findings for the tests of this module.

use super::facts::{EncoderFacts, Facts, StreamFacts};
use super::findings::Finding;
use super::{ErrorBook, ErrorsConfig, Patterns};
use crate::model::{EncoderId, StreamId, Timestamp};

pub(super) fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + (seconds * 1000.0) as i64)
}

pub(super) fn helo(number: usize) -> EncoderId {
    EncoderId::try_new(format!("helo-{number}")).unwrap()
}

pub(super) fn stream(number: usize) -> StreamId {
    StreamId::try_new(format!("str_{number}")).unwrap()
}

pub(super) fn silent() -> Finding {
    Finding::new("device_silent", "no answer")
}

/// Encoders at these sites, all with one firmware.
pub(super) fn fleet(sites: &[&str]) -> Facts {
    let mut facts = Facts::default();
    for (place, site) in sites.iter().enumerate() {
        let encoder = EncoderFacts {
            site: Some((*site).to_owned()),
            driver: "aja-helo".to_owned(),
            firmware: Some("4.1".to_owned()),
            ..EncoderFacts::default()
        };
        facts.encoders.insert(helo(place + 1), encoder);
    }
    facts
}

/// A stream of that number, published by the encoder of that number.
pub(super) fn publishing(mut facts: Facts, streams: &[(usize, &str)]) -> Facts {
    for (number, destination) in streams {
        let known = StreamFacts {
            encoder_id: helo(*number),
            tried_by: std::collections::BTreeSet::new(),
            destination: (*destination).to_owned(),
            is_unprotected: false,
        };
        facts.streams.insert(stream(*number), known);
    }
    facts
}

pub(super) fn book() -> ErrorBook {
    ErrorBook::new(ErrorsConfig::default(), Patterns::built_in().into())
}

/// A book in which these encoders have that trouble, one begun at each time.
pub(super) fn book_of(facts: &Facts, troubles: &[(usize, &str, f64)]) -> ErrorBook {
    let mut book = book();
    for (number, code, since) in troubles {
        let found = [Finding::new(*code, "")];
        book.observe_encoder(&helo(*number), &found, facts, at(*since));
    }
    book
}
