//! A client of the REST API that remembers everything it was told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use serde_json::Value;

/// An answer of the server.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; `null` when it is no JSON.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The fields that a problem document complains about.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice);
        let fields = errors.unwrap_or_default().iter();
        fields.filter_map(|error| error["field"].as_str()).collect()
    }
}

/// Calls the REST API with one key.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    key: Option<String>,
    headers: HashMap<&'static str, String>,
    http: reqwest::Client,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Client {
    /// A client of the server at `address` (host and port) with this key.
    ///
    /// # Panics
    /// When no HTTP client can be made.
    #[must_use]
    pub fn new(address: &str, key: &str) -> Self {
        // The client takes no process-wide TLS settings; on the loopback it speaks plain HTTP.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the default versions")
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            base: format!("http://{address}"),
            key: Some(key.to_owned()),
            headers: HashMap::new(),
            http,
            heard: Arc::default(),
        }
    }

    /// The same client with another key, or none.
    #[must_use]
    pub fn with_key(&self, key: Option<&str>) -> Self {
        Self {
            key: key.map(str::to_owned),
            ..self.clone()
        }
    }

    /// The same client with one more header on every request.
    #[must_use]
    pub fn with_header(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut client = self.clone();
        client.headers.insert(name, value.into());
        client
    }

    /// The same client with a memory of its own.
    #[must_use]
    pub fn deaf(&self) -> Self {
        Self {
            heard: Arc::default(),
            ..self.clone()
        }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// Host and port of the server.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    pub(crate) fn move_to(&mut self, address: &str) {
        self.base = format!("http://{address}");
    }

    /// Every body so far, as text.
    #[must_use]
    pub fn heard(&self) -> String {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.join("\n")
    }

    /// Sends a request with a body that need not be JSON.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn send(&self, method: Method, path: &str, kind: &str, body: String) -> Answer {
        let request = self.request(method, path).header("content-type", kind);
        self.finish(request.body(body).send().await).await
    }

    /// Reads.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn get(&self, path: &str) -> Answer {
        self.finish(self.request(Method::GET, path).send().await)
            .await
    }

    /// Creates or commands.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.finish(self.request(Method::POST, path).json(body).send().await)
            .await
    }

    /// Replaces.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.finish(self.request(Method::PUT, path).json(body).send().await)
            .await
    }

    /// Removes.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn delete(&self, path: &str) -> Answer {
        self.finish(self.request(Method::DELETE, path).send().await)
            .await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = self.headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        });
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    async fn finish(&self, response: reqwest::Result<Response>) -> Answer {
        let response = response.expect("the server answers");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.expect("a whole body");
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text.clone());
        Answer {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    /// Opens the live feed, after the event of that id or from now on.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn feed(&self, after: Option<&str>) -> Feed {
        let mut request = self.request(Method::GET, "/api/events");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = request.send().await.expect("the server answers");
        assert_eq!(response.status(), 200);
        let chunks = response
            .bytes_stream()
            .map(|chunk| chunk.map(|bytes| bytes.to_vec()));
        Feed {
            bytes: chunks.boxed(),
            text: Vec::new(),
            heard: Arc::clone(&self.heard),
        }
    }
}

/// One event of the live feed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// Its place in the whole feed.
    pub id: String,
    /// Its name.
    pub event: String,
    /// What it says.
    pub data: Value,
}

/// The live feed as server-sent events.
pub struct Feed {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    text: Vec<u8>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

impl Feed {
    /// The next event; `None` at the end of the feed.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                let block = String::from_utf8_lossy(&block).into_owned();
                let told = parse(&block);
                self.heard
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(block);
                if !told.event.is_empty() {
                    return Some(told);
                }
                continue;
            }
            let next = tokio::time::timeout(crate::PATIENCE, self.bytes.next()).await;
            match next.expect("the feed goes on") {
                Some(Ok(bytes)) => self.text.extend_from_slice(&bytes),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Reads until an event is as wanted; returns all that came.
    ///
    /// # Panics
    /// When none comes.
    pub async fn until(&mut self, wanted: impl Fn(&Told) -> bool) -> Vec<Told> {
        let mut all = Vec::new();
        loop {
            let told = self.next().await.expect("the feed goes on");
            all.push(told);
            if all.last().is_some_and(&wanted) {
                return all;
            }
        }
    }
}

/// One block of an event stream; a comment has no event.
fn parse(block: &str) -> Told {
    let field = |name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim_start().to_owned()
    };
    Told {
        id: field("id:"),
        event: field("event:"),
        data: serde_json::from_str(&field("data:")).unwrap_or_default(),
    }
}
