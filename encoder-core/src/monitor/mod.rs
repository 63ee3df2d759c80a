//! What is noticed beside health: media that fill, devices that restart again and again.

pub(crate) mod keeper;
pub mod reboots;
pub mod storage;
