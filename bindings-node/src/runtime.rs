//! The threads that managers work on.

use std::io;
use std::sync::OnceLock;

use encoder_core::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Runtime};

/// Fewer would let one slow decision stall the fleet.
const FEWEST_WORKERS: usize = 2;

/// The runtime of this process, started with its first use and never stopped: managers of several
/// environments share it, and one that outlives its worker shuts down on it.
///
/// # Errors
/// [`ErrorKind::Unexpected`] when the system gives no threads.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let started = RUNTIME.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Builder::new_multi_thread()
            .worker_threads(cores.max(FEWEST_WORKERS))
            .thread_name("encoder-manager")
            .enable_all()
            .build()
    });
    started.as_ref().map_err(|error| {
        let message = format!("the system gives encoder-manager no threads: {error}");
        Error::new(ErrorKind::Unexpected, message)
    })
}
