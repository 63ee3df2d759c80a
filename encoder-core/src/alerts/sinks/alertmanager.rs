//! Alertmanager, version 2 of its API: <https://prometheus.io/docs/alerting/latest/alerts_api/>.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::config::AlertmanagerConfig;
use super::http;
use crate::alerts::notice::{Notice, NoticeAlert};
use crate::alerts::sink::AlertSink;
use crate::error::Result;
use crate::model::{Secret, Timestamp};

/// An Alertmanager.
///
/// A firing alert is posted without an end: Alertmanager ends it by itself after its
/// `resolve_timeout`, unless it is posted again, which happens at every interval. So an alert does
/// not outlive a manager that is gone.
#[derive(Debug)]
pub struct Alertmanager {
    name: String,
    http: reqwest::Client,
    url: String,
    token: Option<Secret>,
    labels: BTreeMap<String, String>,
    link: Option<String>,
    interval: Duration,
}

/// An alert on the wire.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PostableAlert<'a> {
    labels: BTreeMap<&'a str, String>,
    annotations: BTreeMap<&'a str, String>,
    starts_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<Timestamp>,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<&'a str>,
}

impl Alertmanager {
    /// A sink of this name.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`](crate::ErrorKind::ConfigInvalid) for a file of certificates
    /// that cannot be read.
    pub fn try_new(name: &str, config: &AlertmanagerConfig, link: Option<&str>) -> Result<Self> {
        let key = format!("alerts.sinks.alertmanager.{name}");
        let base = config.url.trim_end_matches('/');
        let link = link.map(|link| format!("{}/api/monitoring/alerts", link.trim_end_matches('/')));
        Ok(Self {
            http: http::client(config.ca_file.as_deref(), &key)?,
            url: format!("{base}/api/v2/alerts"),
            token: config.token.clone(),
            labels: config.labels.clone(),
            interval: config.repost_interval,
            name: name.to_owned(),
            link,
        })
    }

    fn postable<'a>(&'a self, told: &'a NoticeAlert) -> PostableAlert<'a> {
        let alert = &told.alert;
        let mut labels: BTreeMap<&str, String> = self
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        labels.insert("alertname", alert_name(&alert.code));
        labels.insert("code", alert.code.clone());
        labels.insert("severity", alert.severity.as_str().to_owned());
        labels.insert("category", alert.category.clone());
        if let Some(id) = &alert.encoder_id {
            labels.insert("encoder_id", id.to_string());
        }
        // Labels are an alert's name, so they hold nothing that changes: not where a stream is.
        match (&alert.stream_id, &told.site) {
            (Some(id), _) => drop(labels.insert("stream_id", id.to_string())),
            (None, Some(site)) => drop(labels.insert("site", site.clone())),
            (None, None) => {}
        }
        let mut annotations = BTreeMap::from([
            ("summary", alert.summary.clone()),
            ("description", alert.description.clone()),
            ("alert_id", alert.alert_id.to_string()),
        ]);
        if !alert.suggested_actions.is_empty() {
            annotations.insert("suggested_actions", alert.suggested_actions.join("\n"));
        }
        PostableAlert {
            labels,
            annotations,
            starts_at: alert.started_at,
            ends_at: alert.resolved_at,
            generator_url: self.link.as_deref(),
        }
    }

    async fn post(&self, alerts: &[NoticeAlert]) -> Result<()> {
        let alerts: Vec<_> = alerts.iter().map(|told| self.postable(told)).collect();
        let mut request = self.http.post(&self.url).json(&alerts);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let response = request.send().await.map_err(http::unanswered)?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let after = http::retry_after(&response);
        let answer = http::body(response).await?;
        Err(http::refused(
            status,
            &answer,
            http::is_passing(status),
            after,
        ))
    }
}

/// `device_silent` as `DeviceSilent`, the way alerts are named there.
fn alert_name(code: &str) -> String {
    let words = code.split(['_', '-', '.']).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    words.map(capital).collect()
}

#[async_trait]
impl AlertSink for Alertmanager {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "alertmanager"
    }

    async fn deliver(&self, notice: &Notice) -> Result<()> {
        // A test has no alerts; an empty list is answered, and changes nothing.
        self.post(&notice.alerts).await
    }

    fn mirror_interval(&self) -> Option<Duration> {
        Some(self.interval)
    }

    async fn mirror(&self, open: &[NoticeAlert], _: Timestamp) -> Result<()> {
        self.post(open).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::{at, of_encoder, of_stream};
    use crate::model::Severity;

    fn sink() -> Alertmanager {
        let config = serde_json::from_str(r#"{"url": "http://am/x/", "labels": {"cluster": "a"}}"#);
        Alertmanager::try_new("am", &config.unwrap(), Some("https://fleet.example/")).unwrap()
    }

    #[test]
    fn alert_is_named_by_what_does_not_change() {
        let sink = sink();
        assert_eq!(sink.url, "http://am/x/api/v2/alerts");
        let mut told = of_encoder("device_silent", Severity::Critical, "helo-1");
        told.site = Some("north".to_owned());
        let firing = serde_json::to_value(sink.postable(&told)).unwrap();
        assert_eq!(
            firing["labels"],
            serde_json::json!({
                "alertname": "DeviceSilent", "code": "device_silent", "severity": "critical",
                "category": "encoder", "encoder_id": "helo-1", "site": "north", "cluster": "a",
            })
        );
        assert_eq!(firing["startsAt"], "1970-01-01T00:00:00.000Z");
        assert!(firing.get("endsAt").is_none());
        let link = "https://fleet.example/api/monitoring/alerts";
        assert_eq!(firing["generatorURL"], link);
        told.alert.resolved_at = Some(at(60));
        let over = serde_json::to_value(sink.postable(&told)).unwrap();
        assert_eq!(over["labels"], firing["labels"]);
        assert_eq!(over["endsAt"], "1970-01-01T00:01:00.000Z");
    }

    #[test]
    fn stream_is_named_without_the_place_it_moves_from() {
        let sink = sink();
        let mut told = of_stream("unprotected", Severity::Warning, "str_1");
        told.site = Some("north".to_owned());
        let labels = sink.postable(&told).labels;
        assert_eq!(labels.get("stream_id").map(String::as_str), Some("str_1"));
        assert_eq!(labels.get("site"), None);
    }
}
