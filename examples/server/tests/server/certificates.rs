//! HTTPS, the certificate monitor, and renewal, over real sockets.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use encoder_core::monitor::certificate::RenewalMethod;
use encoder_core::store::MemoryStore;
use encoder_server::auth::Scope;
use encoder_server::config::{CertbotConfig, ServerConfig, TargetConfig, TlsConfig};
use encoder_server::{AppState, serve};
use futures::{SinkExt as _, StreamExt as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::sync::CancellationToken;

use crate::authority::{Authority, Chain, present, self_signed, write};
use crate::bench::quiet;

pub(crate) const NAME: &str = "cam.example";

/// A server with HTTPS.
pub(crate) struct Https {
    read: String,
    pub(crate) admin: String,
    address: SocketAddr,
    client: reqwest::Client,
    tls: Arc<ClientConfig>,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

pub(crate) type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Settings with a certificate of that authority.
pub(crate) fn config(authority: &Authority) -> ServerConfig {
    let (certificate, key) = authority.write(&authority.chain(NAME));
    let mut config = quiet();
    config.data = authority.folder.path().to_owned();
    config.tls = Some(TlsConfig {
        certificate,
        key,
        names: vec![NAME.to_owned()],
        trust: Some(authority.trust()),
        handshake_timeout: Duration::from_secs(3),
    });
    config
}

fn client_config(trust: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(trust).unwrap();
    roots.add_parsable_certificates(found.map(Result::unwrap));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A session that is taken up again shows the certificate that it began with.
    config.resumption = rustls::client::Resumption::disabled();
    config
}

impl Https {
    pub(crate) async fn start(config: ServerConfig) -> Self {
        let trust = config.tls.as_ref().unwrap().trust.clone().unwrap();
        let manager = serve::build_manager(&config, Arc::new(MemoryStore::new())).await;
        let state = AppState::new(manager.unwrap(), config);
        let key = async |scope| {
            let made = state.keys().create("somebody", scope, None).await.unwrap();
            made.1.expose().clone()
        };
        let (read, admin) = (key(Scope::Read).await, key(Scope::Admin).await);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = serve(state, listener, stop.clone().cancelled_owned());
        #[expect(clippy::disallowed_methods, reason = "a test is its own supervisor")]
        let server = tokio::spawn(serving);
        let tls = client_config(&trust);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .resolve(NAME, address)
            .no_proxy()
            .build()
            .unwrap();
        let tls = Arc::new(tls);
        Self {
            read,
            admin,
            address,
            client,
            tls,
            stop,
            server,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("https://{NAME}:{}{path}", self.address.port())
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        let request = self.client.get(self.url(path)).bearer_auth(&self.read);
        request.send().await.unwrap()
    }

    /// Whether clients take what is served.
    pub(crate) async fn is_trusted(&self) -> bool {
        self.client.get(self.url("/healthz")).send().await.is_ok()
    }

    async fn json(&self, path: &str) -> Value {
        let text = self.get(path).await.text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    async fn own(&self) -> Value {
        let document = self.json("/api/monitoring/certificates").await;
        let items = document["items"].as_array().unwrap();
        items
            .iter()
            .find(|item| item["target"] == "server")
            .unwrap()
            .clone()
    }

    pub(crate) async fn ask(&self, target: &str, key: &str) -> u16 {
        let url = self.url(&format!("/api/monitoring/certificates/{target}/renew"));
        let answer = self.client.post(url).bearer_auth(key).send().await.unwrap();
        answer.status().as_u16()
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await
            .unwrap()
    }

    /// What a new connection gets.
    pub(crate) async fn presented(&self) -> Vec<u8> {
        let stream = self.connect().await;
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }

    pub(crate) async fn websocket(&self) -> Socket {
        let url = format!("wss://{NAME}:{}/ws", self.address.port());
        let mut request = url.into_client_request().unwrap();
        let key = format!("Bearer {}", self.read).parse().unwrap();
        request.headers_mut().insert("authorization", key);
        let stream = self.connect().await;
        tokio_tungstenite::client_async(request, stream)
            .await
            .unwrap()
            .0
    }

    /// Waits until the document of the server's own certificate is as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let own = self.own().await;
            if wanted(&own) {
                return own;
            }
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "not {what}: {own:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(20), self.server).await;
        ended.expect("the server drains").unwrap().unwrap();
    }
}

/// Says something, and hears the answer.
pub(crate) async fn is_alive(socket: &mut Socket) {
    let said = json!({"type": "subscribe", "all": true, "id": 1}).to_string();
    socket.send(Message::text(said)).await.unwrap();
    let heard = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
    let heard = heard
        .expect("the socket is silent")
        .expect("it ended")
        .unwrap();
    assert!(heard.is_text(), "{heard:?}");
}

fn der(chain: &Chain) -> Vec<u8> {
    CertificateDer::from_pem_slice(chain.certificates.as_bytes())
        .unwrap()
        .to_vec()
}

#[tokio::test]
async fn rest_websocket_and_socketio_are_served_over_tls_and_drained() {
    let authority = Authority::new();
    let https = Https::start(config(&authority)).await;
    assert_eq!(https.get("/healthz").await.status(), 200);
    let own = https.until("looked at", |own| own["valid"] == true).await;
    assert_eq!(own["chain"].as_array().unwrap().len(), 2);
    assert_eq!((&own["faults"], &own["issues"]), (&json!([]), &json!([])));
    assert_eq!(own["renewal"]["state"], "never");
    assert_eq!(own["expires_at"], "2090-01-01T00:00:00.000Z");
    let metrics = https.get("/metrics").await.text().await.unwrap();
    assert!(
        metrics.contains("encoder_certificate_valid{target=\"server\"} 1"),
        "{metrics}"
    );
    let polled = https.get("/socket.io/?EIO=4&transport=polling").await;
    assert_eq!(polled.status(), 200);
    assert!(polled.text().await.unwrap().starts_with("0{"));
    let mut socket = https.websocket().await;
    is_alive(&mut socket).await;
    https.end().await;
    let rest = socket
        .filter_map(async |message| message.ok())
        .collect::<Vec<_>>();
    let rest = tokio::time::timeout(Duration::from_secs(5), rest)
        .await
        .unwrap();
    assert!(rest.iter().any(Message::is_close), "{rest:?}");
}

#[tokio::test]
async fn silent_clients_keep_nobody_waiting() {
    let authority = Authority::new();
    let https = Https::start(config(&authority)).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(https.address).await.unwrap());
    }
    let started = Instant::now();
    assert_eq!(https.get("/healthz").await.status(), 200);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    // And each of them is sent away.
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut silent[0], &mut byte);
    let read = tokio::time::timeout(Duration::from_secs(10), read).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    https.end().await;
}

