//! Figures of the server that are read when somebody asks.

use std::sync::Arc;

use encoder_core::metrics::{Declaration, Kind, Metrics, Unit};

use crate::sockets::feed::{Inboxes, Transport};
use crate::system::ProcessProbe;

const CLIENTS: Declaration = Declaration::gauge(
    "encoder_server_clients",
    Unit::Count,
    &["transport"],
    "Clients of the live feed, by the way it reaches them.",
);
const CPU: Declaration = Declaration::new(
    "process_cpu_seconds_total",
    Kind::Counter,
    Unit::Seconds,
    &[],
    "Processor time that the server spent.",
);
const MEMORY: Declaration = Declaration::gauge(
    "process_resident_memory_bytes",
    Unit::Bytes,
    &[],
    "Memory that the server occupies.",
);
const FILES: Declaration = Declaration::gauge(
    "process_open_fds",
    Unit::Count,
    &[],
    "Files and connections that the server has open.",
);
const STARTED: Declaration = Declaration::gauge(
    "process_start_time_seconds",
    Unit::Seconds,
    &[],
    "When the server started, in seconds since 1970.",
);

/// Adds them to the metrics.
pub(crate) fn read(metrics: &Metrics, process: &Arc<ProcessProbe>, inboxes: &Inboxes) {
    let inboxes = inboxes.clone();
    metrics.read(&[CLIENTS], move |readings| {
        for transport in Transport::ALL {
            let clients = inboxes.clients(transport) as f64;
            readings.put(&CLIENTS, &[transport.as_str()], clients);
        }
    });
    let process = Arc::clone(process);
    metrics.read(&[CPU, MEMORY, FILES, STARTED], move |readings| {
        let totals = process.totals();
        let known = [
            (CPU, totals.cpu_seconds),
            (MEMORY, totals.resident_bytes.map(|bytes| bytes as f64)),
            (FILES, totals.open_files.map(|files| files as f64)),
            (STARTED, totals.started_at.map(|at| at as f64)),
        ];
        for (declaration, value) in known {
            if let Some(value) = value {
                readings.put(&declaration, &[], value);
            }
        }
    });
}
