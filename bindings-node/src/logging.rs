//! What the library logs, for the environments that want to hear it.
//!
//! Each environment has a lowest level of its own, and a bound of its own on the lines that wait for
//! it, so that one that is busy costs the others nothing.

use std::sync::{PoisonError, RwLock};

use encoder_core::foreign::{LogBridge, LogLine};
use encoder_core::{Error, ErrorKind, Result};
use napi_derive::napi;
use tracing::Level;

use crate::errors::guard;
use crate::port::{NativePort, Port};

static BRIDGE: LogBridge = LogBridge::new(send);
/// The environments that want to hear something, with the lowest level.
static LISTENING: RwLock<Vec<(Port, Level)>> = RwLock::new(Vec::new());

#[napi]
impl NativePort {
    /// Wants the lines of the log from now on that are of the level `lowest` or matter more; without
    /// a level, none. Each arrives as `log`, a JSON object, together with the number of lines that
    /// were lost because too many waited.
    ///
    /// # Errors
    /// As an error document, `validation_failed` when there is no such level.
    #[napi]
    pub fn log(&self, lowest: Option<String>) -> napi::Result<()> {
        guard(|| {
            let lowest = lowest.as_deref().map(level).transpose()?;
            want(self.port(), lowest);
            Ok(())
        })
    }
}

fn level(name: &str) -> Result<Level> {
    name.parse().map_err(|_| {
        let message = format!("there is no level {}", name.escape_default());
        Error::new(ErrorKind::ValidationFailed, message)
    })
}

/// Lets that environment hear the log from that level on; `None` when it wants nothing any more.
pub(crate) fn want(port: &Port, lowest: Option<Level>) {
    let mut listening = LISTENING.write().unwrap_or_else(PoisonError::into_inner);
    listening.retain(|(known, _)| !known.is(port));
    listening.extend(lowest.map(|lowest| (port.clone(), lowest)));
    // The finest level is the greatest.
    BRIDGE.want(listening.iter().map(|(_, lowest)| *lowest).max());
}

fn send(line: LogLine) {
    let listening = LISTENING.read().unwrap_or_else(PoisonError::into_inner);
    for (port, _) in listening.iter().filter(|(_, lowest)| line.level <= *lowest) {
        port.log(&line);
    }
}
