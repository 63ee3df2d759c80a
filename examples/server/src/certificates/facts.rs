//! Reads the fields of certificates.

use encoder_core::model::Timestamp;
use encoder_core::monitor::certificate::{CertificateFacts, KeyKind};
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::oid_registry::{OID_SIG_ED25519, Oid};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Names kept of one certificate, and letters of each text: whoever presents it chose them.
const NAMES: usize = 100;
const LETTERS: usize = 200;

/// What a certificate says; one line when it cannot be read.
pub(super) fn read(certificate: &CertificateDer<'_>) -> Result<CertificateFacts, String> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|error| format!("it is no X.509 certificate: {error}"))?;
    let validity = parsed.validity();
    let (subject, issuer) = (parsed.subject().to_string(), parsed.issuer().to_string());
    Ok(CertificateFacts {
        is_self_signed: parsed.subject().as_raw() == parsed.issuer().as_raw(),
        subject: printable(&subject),
        issuer: printable(&issuer),
        names: names(&parsed),
        not_before: moment(validity.not_before.timestamp()),
        not_after: moment(validity.not_after.timestamp()),
        key: key(parsed.public_key()),
        signature: name_of(&parsed.signature_algorithm.algorithm),
        fingerprint: fingerprint(certificate),
    })
}

/// SHA-256 of a certificate in lower-case hexadecimal.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(certificate);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}

fn printable(text: &str) -> String {
    let shown = text.chars().filter(|c| !c.is_control());
    shown.take(LETTERS).collect()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(found)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    let names = found.value.general_names.iter().filter_map(name);
    names.take(NAMES).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
    Some(v4.or_else(|_| v6()).ok()?.to_string())
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> KeyKind {
    let bits = |bits: usize| u32::try_from(bits).unwrap_or(u32::MAX);
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => KeyKind::Rsa(bits(key.key_size())),
        Ok(PublicKey::EC(point)) => KeyKind::Ec(bits(point.key_size())),
        _ if info.algorithm.algorithm == OID_SIG_ED25519 => KeyKind::Ed25519,
        _ => KeyKind::Other(info.algorithm.algorithm.to_id_string()),
    }
}

fn name_of(algorithm: &Oid<'_>) -> String {
    let known = oid2sn(algorithm, oid_registry());
    known.map_or_else(|_| algorithm.to_id_string(), str::to_owned)
}
