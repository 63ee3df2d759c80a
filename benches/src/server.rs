//! The server in this process, as it comes, on a free port of the loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use encoder_server::config::{RateConfig, ServerConfig};
use encoder_server::serve::{build_manager, open_store};
use encoder_server::{AppState, serve};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::Outcome;
use crate::rig::{specs, until};

/// How long open connections get to end.
const DRAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) state: AppState,
    listener: TcpListener,
    _folder: TempDir,
}

impl Server {
    /// A server that heard of all its encoders. Settings are the defaults, except for the rate
    /// limits, which a measurement would run into.
    pub(crate) async fn start(urls: &[String]) -> Outcome<Self> {
        let unlimited = RateConfig {
            read_per_minute: 0,
            control_per_minute: 0,
        };
        let folder = TempDir::new()?;
        let mut config = ServerConfig {
            data: folder.path().join("data"),
            encoders: specs(urls),
            ..ServerConfig::default()
        };
        config.limits.key = unlimited;
        config.limits.address = unlimited;
        let store = open_store(&config.data).await?;
        let manager = build_manager(&config, Arc::new(store)).await?;
        until("all encoders answer", || {
            manager.fleet_counts().online == urls.len()
        })
        .await?;
        Ok(Self {
            state: AppState::new(manager, config),
            listener: TcpListener::bind("127.0.0.1:0").await?,
            _folder: folder,
        })
    }

    pub(crate) fn address(&self) -> Outcome<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until `work` is done, then ends the server.
    pub(crate) async fn serve_during<T>(
        self,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<T> {
        let never = std::future::pending();
        let done = tokio::select! {
            served = serve(self.state.clone(), self.listener, never) => {
                Err(format!("the server ended: {served:?}").into())
            }
            done = work => done,
        };
        self.state.tasks().shutdown(DRAIN).await;
        self.state.manager().shutdown().await;
        done
    }
}
