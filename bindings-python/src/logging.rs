//! What the library logs, as records of Python's `logging`.
//!
//! [`LogBridge`] gives the lines that somebody asked for, and they go into a bounded queue. A thread
//! of its own brings them to Python, since handlers may take as long as they like. What does not fit
//! is counted, and told.

use std::mem;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use encoder_core::foreign::{LogBridge, LogLine, LogQueue};
use pyo3::prelude::*;
use tracing::Level;

use crate::runtime::Process;

static BRIDGE: LogBridge = LogBridge::new(send);
static QUEUE: LogQueue = LogQueue::new();
/// Whose thread brings the lines.
static CARRIER: ArcSwapOption<Process> = ArcSwapOption::const_empty();

/// Levels, with their numbers in Python's `logging`.
const LEVELS: [(Level, i32); 5] = [
    (Level::TRACE, 5),
    (Level::DEBUG, 10),
    (Level::INFO, 20),
    (Level::WARN, 30),
    (Level::ERROR, 40),
];

/// Lets that process carry log lines from now on.
pub(crate) fn carry(py: Python<'_>, process: &Arc<Process>) {
    // One inherited by a fork is not to be dropped.
    mem::forget(CARRIER.swap(Some(Arc::clone(process))));
    QUEUE.forget();
    refresh(py);
}

/// Asks Python which levels it wants.
pub(crate) fn refresh(py: Python<'_>) {
    let asked: PyResult<i32> = py
        .import("encoder_manager._logging")
        .and_then(|module| module.call_method0("wanted_level")?.extract());
    match asked {
        Ok(wanted) => BRIDGE.want(lowest(wanted)),
        Err(failure) => failure.write_unraisable(py, None),
    }
}

/// The lowest level that reaches a number of Python's `logging`.
fn lowest(wanted: i32) -> Option<Level> {
    let reaching = LEVELS.iter().find(|(_, number)| *number >= wanted);
    reaching.map(|(level, _)| *level)
}

fn send(line: LogLine) {
    let carrier = CARRIER.load();
    let Some(process) = carrier.as_ref().filter(|process| process.is_here()) else {
        return;
    };
    if QUEUE.enter() {
        process.log().send(move |py| tell(py, line, QUEUE.leave()));
    }
}

fn tell(py: Python<'_>, line: LogLine, lost: u64) {
    let number = LEVELS.iter().find(|(level, _)| *level == line.level);
    let number = number.map_or(0, |(_, number)| *number);
    let told = py.import("encoder_manager._logging").and_then(|module| {
        let arguments = (number, line.target, line.message, line.fields, lost);
        module.call_method1("emit", arguments)
    });
    if let Err(failure) = told {
        failure.write_unraisable(py, None);
    }
}
