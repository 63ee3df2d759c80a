//! What the ingest asks and tells, on the wire.

use encoder_core::PublishAttempt;
use encoder_core::ingest::Publisher;
use encoder_core::model::{IngestReport, Interruption, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;
use crate::config::IngestConfig;

/// Somebody who wants to publish, as nginx-rtmp tells it by `on_publish`. Other fields are left
/// aside: the publisher may add any.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = PublishForm)]
pub struct PublishForm {
    /// `publish`.
    pub call: String,
    /// The ingest's own name of the application.
    pub app: String,
    /// The stream key.
    #[schema(value_type = String)]
    pub name: Secret,
    /// Where the publisher connects from.
    #[serde(default)]
    pub addr: String,
    /// What the publisher calls itself.
    #[serde(default)]
    pub flashver: String,
    /// The address that the publisher was given.
    #[serde(default)]
    pub tcurl: String,
}

impl PublishForm {
    /// The attempt, at the address under which streams know the application.
    pub fn attempt(self, ingest: &IngestConfig) -> PublishAttempt {
        let mut publisher = Publisher::new();
        publisher.address = self.addr.parse().ok();
        publisher.agent = Some(self.flashver).filter(|agent| !agent.is_empty());
        let attempt = PublishAttempt::new(self.name, publisher);
        let known = ingest.url_of(&self.app, &self.tcurl);
        match known.unwrap_or(&self.tcurl) {
            "" => attempt,
            url => attempt.with_url(url),
        }
    }
}

/// What arrives of a stream at its ingest, as the ingest tells.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = IngestReport)]
pub struct IngestReportDto {
    /// Name of the witness.
    pub witness: String,
    /// Whether media arrives.
    pub receiving: bool,
    /// Since when without a pause; `null` while nothing arrives.
    pub since: Option<Time>,
    /// Bits per second, as the ingest measures them.
    pub bitrate: Option<u64>,
    /// Pictures per second.
    pub fps: Option<f64>,
    /// Picture size.
    #[schema(example = "1920x1080")]
    pub resolution: Option<String>,
    /// How many publish it.
    pub publishers: Option<usize>,
    /// The encoder that publishes it; `null` when it cannot be told.
    pub encoder_id: Option<String>,
    /// How long the present publisher has been connected.
    pub connected_for_seconds: Option<f64>,
    /// When the ingest was asked.
    pub seen_at: Time,
}

impl From<IngestReport> for IngestReportDto {
    fn from(report: IngestReport) -> Self {
        Self {
            witness: report.witness,
            receiving: report.receiving,
            since: report.since.map(Time::from),
            bitrate: report.bitrate.map(|bitrate| bitrate.0),
            fps: report.fps,
            resolution: report.resolution.map(|resolution| resolution.to_string()),
            publishers: report.publishers,
            encoder_id: report.encoder_id.map(String::from),
            connected_for_seconds: report.connected_for_seconds,
            seen_at: report.seen_at.into(),
        }
    }
}

/// How long nothing of a stream arrived at its ingest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Interruption)]
pub struct InterruptionDto {
    /// From the last look that found media of the old encoder to the first that found media of the
    /// new one.
    pub gap_ms: u64,
    /// The true gap is longer or shorter by no more than this.
    pub resolution_ms: u64,
}

impl From<Interruption> for InterruptionDto {
    fn from(interruption: Interruption) -> Self {
        let millis = |span: std::time::Duration| u64::try_from(span.as_millis());
        Self {
            gap_ms: millis(interruption.gap).unwrap_or(u64::MAX),
            resolution_ms: millis(interruption.resolution).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{IngestAddress, WitnessConfig};

    fn form(app: &str, tcurl: &str) -> PublishForm {
        PublishForm {
            call: "publish".to_owned(),
            app: app.to_owned(),
            name: Secret::from("key"),
            addr: "10.0.0.21".to_owned(),
            flashver: String::new(),
            tcurl: tcurl.to_owned(),
        }
    }

    fn config() -> IngestConfig {
        let address = |url: &str, application: &str| IngestAddress {
            url: url.to_owned(),
            application: application.to_owned(),
            play_url: None,
        };
        IngestConfig {
            witness: Some(WitnessConfig {
                stat_url: String::new(),
                control_url: None,
                addresses: vec![
                    address("rtmp://a.example/live", "live"),
                    address("rtmp://b.example/studio", "live"),
                    address("rtmp://a.example/spare", "backup"),
                ],
                timeout: std::time::Duration::from_secs(1),
            }),
            ..IngestConfig::default()
        }
    }

    #[test]
    fn the_ingests_own_word_for_the_application_counts() {
        let url = |app, tcurl| form(app, tcurl).attempt(&config()).url;
        let is = |url: &str| Some(url.to_owned());
        assert_eq!(
            url("backup", "rtmp://a.example/live"),
            is("rtmp://a.example/spare")
        );
        assert_eq!(
            url("live", "rtmp://b.example/studio"),
            is("rtmp://b.example/studio")
        );
        assert_eq!(
            url("live", "rtmp://10.0.0.1/live"),
            is("rtmp://a.example/live")
        );
        assert_eq!(url("other", "rtmp://a.example/x"), is("rtmp://a.example/x"));
        assert_eq!(url("other", ""), None);
    }

    #[test]
    fn what_the_ingest_does_not_say_is_absent() {
        let attempt = form("live", "").attempt(&config());
        assert_eq!(attempt.publisher.agent, None);
        assert_eq!(attempt.publisher.address, "10.0.0.21".parse().ok());
        let mut unnamed = form("live", "");
        unnamed.addr = "unix:".to_owned();
        assert_eq!(unnamed.attempt(&config()).publisher.address, None);
    }
}
