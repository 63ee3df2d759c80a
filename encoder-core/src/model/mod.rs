//! The nouns: plain data with serde, no clocks, no I/O, no async.
//!
//! A reading that a device does not give is `None` everywhere in here, and `null` on the wire.

mod alert;
mod connection;
mod encoder;
mod event;
mod health;
mod id;
mod incident;
mod request;
mod secret;
mod status;
mod stream;
mod time;
mod units;
mod view;

pub use alert::*;
pub use connection::*;
pub use encoder::*;
pub use event::*;
pub use health::*;
pub use id::*;
pub use incident::*;
pub use request::*;
pub use secret::*;
pub use status::*;
pub use stream::*;
pub use time::*;
pub use units::*;
pub use view::*;
