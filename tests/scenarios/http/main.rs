//! The server's REST API and live feed, from outside, as documented.

mod errors;
mod feed;
mod keys;
mod secrets;
mod store;
mod streams;
