//! The native half of the Node package `encoder-manager`.
//!
//! It carries JSON text and decides nothing: documents, commands and their errors are
//! [`encoder_core::foreign`]'s. What JavaScript sees of it is private to the package; the typed API
//! is written in TypeScript on top.
//!
//! Work runs on one runtime of this process, never on a thread of JavaScript. Each environment, the
//! main one and each worker's, has a port, through which everything that is not an
//! immediate answer reaches it. When an environment ends, its port closes, which drops what was
//! under way, and its managers shut down.

use encoder_core::foreign::{COMPUTATIONS, Engine};
use napi_derive::napi;

mod conformance;
mod errors;
mod factory;
mod feed;
mod lent;
mod logging;
mod manager;
mod object;
mod options;
mod plugins;
mod port;
mod runtime;
mod simulator;

use errors::guard;

/// The version of this package.
#[napi]
#[must_use]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Computes what follows from plain data: the pure policies, by name.
///
/// # Errors
/// As an error document.
#[napi]
pub fn compute(name: String, document: String) -> napi::Result<String> {
    guard(|| encoder_core::foreign::compute(&name, &document))
}

/// The names of all commands and computations, so that a test can tell which the package lacks.
#[napi]
#[must_use]
pub fn commands() -> Commands {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Commands {
        reads: owned(Engine::READS),
        acts: owned(Engine::ACTS),
        computations: owned(COMPUTATIONS),
    }
}

/// Names that the native half knows.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct Commands {
    /// Answered at once.
    pub reads: Vec<String>,
    /// Answered when they are done.
    pub acts: Vec<String>,
    /// Pure functions.
    pub computations: Vec<String>,
}
