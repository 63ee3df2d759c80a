//! Being written.

/// Being written.
#[derive(Debug)]
pub struct SqliteStore;
/// Being written.
#[derive(Debug)]
pub struct SqliteConfig;
