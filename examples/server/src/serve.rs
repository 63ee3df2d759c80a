//! Running the server, and ending it without cutting anybody off.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use encoder_aja::AjaDriverFactory;
use encoder_core::store::{SqliteConfig, SqliteStore, StateStore};
use encoder_core::{Error, ErrorKind, Manager, Result};
use encoder_ffmpeg::FfmpegDriverFactory;
use tokio::net::TcpListener;

use crate::app::app_with_sockets;
use crate::config::ServerConfig;
use crate::ingest::NginxRtmp;
use crate::overview;
use crate::state::AppState;

/// The database's name in the data folder.
const DATABASE: &str = "encoder-manager.db";

/// Time between looks for answers that are past their time.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// Opens the database in the data folder, which is made for its owner only: it holds stream keys.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`] or [`ErrorKind::StoreUnavailable`].
pub async fn open_store(data: &Path) -> Result<SqliteStore> {
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(data).map_err(|error| {
        let message = format!("the data folder {} cannot be made", data.display());
        Error::new(ErrorKind::ConfigInvalid, message).with_source(error)
    })?;
    SqliteStore::open(SqliteConfig::new(data.join(DATABASE))).await
}

/// A manager as configured, with the drivers for AJA HELO encoders and for ffmpeg, and the witness
/// of the ingest.
///
/// # Errors
/// Those of [`encoder_core::ManagerBuilder::build`].
pub async fn build_manager(config: &ServerConfig, store: Arc<dyn StateStore>) -> Result<Manager> {
    let helos = AjaDriverFactory::new(config.aja.clone())?;
    let software = FfmpegDriverFactory::new(config.ffmpeg.clone())?;
    let mut builder = Manager::builder()
        .with_config(config.manager.clone())
        .with_store(store)
        .with_driver_factory(Arc::new(helos))
        .with_driver_factory(Arc::new(software));
    if let Some(witness) = &config.ingest.witness {
        builder = builder.with_ingest_witness(Arc::new(NginxRtmp::new(witness.clone())?));
    }
    let encoders = config.encoders.iter().cloned();
    encoders
        .fold(builder, |builder, spec| builder.with_encoder(spec))
        .build()
        .await
}

/// Serves until `shutdown` resolves, then drains: takes no new connections, ends the live ones,
/// completes requests under way, and shuts the manager down. Streams stay on air.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    state: AppState,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (router, io) = app_with_sockets(state.clone());
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    spawn_sweeper(&state);
    let recording = overview::record_process(state.clone());
    state
        .tasks()
        .spawn_until_shutdown("process figures", recording);
    let draining = state.tasks().token().clone();
    let stopping = state.clone();
    state.tasks().spawn("shutdown signal", async move {
        // Somebody else may drain the server too.
        tokio::select! {
            () = shutdown => {}
            () = stopping.tasks().token().cancelled() => {}
        }
        tracing::info!("draining");
        stopping.tasks().cancel();
        io.close().await;
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving =
        axum::serve(listener, service).with_graceful_shutdown(draining.clone().cancelled_owned());
    let deadline = state.manager().config().drain;
    let result = tokio::select! {
        result = serving => result,
        () = overdue(draining, deadline) => {
            tracing::warn!("requests under way were cut off");
            Ok(())
        }
    };
    if !state.tasks().shutdown(deadline).await || !state.manager().shutdown().await {
        tracing::warn!("not everything ended within the drain deadline");
    }
    tracing::info!("stopped; streams stay on air");
    result
}

async fn overdue(draining: tokio_util::sync::CancellationToken, deadline: Duration) {
    draining.cancelled().await;
    tokio::time::sleep(deadline).await;
}

fn spawn_sweeper(state: &AppState) {
    let sweeper = state.clone();
    state.tasks().spawn_until_shutdown("sweeper", async move {
        loop {
            match sweeper.answers().sweep().await {
                Ok(removed) => tracing::debug!(removed, "old idempotency answers"),
                Err(error) => tracing::warn!(%error, "old idempotency answers stay"),
            }
            match sweeper.audit().sweep().await {
                Ok(removed) => tracing::debug!(removed, "old audit entries"),
                Err(error) => tracing::warn!(%error, "old audit entries stay"),
            }
            tokio::time::sleep(SWEEP_EVERY).await;
        }
    });
}

/// Resolves when the process is told to end: SIGTERM, or Ctrl-C.
pub async fn termination() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    // Without a handler for it the process can only be killed; there is nothing to wait for.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
