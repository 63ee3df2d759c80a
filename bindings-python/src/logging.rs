//! What the library logs, as records of Python's `logging`.
//!
//! A log line is written wherever it happens, so it must cost nothing there: a level that nobody
//! asked for is one look at a number, and any other line goes into a bounded queue. A thread of its
//! own brings it to Python, since handlers may take as long as they like. What does not fit is
//! counted, and told.

use std::fmt::{self, Write as _};
use std::mem;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Once};

use arc_swap::ArcSwapOption;
use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::runtime::Process;

/// Lines that may wait for Python.
const WAITING: usize = 1000;

/// The lowest level that Python wants, as one of `logging`'s numbers; nothing at first.
static WANTED: AtomicI32 = AtomicI32::new(i32::MAX);
static QUEUED: AtomicUsize = AtomicUsize::new(0);
static LOST: AtomicU64 = AtomicU64::new(0);
/// Whose thread brings the lines.
static CARRIER: ArcSwapOption<Process> = ArcSwapOption::const_empty();
static INSTALLED: Once = Once::new();

/// Lets that process carry log lines from now on.
pub(crate) fn carry(py: Python<'_>, process: &Arc<Process>) {
    // One inherited by a fork is not to be dropped.
    mem::forget(CARRIER.swap(Some(Arc::clone(process))));
    QUEUED.store(0, Ordering::Relaxed);
    refresh(py);
    INSTALLED.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Bridge);
        // Nobody else is there: the library inside this module is nobody else's.
        let _ = tracing::subscriber::set_global_default(subscriber);
    });
}

/// Asks Python which levels it wants.
pub(crate) fn refresh(py: Python<'_>) {
    let asked = py
        .import("encoder_manager._logging")
        .and_then(|module| module.call_method0("wanted_level")?.extract());
    match asked {
        Ok(level) => WANTED.store(level, Ordering::Relaxed),
        Err(failure) => failure.write_unraisable(py, None),
    }
}

struct Bridge;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Bridge {
    /// Asked each time, since Python changes its mind.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match *metadata.level() {
            Level::TRACE if metadata.is_span() => Interest::never(),
            _ => Interest::sometimes(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // A span says what the lines inside it are about, whatever their level.
        let context = metadata.is_span() && *metadata.level() <= Level::INFO;
        let wanted = WANTED.load(Ordering::Relaxed);
        wanted != i32::MAX && (context || number(*metadata.level()) >= wanted)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let Some(span) = cx.span(id) else { return };
        let mut line = Line::default();
        attributes.record(&mut line);
        span.extensions_mut().insert(line);
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        for span in cx.event_scope(event).into_iter().flatten() {
            if let Some(around) = span.extensions().get::<Line>() {
                line.fields.extend(around.fields.iter().cloned());
            }
        }
        line.send(event.metadata());
    }
}

/// What a line or a span says.
#[derive(Debug, Default)]
struct Line {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing into a text does not fail.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.fields.push((field.name(), format!("{value:?}")));
        }
    }
}

impl Line {
    fn send(self, metadata: &'static Metadata<'static>) {
        let carrier = CARRIER.load();
        let Some(process) = carrier.as_ref().filter(|process| process.is_here()) else {
            return;
        };
        if QUEUED.fetch_add(1, Ordering::Relaxed) >= WAITING {
            QUEUED.fetch_sub(1, Ordering::Relaxed);
            LOST.fetch_add(1, Ordering::Relaxed);
            return;
        }
        process.log().send(move |py| {
            QUEUED.fetch_sub(1, Ordering::Relaxed);
            self.tell(py, metadata);
        });
    }

    fn tell(self, py: Python<'_>, metadata: &Metadata<'_>) {
        let (level, target) = (number(*metadata.level()), metadata.target());
        let lost = LOST.swap(0, Ordering::Relaxed);
        let told = py.import("encoder_manager._logging").and_then(|module| {
            let arguments = (level, target, self.message, self.fields, lost);
            module.call_method1("emit", arguments)
        });
        if let Err(failure) = told {
            failure.write_unraisable(py, None);
        }
    }
}

/// The number of a level in Python's `logging`.
fn number(level: Level) -> i32 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        Level::TRACE => 5,
    }
}
