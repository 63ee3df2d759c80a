//! The ingest as an nginx with the RTMP module tells it.

use async_trait::async_trait;
use encoder_core::ingest::{IngestWitness, Sighting};
use encoder_core::model::PublishTarget;
use encoder_core::{Error, ErrorKind, Result, Retry};
use reqwest::StatusCode;

use super::stat;
use crate::config::WitnessConfig;
use crate::http;

/// Longest page of statistics that is read; one stream takes about a kilobyte.
const MAX_PAGE: usize = 4 << 20;

/// Watches an nginx with the RTMP module through its pages of statistics and of commands.
///
/// ```
/// use encoder_core::ingest::IngestWitness as _;
/// use encoder_server::config::WitnessConfig;
/// use encoder_server::ingest::NginxRtmp;
///
/// let config: WitnessConfig = serde_json::from_str(
///     r#"{"stat_url": "http://127.0.0.1:8935/stat",
///         "addresses": [{"url": "rtmp://ingest.example/live", "application": "live"}]}"#,
/// )?;
/// let witness = NginxRtmp::new(config)?;
/// assert!(witness.covers("rtmp://ingest.example/live"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NginxRtmp {
    config: WitnessConfig,
    http: reqwest::Client,
}

impl NginxRtmp {
    /// A witness as configured. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ErrorKind::Unexpected`] when there can be no HTTP client.
    pub fn new(config: WitnessConfig) -> Result<Self> {
        let http = http::plain()?;
        Ok(Self { config, http })
    }

    fn error(&self, kind: ErrorKind, message: &'static str) -> Error {
        let retry = match kind {
            ErrorKind::DeviceUnreachable => Retry::Safe,
            _ => Retry::Never,
        };
        Error::new(kind, message)
            .with_context("ingest", self.name())
            .with_retry(retry)
    }

    /// The body of the answer. Neither the address nor its query gets into an error: the query
    /// holds a stream key.
    async fn read(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>> {
        let silent = |error: reqwest::Error| {
            let message = "the ingest did not answer; is it running, and is its address right?";
            self.error(ErrorKind::DeviceUnreachable, message)
                .with_source(error.without_url())
        };
        let request = request.timeout(self.config.timeout);
        let mut response = request.send().await.map_err(silent)?;
        let status = response.status();
        if status != StatusCode::OK {
            let message = "the ingest refused; its `allow` lines and locations must fit the \
                           addresses under ingest.witness";
            let error = self.error(ErrorKind::DeviceProtocol, message);
            return Err(error.with_context("status", status.as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(silent)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_PAGE {
                let message = "the ingest's answer is too long";
                return Err(self.error(ErrorKind::DeviceProtocol, message));
            }
        }
        Ok(body)
    }

    /// The command to drop who publishes `target`. The page takes names as they are, without
    /// percent-decoding, so only those that need none can be told.
    fn drop_command(&self, target: &PublishTarget) -> Result<String> {
        let unsupported = |message| self.error(ErrorKind::Unsupported, message);
        let Some(control) = &self.config.control_url else {
            let message = "publishers cannot be dropped without ingest.witness.control_url";
            return Err(unsupported(message));
        };
        let mut addresses = self.config.addresses.iter();
        let Some(address) = addresses.find(|address| address.url == target.url) else {
            return Err(unsupported("the address is none of ingest.witness"));
        };
        let key = target.stream_key.expose();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if key.is_empty() || !key.chars().all(plain) {
            return Err(unsupported("a stream key like this cannot be dropped"));
        }
        let (control, application) = (control.trim_end_matches('/'), &address.application);
        Ok(format!(
            "{control}/drop/publisher?app={application}&name={key}"
        ))
    }
}

#[async_trait]
impl IngestWitness for NginxRtmp {
    fn name(&self) -> &'static str {
        "nginx-rtmp"
    }

    fn covers(&self, url: &str) -> bool {
        let mut addresses = self.config.addresses.iter();
        addresses.any(|address| address.url == url)
    }

    async fn look(&self) -> Result<Vec<Sighting>> {
        let page = self.read(self.http.get(&self.config.stat_url)).await?;
        let published = stat::published(&page).map_err(|error| {
            let message = "the page at ingest.witness.stat_url is not that of nginx-rtmp";
            self.error(ErrorKind::DeviceProtocol, message)
                .with_source(error)
        })?;
        let sightings = published.iter().flat_map(|stream| {
            let addresses = self.config.addresses.iter();
            addresses
                .filter(|address| address.application == stream.application)
                .map(|address| stream.at(&address.url))
        });
        Ok(sightings.collect())
    }

    async fn drop_publishers(&self, target: &PublishTarget) -> Result<()> {
        let command = self.drop_command(target)?;
        let answer = self.read(self.http.get(command)).await?;
        let dropped = str::from_utf8(&answer).ok().map(str::trim);
        match dropped.map(str::parse::<u32>) {
            Some(Ok(dropped)) => tracing::debug!(dropped, "publishers dropped at the ingest"),
            _ => {
                let message =
                    "the page at ingest.witness.control_url did not say how many it dropped";
                return Err(self.error(ErrorKind::DeviceProtocol, message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "nginx_tests.rs"]
mod tests;
