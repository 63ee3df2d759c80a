//! The nouns: plain data with serde, no clocks, no I/O, no async.
//!
//! A reading that a device does not give is `None` everywhere in here, and `null` on the wire.

mod adaptation;
mod alert;
mod connection;
mod encoder;
mod event;
mod evidence;
mod health;
mod id;
mod incident;
mod remediation;
mod request;
mod secret;
mod status;
mod storage;
mod stream;
mod thermal;
mod time;
mod units;
mod view;

pub use adaptation::{Adaptation, SettingsChange};
pub use alert::*;
pub use connection::*;
pub use encoder::*;
pub use event::*;
pub use evidence::Evidence;
pub use health::*;
pub use id::*;
pub use incident::*;
pub use remediation::*;
pub use request::*;
pub use secret::*;
pub use status::*;
pub use storage::*;
pub use stream::*;
pub use thermal::*;
pub use time::*;
pub use units::*;
pub use view::*;
