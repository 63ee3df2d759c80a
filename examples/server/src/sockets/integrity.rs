//! Signed messages, for clients that ask for them with `auth: {token, integrity: true}`.
//!
//! TLS protects a connection as far as the nearest proxy; a signature protects a message as far
//! as the client. The key of a connection is `HMAC-SHA256(API key, nonce)`, with the nonce that
//! the server names when the connection stands. The `signature` of a message is the hexadecimal
//! `HMAC-SHA256(key, canonical JSON of {"event": …, "data": …})`, where `data` is the message
//! without its signature and the canonical form is that of RFC 8785. The name of the event is
//! signed too, so that a `subscribe` cannot be turned into its opposite.
//!
//! A client's message must also carry a `sequence` higher than that of its message before.

use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::auth::hex;

type HmacSha256 = Hmac<Sha256>;

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tampered {
    /// The signature is missing or wrong.
    Signature,
    /// The sequence is missing, or was used before.
    Sequence,
}

impl Tampered {
    /// The code in the answer.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Signature => "bad_signature",
            Self::Sequence => "repeated_sequence",
        }
    }
}

/// Signs and checks the messages of one connection.
pub(crate) struct Integrity {
    key: [u8; 32],
    nonce: String,
    last: Mutex<u64>,
}

impl std::fmt::Debug for Integrity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Integrity")
            .field("nonce", &self.nonce)
            .finish_non_exhaustive()
    }
}

impl Integrity {
    /// For a connection that was opened with this API key; the nonce is fresh.
    pub(crate) fn new(api_key: &str) -> Self {
        Self::with_nonce(api_key, hex(&rand::random::<[u8; 16]>()))
    }

    fn with_nonce(api_key: &str, nonce: String) -> Self {
        Self {
            key: mac(api_key.as_bytes(), nonce.as_bytes()),
            nonce,
            last: Mutex::new(0),
        }
    }

    /// What the client must know to take part.
    pub(crate) fn terms(&self) -> Value {
        json!({"nonce": self.nonce, "algorithm": "HMAC-SHA256", "canonical_form": "RFC 8785"})
    }

    /// Adds the signature to a message.
    pub(crate) fn sign(&self, event: &str, data: &mut Value) {
        let signature = self.signature(event, data);
        if let (Value::Object(fields), Some(signature)) = (data, signature) {
            fields.insert("signature".to_owned(), signature.into());
        }
    }

    /// Takes the signature and the sequence off a message, after checking them.
    ///
    /// # Errors
    /// When the message was not sent by the key's owner, or was sent before.
    pub(crate) fn open(&self, event: &str, mut data: Value) -> Result<Value, Tampered> {
        let fields = data.as_object_mut().ok_or(Tampered::Signature)?;
        let signature = fields.remove("signature").ok_or(Tampered::Signature)?;
        let expected = self.signature(event, &data).ok_or(Tampered::Signature)?;
        let given = signature.as_str().unwrap_or_default().as_bytes();
        if !bool::from(expected.as_bytes().ct_eq(given)) {
            return Err(Tampered::Signature);
        }
        let fields = data.as_object_mut().ok_or(Tampered::Signature)?;
        let sequence = fields
            .remove("sequence")
            .and_then(|sequence| sequence.as_u64());
        let sequence = sequence.ok_or(Tampered::Sequence)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if sequence <= *last {
            return Err(Tampered::Sequence);
        }
        *last = sequence;
        Ok(data)
    }

    /// `None` for what has no canonical form.
    fn signature(&self, event: &str, data: &Value) -> Option<String> {
        let signed = json!({"event": event, "data": data});
        let text = serde_json_canonicalizer::to_string(&signed).ok()?;
        Some(hex(&mac(&self.key, text.as_bytes())))
    }
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Integrity, Integrity) {
        let nonce = "00112233445566778899aabbccddeeff";
        let side = || Integrity::with_nonce("em_example", nonce.to_owned());
        (side(), side())
    }

    #[test]
    fn the_signature_is_the_documented_one() {
        let (server, _) = pair();
        let mut data = json!({"b": 2.0, "a": "ä"});
        server.sign("alert", &mut data);
        // Computed with Python's hmac over '{"data":{"a":"ä","b":2},"event":"alert"}'.
        assert_eq!(
            data["signature"],
            "8bddf5a23b8a7b30ebb4b9462ffbd50d2662c6c45e974bc1f7bb2027b3e94a6b"
        );
    }

    #[test]
    fn only_untouched_messages_pass_and_only_once() {
        let (client, server) = pair();
        let mut data = json!({"all": true, "sequence": 1});
        client.sign("subscribe", &mut data);
        assert_eq!(
            server.open("unsubscribe", data.clone()),
            Err(Tampered::Signature)
        );
        let mut changed = data.clone();
        changed["all"] = json!(false);
        assert_eq!(server.open("subscribe", changed), Err(Tampered::Signature));
        assert_eq!(
            server.open("subscribe", data.clone()),
            Ok(json!({"all": true}))
        );
        assert_eq!(server.open("subscribe", data), Err(Tampered::Sequence));
        assert_eq!(
            server.open("subscribe", json!({"all": true})),
            Err(Tampered::Signature)
        );
        let mut unnumbered = json!({"all": true});
        client.sign("subscribe", &mut unnumbered);
        assert_eq!(
            server.open("subscribe", unnumbered),
            Err(Tampered::Sequence)
        );
    }

    #[test]
    fn connections_do_not_share_keys() {
        let (one, other) = (Integrity::new("em_example"), Integrity::new("em_example"));
        let mut data = json!({"all": true, "sequence": 1});
        one.sign("subscribe", &mut data);
        assert_eq!(other.open("subscribe", data), Err(Tampered::Signature));
    }
}
