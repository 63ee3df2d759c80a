//! What the library logs, on its way to a program in another language.
//!
//! A line is written wherever something happens, so it must cost nothing there: a level that nobody
//! asked for is one look at a number. How lines cross, and where they wait, is the binding's
//! business; [`LogQueue`] counts them there, so that a program that is busy loses lines and not
//! memory.

use std::fmt::{self, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

use serde::{Serialize, Serializer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::model::Timestamp;
use crate::tasks::Clock;

/// Lines that may wait in a [`LogQueue`].
const WAITING: usize = 1000;
/// How the modules of the library and of its drivers begin.
const OURS: &str = "encoder_";

/// A line of the log. As JSON it is an object with its fields in one of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogLine {
    /// When it was written.
    pub time: Timestamp,
    /// How much it matters: `error`, `warn`, `info`, `debug` or `trace`.
    #[serde(serialize_with = "write_level")]
    pub level: Level,
    /// The module that wrote it, such as `encoder_core::fleet::watcher`.
    pub target: &'static str,
    /// What it says, in words. May be empty.
    pub message: String,
    /// What it is about: its own fields, and then those of the spans around it, from the inside
    /// out. Each name once; the inner one counts.
    #[serde(serialize_with = "write_fields")]
    pub fields: Vec<(&'static str, String)>,
}

impl LogLine {
    fn of(event: &Event<'_>) -> Self {
        let mut facts = Facts::default();
        event.record(&mut facts);
        Self {
            time: Clock::system().now(),
            level: *event.metadata().level(),
            target: event.metadata().target(),
            message: facts.message,
            fields: facts.fields,
        }
    }

    fn add(&mut self, around: &Facts) {
        for (name, value) in &around.fields {
            if self.fields.iter().all(|(known, _)| known != name) {
                self.fields.push((name, value.clone()));
            }
        }
    }
}

fn write_level<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match *level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    })
}

fn write_fields<S: Serializer>(
    fields: &[(&'static str, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, value)| (name, value)))
}

/// Brings the lines of this process to a program in another language: one `static` of each binding.
/// Nothing is wanted at first.
#[derive(Debug)]
pub struct LogBridge {
    /// See [`rank`].
    wanted: AtomicU8,
    installed: Once,
    take: fn(LogLine),
}

impl LogBridge {
    /// A bridge that gives every wanted line to `take`, on the thread that wrote it; `take` must
    /// neither wait nor log.
    #[must_use]
    pub const fn new(take: fn(LogLine)) -> Self {
        Self {
            wanted: AtomicU8::new(0),
            installed: Once::new(),
            take,
        }
    }

    /// Wants lines of that level and of those that matter more from now on; `None` wants nothing.
    /// The first level that is wanted makes this bridge the process' subscriber, unless it has one.
    pub fn want(&'static self, lowest: Option<Level>) {
        self.wanted.store(rank(lowest), Ordering::Relaxed);
        if lowest.is_some() {
            self.installed.call_once(|| {
                let subscriber = tracing_subscriber::registry().with(self);
                // It fails where a program in Rust has chosen a subscriber of its own.
                let _ = tracing::subscriber::set_global_default(subscriber);
            });
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for &'static LogBridge {
    /// Asked each time, since the program changes its mind.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() && *metadata.level() > Level::INFO {
            return Interest::never();
        }
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let wanted = self.wanted.load(Ordering::Relaxed);
        // A span says what the lines inside it are about, whatever their level.
        let context = metadata.is_span() && *metadata.level() <= Level::INFO;
        let line = rank(Some(*metadata.level())) <= wanted && may_be_told(metadata);
        wanted > 0 && (context || line)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let Some(span) = cx.span(id) else { return };
        let mut facts = Facts::default();
        attributes.record(&mut facts);
        span.extensions_mut().insert(facts);
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut line = LogLine::of(event);
        for span in cx.event_scope(event).into_iter().flatten() {
            if let Some(around) = span.extensions().get::<Facts>() {
                line.add(around);
            }
        }
        (self.take)(line);
    }
}

/// Finer lines of the libraries for HTTP, TLS and the like show what they carry, secrets included.
fn may_be_told(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().starts_with(OURS)
}

/// Grows with what is told: 0 for nothing, 5 for everything.
fn rank(lowest: Option<Level>) -> u8 {
    match lowest {
        None => 0,
        Some(Level::ERROR) => 1,
        Some(Level::WARN) => 2,
        Some(Level::INFO) => 3,
        Some(Level::DEBUG) => 4,
        Some(Level::TRACE) => 5,
    }
}

/// What a line or a span says.
#[derive(Debug, Default)]
struct Facts {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Visit for Facts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            if !self.message.is_empty() {
                self.message.push_str(": ");
            }
            // Writing into a text does not fail.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.fields.push((field.name(), format!("{value:?}")));
        }
    }
}

