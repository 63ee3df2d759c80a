//! Alerts: something a person should know about, once.
//!
//! An alert is the life of one condition: an issue code on a stream or an encoder. It opens when
//! the condition appears, and resolves when it is gone for good, so that a flapping condition is
//! one alert and not many. The book is pure; a task feeds it from the event bus.
//!
//! Alerts with one cause are a group, and a group is told once: [`AlertsConfig`] says when, how
//! often and to whom, an [`AlertSink`] brings the [`Notice`] there. What is told is written down
//! first. The whole story is in [alerts](crate::docs::alerts).

mod advice;
mod book;
mod cause;
mod config;
mod desk;
mod group;
mod keep;
mod matcher;
mod mirror;
mod notice;
mod notifier;
mod outbox;
mod pace;
mod route;
mod silence;
mod sink;
pub mod sinks;
#[cfg(test)]
mod testing;
mod watch;

pub(crate) use book::{AlertBook, Standing};
pub(crate) use cause::AlertFacts;
pub use config::{AlertsConfig, DeliveryConfig, RateLimit, RatesConfig, RepeatConfig, WaitConfig};
pub use matcher::AlertMatcher;
pub use notice::{
    DeliveryRecord, DeliveryState, DigestEntry, Notice, NoticeAlert, NoticeKind, NoticeRecord,
};
pub use notifier::{NoticeQuery, SinkReport};
pub(crate) use notifier::{Notifier, Parts};
pub use route::AlertRoute;
pub use silence::{Silence, SilenceState};
pub use sink::AlertSink;
pub(crate) use watch::watch;
