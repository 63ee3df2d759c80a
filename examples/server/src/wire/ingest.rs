//! What the ingest asks, on the wire.

use encoder_core::PublishAttempt;
use encoder_core::ingest::Publisher;
use encoder_core::model::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

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