/// Counts the lines on their way to a program, at most 1000, and those that did not fit.
#[derive(Debug, Default)]
pub struct LogQueue {
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl LogQueue {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// Whether one more line may go on its way. If not, it is lost, and counted.
    pub fn enter(&self) -> bool {
        let fits = self.waiting.fetch_add(1, Ordering::Relaxed) < WAITING;
        if !fits {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        fits
    }

    /// Says that a line has arrived; how many were lost since this was said before. Lines are lost
    /// only while others wait, so every loss is told.
    pub fn leave(&self) -> u64 {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Forgets lines that will never arrive: those of the process that this one was forked from.
    pub fn forget(&self) {
        self.waiting.store(0, Ordering::Relaxed);
        self.lost.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use serde_json::json;

    use super::*;

    static TAKEN: Mutex<Vec<LogLine>> = Mutex::new(Vec::new());
    static BRIDGE: LogBridge = LogBridge::new(|line| taken().push(line));

    fn taken() -> MutexGuard<'static, Vec<LogLine>> {
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines of that work, without touching the process' own subscriber.
    fn lines(lowest: Option<Level>, work: impl FnOnce()) -> Vec<LogLine> {
        // The bridge is one, and so are the tests on it.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        BRIDGE.wanted.store(rank(lowest), Ordering::Relaxed);
        let subscriber = tracing_subscriber::registry().with(&BRIDGE);
        tracing::subscriber::with_default(subscriber, work);
        std::mem::take(&mut *taken())
    }

    fn one_of_each() {
        tracing::error!("e");
        tracing::warn!("w");
        tracing::info!("i");
        tracing::debug!("d");
        tracing::trace!("t");
    }

    #[test]
    fn lines_below_the_wanted_level_are_not_taken() {
        for (lowest, taken) in [
            (None, ""),
            (Some(Level::ERROR), "e"),
            (Some(Level::WARN), "ew"),
            (Some(Level::INFO), "ewi"),
            (Some(Level::DEBUG), "ewid"),
            (Some(Level::TRACE), "ewidt"),
        ] {
            let messages: String = lines(lowest, one_of_each)
                .into_iter()
                .map(|line| line.message)
                .collect();
            assert_eq!(messages, taken, "{lowest:?}");
        }
    }

    #[test]
    fn a_line_has_its_own_fields_before_those_around_it() {
        let lines = lines(Some(Level::ERROR), || {
            let _outer = tracing::info_span!("outer", stream = "str_1", step = 1).entered();
            let _inner = tracing::info_span!("inner", step = 2).entered();
            let _finer = tracing::debug_span!("finer", unseen = true).entered();
            tracing::error!(encoder = %"a", cause = ?Some("x"), "it {}", "broke");
        });
        let fields: Vec<_> = lines[0]
            .fields
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            fields,
            ["encoder=a", "cause=Some(\"x\")", "step=2", "stream=str_1"]
        );
    }

    #[test]
    fn other_libraries_do_not_show_what_they_carry() {
        let lines = lines(Some(Level::TRACE), || {
            tracing::info!(target: "hyper::proto", "connected");
            tracing::debug!(target: "hyper::proto", "Authorization: Basic …");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].message, "connected");
    }

    #[test]
    fn a_line_is_one_document() {
        let lines = lines(Some(Level::WARN), || {
            tracing::warn!(target: "here", count = 3, message = "more", "text");
        });
        let document = serde_json::to_value(&lines[0]).unwrap();
        let expected = json!({
            "time": lines[0].time,
            "level": "warn",
            "target": "here",
            "message": "text: more",
            "fields": { "count": "3" },
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_told_once() {
        let queue = LogQueue::new();
        assert!((0..WAITING).all(|_| queue.enter()));
        assert!(!queue.enter() && !queue.enter());
        assert_eq!(queue.leave(), 2);
        assert!(queue.enter() && !queue.enter());
        assert_eq!((queue.leave(), queue.leave()), (1, 0));
        queue.forget();
        assert!((0..WAITING).all(|_| queue.enter()) && !queue.enter());
    }
}
