//! Alerts: something a person should know about, once.
//!
//! An alert is the life of one condition: an issue code on a stream or an encoder. It opens when
//! the condition appears, and resolves when it is gone for good, so that a flapping condition is
//! one alert and not many. The book is pure; [`watch`] feeds it from the event bus.

mod advice;
mod book;
mod watch;

pub(crate) use book::{AlertBook, CERTIFICATE, Standing};
pub(crate) use watch::watch;
