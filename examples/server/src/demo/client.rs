//! A client of the server, as anybody could write it.

use std::collections::HashMap;
use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use encoder_core::model::Secret;
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::Method;
use serde_json::Value;

/// Calls the REST API.
#[derive(Clone, Debug)]
pub(super) struct Client {
    base: String,
    key: Secret,
    http: reqwest::Client,
}

impl Client {
    pub(super) fn new(address: SocketAddr, key: Secret) -> anyhow::Result<Self> {
        let http = crate::http::plain()?;
        Ok(Self {
            base: format!("http://{address}"),
            key,
            http,
        })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(self.key.expose());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let answer: Value = response.json().await.context("the answer is not JSON")?;
        if !status.is_success() {
            let detail = answer["detail"].as_str().unwrap_or_default();
            let reasons = answer["errors"].as_array().into_iter().flatten();
            let reasons: Vec<_> = reasons
                .map(|reason| format!("\n  {}: {}", reason["field"], reason["message"]))
                .collect();
            bail!("{path}: {status}: {detail}{}", reasons.concat());
        }
        Ok(answer)
    }

    /// Opens the live feed.
    pub(super) async fn feed(&self) -> anyhow::Result<Feed> {
        let request = self.http.get(format!("{}/api/events", self.base));
        let response = request.bearer_auth(self.key.expose()).send().await?;
        let response = response.error_for_status()?;
        Ok(Feed {
            bytes: response.bytes_stream().boxed(),
            text: Vec::new(),
            sequences: HashMap::new(),
            missed: 0,
        })
    }
}

/// One event of the feed.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) event: String,
    pub(super) data: Value,
}

/// The live feed, with an eye on its numbers.
pub(super) struct Feed {
    bytes: BoxStream<'static, reqwest::Result<axum::body::Bytes>>,
    text: Vec<u8>,
    sequences: HashMap<String, u64>,
    missed: u64,
}

impl Feed {
    /// Events that were published and did not arrive: gaps in the numbers of each subject.
    pub(super) const fn missed(&self) -> u64 {
        self.missed
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Told> {
        loop {
            if let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                if let Some(told) = parse(&String::from_utf8_lossy(&block))? {
                    self.count(&told);
                    return Ok(told);
                }
                continue;
            }
            let bytes = self.bytes.next().await.context("the live feed ended")??;
            self.text.extend_from_slice(&bytes);
        }
    }

    fn count(&mut self, told: &Told) {
        let data = &told.data;
        if told.event == "lagged" {
            self.missed += data["lost"].as_u64().unwrap_or(1).max(1);
            return;
        }
        let subject = match told.event.as_str() {
            "health_update" => format!("encoder {}", data["encoder_id"]),
            "alert" => "alerts".to_owned(),
            _ => format!("stream {}", data["stream_id"]),
        };
        let Some(sequence) = data["sequence"].as_u64() else {
            return;
        };
        if let Some(last) = self.sequences.insert(subject, sequence) {
            self.missed += sequence.saturating_sub(last + 1);
        }
    }
}

/// One block of an event stream; `None` for a comment.
fn parse(block: &str) -> anyhow::Result<Option<Told>> {
    let field = |name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_start().to_owned())
    };
    let (Some(event), Some(data)) = (field("event:"), field("data:")) else {
        return Ok(None);
    };
    let data = serde_json::from_str(&data).context("an event is not JSON")?;
    Ok(Some(Told { event, data }))
}
