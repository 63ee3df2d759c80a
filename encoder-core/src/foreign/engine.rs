//! The manager as named commands that take and give JSON.
//!
//! A binding to another language is thin when it only carries text: one table of commands serves
//! them all, reads arguments with the same care as the server reads a body, and answers with the
//! same documents. Typed methods are the language's own, on top.
//!
//! *Reads* answer from what the manager knows and never wait. *Acts* may wait for devices, for the
//! store, or for a stream; dropping the future of one stops what it was doing.

use serde::Serialize;

use super::document::write as answer;
use super::live::EventFeed;
use crate::error::{Error, ErrorKind, Result};
use crate::manager::Manager;
use crate::wire::Fields;

mod alerts;
mod encoders;
mod monitoring;
mod streams;

/// Declares reads and acts once: their names, and what runs.
macro_rules! commands {
    (reads: $($read:literal => $reader:path),+; acts: $($act:literal => $actor:path),+ $(,)?) => {
        impl Engine {
            /// Names of all commands that [`read`](Self::read) knows.
            pub const READS: &'static [&'static str] = &[$($read),+];
            /// Names of all commands that [`act`](Self::act) knows.
            pub const ACTS: &'static [&'static str] = &[$($act),+];

            fn run_read(&self, name: &str, fields: Fields) -> Result<String> {
                match name {
                    $($read => $reader(&self.manager, fields),)+
                    _ => Err(unknown(name)),
                }
            }

            async fn run_act(&self, name: &str, fields: Fields) -> Result<String> {
                match name {
                    $($act => $actor(&self.manager, fields).await,)+
                    _ => Err(unknown(name)),
                }
            }
        }
    };
}

commands! {
    reads:
        "encoder" => encoders::encoder,
        "encoders" => encoders::encoders,
        "encoder_status" => encoders::status,
        "encoder_metrics" => encoders::metrics,
        "encoder_health" => encoders::health,
        "fleet_counts" => encoders::counts,
        "assignments" => encoders::assignments,
        "stream" => streams::stream,
        "streams" => streams::streams,
        "stream_health" => streams::health,
        "load_balancer" => monitoring::load_balancer,
        "thermal" => monitoring::thermal,
        "thermals" => monitoring::thermals,
        "storage" => monitoring::storage,
        "errors" => monitoring::errors,
        "render_metrics" => monitoring::render_metrics,
        "config" => monitoring::config,
        "is_ready" => monitoring::is_ready,
        "alerts" => alerts::alerts,
        "silences" => alerts::silences,
        "notices" => alerts::notices,
        "alert_sinks" => alerts::sinks;
    acts:
        "add_encoder" => encoders::add,
        "update_encoder" => encoders::update,
        "remove_encoder" => encoders::remove,
        "control" => encoders::control,
        "monitor_encoder" => encoders::monitor,
        "start_stream" => streams::start,
        "wait_live" => streams::wait_live,
        "update_stream" => streams::update,
        "stop_stream" => streams::stop,
        "failover" => streams::failover,
        "drill" => streams::drill,
        "timeline" => streams::timeline,
        "authorize_publisher" => streams::authorize,
        "cool_down" => monitoring::cool_down,
        "history" => monitoring::history,
        "error_analysis" => monitoring::error_analysis,
        "performance" => monitoring::performance,
        "acknowledge_alert" => alerts::acknowledge,
        "silence_alerts" => alerts::silence,
        "end_silence" => alerts::end_silence,
        "retry_notice" => alerts::retry,
        "test_alert_sink" => alerts::test_sink,
}

/// A manager that is told in JSON what to do. Cheap to clone.
///
/// ```
/// use encoder_core::Manager;
/// use encoder_core::foreign::Engine;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let engine = Engine::new(Manager::builder().build().await?);
/// assert!(engine.read("fleet_counts", "{}")?.starts_with(r#"{"total":0,"#));
/// let error = engine.act("stop_stream", r#"{"id":"str_1"}"#).await.unwrap_err();
/// assert_eq!(error.message(), "stream_id: is required; id: is not a field of this document");
/// # Ok::<_, encoder_core::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    manager: Manager,
}

impl Engine {
    /// Commands for that manager.
    pub const fn new(manager: Manager) -> Self {
        Self { manager }
    }

    /// The manager.
    pub const fn manager(&self) -> &Manager {
        &self.manager
    }

    /// Answers from what the manager knows. `arguments` is a JSON object; so is what most answer.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] listing everything that is wrong with the arguments;
    /// [`ErrorKind::Unsupported`] for an unknown command; otherwise those of the manager.
    pub fn read(&self, name: &str, arguments: &str) -> Result<String> {
        fields(arguments)
            .and_then(|fields| self.run_read(name, fields))
            .map_err(|error| error.with_operation(operation(Self::READS, name)))
    }

    /// Does something and answers when it is done.
    ///
    /// Dropping the future stops waiting; a stream that was to be brought on air is stopped again.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn act(&self, name: &str, arguments: &str) -> Result<String> {
        let done = match fields(arguments) {
            Ok(fields) => self.run_act(name, fields).await,
            Err(error) => Err(error),
        };
        done.map_err(|error| error.with_operation(operation(Self::ACTS, name)))
    }

    /// The live feed; see [`EventFeed`] for the arguments.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] listing everything that is wrong with the arguments.
    pub fn events(&self, arguments: &str) -> Result<EventFeed> {
        EventFeed::open(self.manager.events(), fields(arguments)?)
    }
}

/// Reads arguments: a JSON object, or nothing at all.
fn fields(arguments: &str) -> Result<Fields> {
    let read = serde_json::from_str(arguments).map_err(|error| {
        let message = format!("the arguments are no JSON: {error}");
        Error::new(ErrorKind::ValidationFailed, message)
    });
    Fields::of(read?)
}

/// Answers with many documents.
fn answers<T, D: From<T> + Serialize>(items: impl IntoIterator<Item = T>) -> Result<String> {
    answer(&items.into_iter().map(D::from).collect::<Vec<_>>())
}

fn unknown(name: &str) -> Error {
    let message = format!("there is no command `{name}`; the package and its native half differ");
    Error::new(ErrorKind::Unsupported, message)
}

/// The command's own name, which outlives the call; an unknown one has none.
fn operation(known: &'static [&'static str], name: &str) -> &'static str {
    let found = known.iter().find(|known| **known == name);
    found.copied().unwrap_or("unknown command")
}

#[cfg(test)]
mod tests;
