//! The text of an API key: `em_<prefix>_<secret><checksum>`.
//!
//! The prefix names the record, so that a key is found without searching; the checksum tells
//! typing mistakes and leaked-key scanners' false finds apart from unknown keys without asking
//! the store.

use encoder_core::model::Secret;
use rand::distr::{Alphanumeric, SampleString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX_LENGTH: usize = 8;
const SECRET_LENGTH: usize = 43;
const CHECKSUM_LENGTH: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A well-formed key.
#[derive(Clone, Debug)]
pub struct KeyText {
    prefix: String,
    text: Secret,
}

impl KeyText {
    /// A fresh key with 256 bits from the system's generator.
    pub fn generate() -> Self {
        let mut rng = rand::rng();
        let prefix = Alphanumeric.sample_string(&mut rng, PREFIX_LENGTH);
        let secret = Alphanumeric.sample_string(&mut rng, SECRET_LENGTH);
        let body = format!("em_{prefix}_{secret}");
        let text = Secret::new(format!("{body}{}", checksum(&body)));
        Self { prefix, text }
    }

    /// Reads a key; `None` when form or checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, tail) = text.strip_prefix("em_")?.split_once('_')?;
        let base62 = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let formed = prefix.len() == PREFIX_LENGTH
            && tail.len() == SECRET_LENGTH + CHECKSUM_LENGTH
            && base62(prefix)
            && base62(tail);
        if !formed {
            return None;
        }
        let (body, sum) = text.split_at(text.len() - CHECKSUM_LENGTH);
        (checksum(body) == sum).then(|| Self {
            prefix: prefix.to_owned(),
            text: Secret::from(text),
        })
    }

    /// The id of the key's record.
    pub fn id(&self) -> String {
        format!("key_{}", self.prefix)
    }

    /// The whole text; shown once to its owner.
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// What is kept instead of the key.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.text.expose().as_bytes()).into())
    }
}

/// SHA-256 of a key. The key has 256 random bits, so a slow hash would add nothing.
#[derive(Clone, Debug)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Compares in a time that does not depend on where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// As hexadecimal text, for the record.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// From the record.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// Bytes as hexadecimal text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

/// CRC-32 in base 62, most significant digit first.
pub(super) fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_keys_read_back_and_differ() {
        let (a, b) = (KeyText::generate(), KeyText::generate());
        let read = KeyText::parse(a.text().expose()).unwrap();
        assert_eq!(read.id(), a.id());
        assert!(read.hash().matches(&a.hash()));
        assert!(!read.hash().matches(&b.hash()));
        assert_eq!(a.text().expose().len(), 3 + 8 + 1 + 43 + 6);
    }

    #[test]
    fn one_wrong_letter_is_malformed() {
        let key = KeyText::generate().text().expose().clone();
        for position in 0..key.len() {
            let mut bytes = key.clone().into_bytes();
            bytes[position] = if bytes[position] == b'x' { b'y' } else { b'x' };
            let text = String::from_utf8(bytes).unwrap();
            assert!(KeyText::parse(&text).is_none(), "{position}");
        }
        for bad in ["", "em_", "em__", "bearer", "em_ääää_", &key[..60]] {
            assert!(KeyText::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_key() {
        let key = KeyText::generate();
        assert!(!format!("{key:?}").contains(key.text().expose().as_str()));
    }

    #[test]
    fn hashes_survive_the_record() {
        let hash = KeyText::generate().hash();
        assert!(KeyHash::from_hex(&hash.to_hex()).unwrap().matches(&hash));
        assert!(KeyHash::from_hex("zz").is_none());
    }
}
