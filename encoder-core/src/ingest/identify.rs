//! Which encoder a publisher is. Pure.

use std::net::IpAddr;

use url::{Host, Url};

use super::Publisher;
use crate::model::EncoderId;

/// What tells an encoder from others at an ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) id: EncoderId,
    /// Base address, as registered.
    pub(crate) address: String,
    /// Serial number, where the device told it.
    pub(crate) serial: Option<String>,
}

/// Every encoder that the publisher may be; nobody when it matches none.
///
/// A serial number in its agent text names one. Otherwise it is whoever was registered with the
/// address that the connection comes from, which several may share. Names are not resolved: an
/// answer from a name server is no identity, and the ingest waits for this one.
pub(crate) fn identify(publisher: &Publisher, fleet: &[Identity]) -> Vec<EncoderId> {
    let named = fleet.iter().filter(|encoder| {
        let (agent, serial) = (publisher.agent.as_deref(), encoder.serial.as_deref());
        matches!((agent, serial), (Some(agent), Some(serial)) if has_token(agent, serial))
    });
    let named: Vec<_> = named.map(|encoder| encoder.id.clone()).collect();
    if !named.is_empty() {
        return named;
    }
    let Some(address) = publisher.address else {
        return Vec::new();
    };
    let there = fleet
        .iter()
        .filter(|encoder| host(&encoder.address) == Some(address.to_canonical()));
    there.map(|encoder| encoder.id.clone()).collect()
}

/// Whether the text holds the token with no letter or digit on either side of it.
fn has_token(text: &str, token: &str) -> bool {
    let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    !token.is_empty()
        && text.match_indices(token).any(|(at, _)| {
            apart(text[..at].chars().next_back()) && apart(text[at + token.len()..].chars().next())
        })
}

/// The address of an encoder that was registered by one, with or without a scheme.
fn host(address: &str) -> Option<IpAddr> {
    let url = if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    match Url::parse(&url).ok()?.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(IpAddr::from(address).to_canonical()),
        // Schemes other than those of the web are not parsed into addresses.
        Host::Domain(name) => name.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(id: &str, address: &str, serial: Option<&str>) -> Identity {
        Identity {
            id: EncoderId::try_new(id).unwrap(),
            address: address.to_owned(),
            serial: serial.map(str::to_owned),
        }
    }

    fn fleet() -> Vec<Identity> {
        vec![
            identity("a", "http://10.0.0.21", Some("1SG0042")),
            identity("b", "10.0.0.22:8080", Some("1SG00421")),
            identity("c", "http://nat.example:9001", None),
            identity("d", "http://10.0.0.23", None),
            identity("e", "https://10.0.0.23:444", None),
            identity("f", "http://[fd00::1]", None),
        ]
    }

    fn found(publisher: &Publisher) -> String {
        let ids = identify(publisher, &fleet()).into_iter();
        ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn serial_number_names_an_encoder_as_a_whole_token_only() {
        let agent = |text: &str| found(&Publisher::new().with_agent(text));
        assert_eq!(agent("AJA HELO/1SG0042 (v4)"), "a");
        assert_eq!(agent("HELO-1SG00421"), "b");
        assert_eq!(agent("1SG0042"), "a");
        for other in ["HELO x1SG0042", "FMLE/3.0", ""] {
            assert_eq!(agent(other), "", "{other}");
        }
    }

    #[test]
    fn address_names_everybody_who_was_registered_with_it() {
        let from = |text: &str| found(&Publisher::new().with_address(text.parse().unwrap()));
        assert_eq!(from("10.0.0.21"), "a");
        assert_eq!(from("::ffff:10.0.0.22"), "b");
        assert_eq!(from("10.0.0.23"), "d,e");
        assert_eq!(from("fd00::1"), "f");
        assert_eq!(from("10.9.9.9"), "");
    }

    #[test]
    fn serial_number_outweighs_a_shared_address() {
        let publisher = Publisher::new()
            .with_agent("HELO 1SG0042")
            .with_address("10.0.0.23".parse().unwrap());
        assert_eq!(found(&publisher), "a");
        assert_eq!(found(&Publisher::new()), "");
    }
}
