//! What a server presented, as data.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// What kind of public key a certificate carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with a modulus of so many bits.
    Rsa(u32),
    /// A key on an elliptic curve of so many bits.
    Ec(u32),
    /// Ed25519.
    Ed25519,
    /// Something else, by its object identifier.
    Other(String),
}

impl KeyKind {
    /// Name of the kind, without its size.
    pub fn name(&self) -> &str {
        match self {
            Self::Rsa(_) => "rsa",
            Self::Ec(_) => "ec",
            Self::Ed25519 => "ed25519",
            Self::Other(oid) => oid,
        }
    }

    /// Its size, where the kind has several.
    pub const fn bits(&self) -> Option<u32> {
        match self {
            Self::Rsa(bits) | Self::Ec(bits) => Some(*bits),
            Self::Ed25519 | Self::Other(_) => None,
        }
    }
}

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Whom it names.
    pub subject: String,
    /// Who vouches for it.
    pub issuer: String,
    /// Host names and addresses it is for.
    pub names: Vec<String>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// Its public key.
    pub key: KeyKind,
    /// How it was signed, such as `ecdsa-with-SHA256`, or the object identifier.
    pub signature: String,
    /// Whether its own key signed it.
    pub is_self_signed: bool,
    /// SHA-256 of its encoding, in lower-case hexadecimal.
    pub fingerprint: String,
}

impl CertificateFacts {
    /// Whether clients of today take its key and signature: an RSA key has 2048 bits or more, an
    /// elliptic one 256, and the signature is over neither MD5 nor SHA-1 (CA/Browser Forum,
    /// Baseline Requirements 6.1.5 and 7.1.3.2). What is wrong, or `None`.
    pub fn weakness(&self) -> Option<String> {
        match self.key {
            KeyKind::Rsa(bits) if bits < 2048 => {
                return Some(format!("its RSA key has {bits} bits, fewer than 2048"));
            }
            KeyKind::Ec(bits) if bits < 256 => {
                return Some(format!("its elliptic key has {bits} bits, fewer than 256"));
            }
            _ => {}
        }
        let signature = self.signature.to_ascii_lowercase();
        let weak = ["md5", "sha1"].iter().any(|hash| signature.contains(hash));
        // A root vouches by being known, not by its signature.
        (weak && !self.is_self_signed).then(|| format!("it is signed with {}", self.signature))
    }
}

/// Why a client would turn away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is for other hosts.
    WrongHost,
    /// It vouches for itself, and nobody said that this is enough.
    SelfSigned,
    /// The certificate between it and the trusted ones was not sent.
    Incomplete,
    /// Nobody trusted vouches for it.
    Untrusted,
    /// It was taken back.
    Revoked,
    /// It is not a certificate for a server, or not one at all.
    Unusable,
}

/// A fault, and what the validation said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainFault {
    /// Which.
    pub fault: Fault,
    /// One line.
    pub reason: String,
}

impl ChainFault {
    /// A fault.
    pub fn new(fault: Fault, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { fault, reason }
    }
}

/// What a server presented, and what validating it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedChain {
    /// The server's own certificate.
    pub leaf: CertificateFacts,
    /// Those sent along with it, in the order they were sent. A trusted root need not be among
    /// them.
    pub others: Vec<CertificateFacts>,
    /// Every reason why a client would turn away; none when the chain is valid.
    pub faults: Vec<ChainFault>,
    /// Whether a word of the issuer on revocation came along.
    pub is_ocsp_stapled: bool,
}

impl PresentedChain {
    /// Whether a client would take it.
    pub fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Which fault it is when nobody trusted is found to vouch: told from what was sent.
///
/// A leaf that came alone usually lacks its intermediate, which browsers may have from elsewhere
/// and other clients have not. That it was issued by an unknown root directly cannot be told apart,
/// so the reason names both.
pub fn unknown_issuer(leaf: &CertificateFacts, others: &[CertificateFacts]) -> ChainFault {
    if leaf.is_self_signed {
        let reason = format!("`{}` vouches for itself and is not trusted", leaf.subject);
        return ChainFault::new(Fault::SelfSigned, reason);
    }
    let (mut top, mut used) = (leaf, 0);
    while let Some(issuer) = others.iter().find(|other| other.subject == top.issuer)
        && used < others.len()
        && !top.is_self_signed
    {
        (top, used) = (issuer, used + 1);
    }
    if used == 0 {
        let reason = format!(
            "the certificate of its issuer `{}` was neither sent nor is it trusted",
            leaf.issuer
        );
        return ChainFault::new(Fault::Incomplete, reason);
    }
    let reason = if top.is_self_signed {
        format!("its root `{}` is not trusted", top.subject)
    } else {
        format!("`{}`, which vouches for it, is not trusted", top.issuer)
    };
    ChainFault::new(Fault::Untrusted, reason)
}
