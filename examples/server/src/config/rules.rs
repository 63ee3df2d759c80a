//! What is wrong with settings of the right types.

use encoder_core::Error;
use encoder_core::alerts::sinks;
use encoder_core::tasks::Clock;
use tracing_subscriber::EnvFilter;

use super::{ConfigProblem, ServerConfig};

/// A key and what is wrong with its value.
type Fault = (String, String);

/// The settings, or everything that is wrong with them.
pub(super) fn check(config: ServerConfig) -> std::result::Result<ServerConfig, Vec<ConfigProblem>> {
    let mut faults = of_libraries(&config);
    if !faults.iter().any(|(key, _)| key.starts_with("manager.")) {
        faults.extend(of_sinks(&config));
    }
    let ingest = config.ingest.violations().into_iter();
    faults.extend(ingest.map(|v| (format!("ingest.{}", v.field), v.message)));
    faults.extend(of_server(&config));
    faults.extend(of_encoders(&config));
    if faults.is_empty() {
        return Ok(config);
    }
    let problem = |(key, message)| ConfigProblem {
        key,
        message,
        place: "configuration".to_owned(),
    };
    Err(faults.into_iter().map(problem).collect())
}

/// What the manager and the drivers object to.
fn of_libraries(config: &ServerConfig) -> Vec<Fault> {
    let parts = [
        ("manager", config.manager.validate()),
        ("aja", config.aja.validate()),
        ("ffmpeg", config.ffmpeg.validate()),
    ];
    let mut faults = Vec::new();
    for (part, checked) in parts {
        let error = checked.err();
        let found = error.iter().flat_map(Error::violations);
        faults.extend(found.map(|v| (format!("{part}.{}", v.field), v.message.clone())));
    }
    faults
}

/// What keeps a sink of alerts from being made although its settings are well-formed.
fn of_sinks(config: &ServerConfig) -> Option<Fault> {
    let error = sinks::build(&config.manager.alerts, &Clock::system()).err()?;
    let (key, message) = error.message().split_once(": ").unwrap_or_default();
    Some((format!("manager.{key}"), message.to_owned()))
}

fn of_server(config: &ServerConfig) -> impl Iterator<Item = Fault> {
    let at_least_one = "must be at least 1";
    let rules = [
        (
            config.limits.body_bytes > 0,
            "limits.body_bytes",
            at_least_one,
        ),
        (
            config.audit.retention_days > 0,
            "audit.retention_days",
            at_least_one,
        ),
        (config.sockets.queue > 0, "sockets.queue", at_least_one),
        (
            !config.sockets.heartbeat.is_zero(),
            "sockets.heartbeat_seconds",
            "must be longer than zero",
        ),
        (
            config.log.filter.parse::<EnvFilter>().is_ok(),
            "log.filter",
            "is not a filter such as `info,encoder_core=debug`",
        ),
    ];
    let broken = rules.into_iter().filter(|(holds, ..)| !holds);
    broken.map(|(_, key, message)| (key.to_owned(), message.to_owned()))
}

fn of_encoders(config: &ServerConfig) -> Vec<Fault> {
    let mut ids: Vec<_> = config.encoders.iter().map(|spec| &spec.id).collect();
    ids.sort_unstable();
    let twice = ids.windows(2).filter(|pair| pair[0] == pair[1]);
    twice
        .map(|pair| {
            (
                "encoders".to_owned(),
                format!("`{}` is listed twice", pair[0]),
            )
        })
        .collect()
}