#[tokio::test]
async fn changed_files_are_served_while_open_connections_live_on() {
    let authority = Authority::new();
    let https = Https::start(config(&authority)).await;
    let mut socket = https.websocket().await;
    is_alive(&mut socket).await;
    let new = authority.chain(NAME);
    authority.write(&new);
    let started = Instant::now();
    while https.presented().await != der(&new) {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "the new one is not served"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    is_alive(&mut socket).await;
    https.end().await;
}

#[tokio::test]
async fn targets_are_looked_at_and_alerted_about() {
    let authority = Authority::new();
    let (good, _good) = present(&authority.chain("127.0.0.1")).await;
    let (bad, _bad) = present(&self_signed("other.example")).await;
    let mut config = config(&authority);
    config.certificates.targets = [good, bad]
        .map(|address| TargetConfig {
            address: address.to_string(),
            server_name: None,
            trust: Some(authority.trust()),
        })
        .to_vec();
    let https = Https::start(config).await;
    https.until("looked at", |own| own["valid"] == true).await;
    let list = https.json("/api/monitoring/certificates").await;
    let item = |address: SocketAddr| {
        let items = list["items"].as_array().unwrap();
        items
            .iter()
            .find(|item| item["target"] == address.to_string())
            .unwrap()
            .clone()
    };
    assert_eq!(item(good)["valid"], true, "{list:#}");
    assert_eq!(item(good)["renewal"], Value::Null);
    let faults = item(bad)["faults"].clone();
    assert_eq!(faults[0]["fault"], "self_signed", "{list:#}");
    assert_eq!(faults[1]["fault"], "wrong_host", "{list:#}");
    let alerts = https
        .json("/api/monitoring/alerts?category=certificate")
        .await;
    let alerts = alerts["items"].as_array().unwrap().clone();
    let codes: Vec<_> = alerts
        .iter()
        .map(|a| a["severity"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["critical", "critical"], "{alerts:#?}");
    let text = alerts[0]["summary"].as_str().unwrap();
    assert!(text.contains(&bad.to_string()), "{text}");
    https.end().await;
}

/// A program in place of certbot.
fn script(authority: &Authority, lines: &str) -> CertbotConfig {
    let path = authority.folder.path().join("fake-certbot");
    std::fs::write(&path, lines).unwrap();
    let words = ["/bin/sh".to_owned(), path.display().to_string()];
    let mut certbot: CertbotConfig = serde_json::from_value(json!({"command": words})).unwrap();
    certbot.timeout = Duration::from_secs(2);
    certbot
}

/// Settings to renew by a script that leaves this chain.
fn renewing(authority: &Authority, new: &Chain, lines: &str) -> ServerConfig {
    let folder = authority.folder.path().join("new");
    std::fs::create_dir(&folder).unwrap();
    write(&folder, new);
    let mut config = config(authority);
    let lines = lines.replace('@', &folder.display().to_string());
    config.certificates.certbot = Some(script(authority, &lines));
    config.certificates.renewal.methods = vec![RenewalMethod::Certbot];
    config
}

const COPY: &str = "cp @/server.pem \"$RENEWED_CERTIFICATE\"; cp @/server.key \"$RENEWED_KEY\"";

#[tokio::test]
async fn certbot_renews_while_open_connections_live_on() {
    let authority = Authority::new();
    let new = authority.chain(NAME);
    let https = Https::start(renewing(&authority, &new, COPY)).await;
    let mut socket = https.websocket().await;
    is_alive(&mut socket).await;
    let (read, admin) = (https.read.clone(), https.admin.clone());
    assert_eq!(https.ask("server", &read).await, 403);
    assert_eq!(https.ask("nobody:1", &admin).await, 404);
    assert_eq!(https.ask("server", &admin).await, 202);
    let renewed = |own: &Value| own["renewal"]["attempts"][0]["result"] == "renewed";
    let own = https.until("renewed", renewed).await;
    assert_eq!(own["renewal"]["attempts"][0]["method"], "certbot");
    assert_eq!(https.presented().await, der(&new));
    is_alive(&mut socket).await;
    let metrics = https.get("/metrics").await.text().await.unwrap();
    let line = "encoder_certificate_renewals_total{result=\"renewed\",target=\"server\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    https.end().await;
}

#[tokio::test]
async fn failures_of_certbot_are_recorded_and_the_old_certificate_stays() {
    // What a program leaves that fails is not trusted.
    let failing = format!("{COPY}; echo some words >&2; echo no luck >&2; exit 3");
    let table = [
        (failing.as_str(), NAME, "exit status: 3: no luck"),
        ("exec sleep 60", NAME, "did not end within 2 s"),
        (
            "echo nothing was due",
            NAME,
            "left no certificate: nothing was due",
        ),
        (COPY, "other.example", "and not for cam.example"),
    ];
    for (lines, name, reason) in table {
        let authority = Authority::new();
        let new = authority.chain(name);
        let https = Https::start(renewing(&authority, &new, lines)).await;
        let before = https.presented().await;
        let admin = https.admin.clone();
        assert_eq!(https.ask("server", &admin).await, 202);
        let failed = |own: &Value| own["renewal"]["attempts"][0]["result"] == "failed";
        let own = https.until("failed", failed).await;
        let told = own["renewal"]["attempts"][0]["reason"].as_str().unwrap();
        assert!(told.contains(reason), "{told}");
        assert_eq!(https.presented().await, before);
        let known = |own: &Value| own["issues"][0]["code"] == "certificate_renewal_failed";
        https.until("told", known).await;
        // Asked for once by each method, and not due by itself.
        let own = https.own().await;
        assert_eq!(own["renewal"]["attempts"].as_array().unwrap().len(), 1);
        https.end().await;
    }
}

#[tokio::test]
async fn certificate_without_a_way_to_renew_says_so() {
    let authority = Authority::new();
    let https = Https::start(config(&authority)).await;
    let admin = https.admin.clone();
    assert_eq!(https.ask("server", &admin).await, 422);
    https.end().await;
}

#[test]
fn check_config_names_file_and_key() {
    let authority = Authority::new();
    let (certificate, key) = authority.write(&authority.chain(NAME));
    let file = authority.folder.path().join("config.yaml");
    let write = |certificate: &Path| {
        let (certificate, key) = (certificate.display(), key.display());
        let text = format!("tls:\n  certificate: {certificate}\n  key: {key}\n");
        std::fs::write(&file, text).unwrap();
    };
    let run = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_encoder-server");
        let mut command = std::process::Command::new(program);
        let command = command
            .args(arguments)
            .arg(&file)
            .current_dir(authority.folder.path());
        let output = command.output().unwrap();
        let text =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    };
    write(&certificate);
    for arguments in [
        &["check-config"][..],
        &["serve", "--check-config", "--config"],
    ] {
        let (is_fine, text) = run(arguments);
        assert!(is_fine && text.contains("config.yaml: fine"), "{text}");
    }
    let gone = authority.folder.path().join("gone.pem");
    write(&gone);
    for arguments in [
        &["check-config"][..],
        &["serve", "--check-config", "--config"],
        &["serve", "--config"],
    ] {
        let (is_fine, text) = run(arguments);
        assert!(!is_fine && text.contains("tls.certificate: "), "{text}");
        assert!(text.contains("gone.pem cannot be read"), "{text}");
        assert_eq!(text.trim().lines().count(), 1, "{text}");
    }
}
