//! Certificates: the ones that others present, and the server's own.
//!
//! `probe` asks a server for its chain and validates it as its clients do; the judgement is
//! [`encoder_core::monitor::certificate`]'s. The server's own certificate is looked at in the same
//! way, over the network, because what clients get is what counts. `own` serves it and lets another
//! take its place; `renew` gets that other one, by `acme` or by `certbot`.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

mod acme;
mod certbot;
mod facts;
mod kept;
mod listener;
mod own;
mod pair;
mod probe;
mod renew;
mod validate;
mod watch;

#[cfg(test)]
#[path = "../../tests/server/authority.rs"]
pub(crate) mod authority;

pub(crate) use listener::TlsListener;
pub(crate) use own::Own;
pub(crate) use pair::faults;
pub(crate) use probe::Capture;
pub(crate) use renew::{Renewal, renew};
pub(crate) use watch::{Certificates, OWN, watch};

/// The cryptography of all connections; the process has no default one.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
