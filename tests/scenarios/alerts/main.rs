//! People are told of the right thing once, over real peers.

mod alertmanager;
mod email;
mod incident;
mod peers;
