//! Renewal through a real authority: pebble, with a name server of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use encoder_core::monitor::certificate::RenewalMethod;
use encoder_server::config::{AcmeConfig, ServerConfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::authority::{Authority, write};
use crate::certificates::{Https, NAME, config, is_alive};

/// The authority and its name server; both end with it.
struct Pebble {
    directory: String,
    _processes: [Child; 2],
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn run(program: &str, arguments: &[&str]) -> Option<Child> {
    let spawned = Command::new(program)
        .args(arguments)
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_WFE_NONCEREJECT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    match spawned {
        Ok(child) => Some(child),
        Err(error) => {
            println!("skipped: {program} cannot be run ({error}): apt-get install pebble");
            None
        }
    }
}

async fn answers(port: u16) {
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "nobody listens on {port}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Pebble {
    /// Starts one that asks for answers at that port; `None` when it is not installed. Its root is
    /// added to the trusted ones.
    async fn start(authority: &Authority, challenge_port: u16) -> Option<Self> {
        let folder = authority.folder.path().join("pebble");
        std::fs::create_dir(&folder).unwrap();
        let (certificate, key) = write(&folder, &authority.chain("127.0.0.1"));
        let (listen, management) = (free_port(), free_port());
        let settings = json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{listen}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": certificate, "privateKey": key,
            "httpPort": challenge_port, "tlsPort": free_port(),
            "ocspResponderURL": "", "externalAccountBindingRequired": false,
        }});
        let file = folder.join("config.json");
        std::fs::write(&file, settings.to_string()).unwrap();
        let (names, commands) = (free_port(), free_port());
        let name_server = format!("127.0.0.1:{names}");
        let resolver = run(
            "pebble-challtestsrv",
            &[
                "-dns01",
                &name_server,
                "-management",
                &format!("127.0.0.1:{commands}"),
                "-http01",
                "",
                "-https01",
                "",
                "-tlsalpn01",
                "",
                "-defaultIPv6",
                "",
            ],
        )?;
        answers(commands).await;
        let file = file.display().to_string();
        let pebble = run("pebble", &["-config", &file, "-dnsserver", &name_server])?;
        answers(listen).await;
        answers(management).await;
        let url = format!("https://127.0.0.1:{management}/roots/0");
        let root = client(&authority.trust()).get(url).send().await.unwrap();
        let root = root.text().await.unwrap();
        let trusted = std::fs::read_to_string(authority.trust()).unwrap();
        std::fs::write(authority.folder.path().join("both.pem"), trusted + &root).unwrap();
        Some(Self {
            directory: format!("https://127.0.0.1:{listen}/dir"),
            _processes: [resolver, pebble],
        })
    }

    /// Settings to order from it, with the challenges answered at that port.
    fn config(&self, authority: &Authority, port: u16) -> ServerConfig {
        let mut config = config(authority);
        let acme = json!({
            "directory": self.directory,
            "challenge_listen": SocketAddr::from(([127, 0, 0, 1], port)),
            "root": authority.trust(),
            "timeout_seconds": 30,
        });
        let acme: AcmeConfig = serde_json::from_value(acme).unwrap();
        config.certificates.acme = Some(acme);
        config.certificates.renewal.methods = vec![RenewalMethod::Acme];
        let tls = config.tls.as_mut().unwrap();
        tls.trust = Some(authority.folder.path().join("both.pem"));
        config
    }
}

fn client(trust: &Path) -> reqwest::Client {
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(trust).unwrap();
    roots.add_parsable_certificates(found.map(Result::unwrap));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder().no_proxy();
    client.tls_backend_preconfigured(tls).build().unwrap()
}

fn attempts(own: &Value) -> Vec<Value> {
    own["renewal"]["attempts"].as_array().unwrap().clone()
}

#[tokio::test]
async fn authority_renews_while_an_open_websocket_lives_on() {
    let (authority, port) = (Authority::new(), free_port());
    let Some(pebble) = Pebble::start(&authority, port).await else {
        return;
    };
    let https = Https::start(pebble.config(&authority, port)).await;
    let mut socket = https.websocket().await;
    is_alive(&mut socket).await;
    let before = https.presented().await;
    let admin = https.admin.clone();
    assert_eq!(https.ask("server", &admin).await, 202);
    let own = https.until("tried", |own| !attempts(own).is_empty()).await;
    assert_eq!(attempts(&own)[0]["result"], "renewed", "{own:#}");
    let after = https.presented().await;
    assert_ne!(after, before);
    is_alive(&mut socket).await;
    let is_new = |own: &Value| {
        let issuer = own["chain"][0]["issuer"].as_str();
        issuer.is_some_and(|name| name.contains("Pebble"))
    };
    let own = https.until("looked at", is_new).await;
    assert_eq!(
        (&own["valid"], &own["renewal"]["state"]),
        (&json!(true), &json!("not_due"))
    );
    let codes = own["issues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| &issue["code"]);
    assert_eq!(
        codes.collect::<Vec<_>>(),
        ["certificate_changed"],
        "{own:#}"
    );
    // The account is kept for the next order, for its owner only, and the answers are gone.
    let accounts = std::fs::read_dir(authority.folder.path()).unwrap();
    let names = accounts.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("acme-")).count(), 1);
    assert_eq!(https.ask("server", &admin).await, 202);
    let own = https
        .until("tried again", |own| attempts(own).len() == 2)
        .await;
    assert_eq!(attempts(&own)[1]["result"], "renewed", "{own:#}");
    assert_ne!(https.presented().await, after);
    is_alive(&mut socket).await;
    https.end().await;
}

#[tokio::test]
async fn first_certificate_is_ordered_by_itself() {
    let (authority, port) = (Authority::new(), free_port());
    let Some(pebble) = Pebble::start(&authority, port).await else {
        return;
    };
    let config = pebble.config(&authority, port);
    let tls = config.tls.clone().unwrap();
    for path in [&tls.certificate, &tls.key] {
        std::fs::remove_file(path).unwrap();
    }
    // Only what the authority made gets a client to talk.
    let https = Https::start(config).await;
    let started = Instant::now();
    while !https.is_trusted().await {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "nothing is ordered"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let own = https.until("valid", |own| own["valid"] == true).await;
    assert_eq!(attempts(&own)[0]["result"], "renewed", "{own:#}");
    https.end().await;
}

#[tokio::test]
async fn refusal_is_recorded_backed_off_and_leaves_the_old_certificate() {
    let (authority, port) = (Authority::new(), free_port());
    // The authority looks for the answer where nobody listens.
    let Some(pebble) = Pebble::start(&authority, free_port()).await else {
        return;
    };
    let mut config = pebble.config(&authority, port);
    // Renewed with a third of its life left, so at once and until 2050.
    config.certificates.renewal.before_days = 36_500;
    authority.write(&authority.chain_of(NAME, (1971, 2050)));
    let https = Https::start(config).await;
    let before = https.presented().await;
    let own = https.until("tried", |own| !attempts(own).is_empty()).await;
    let attempt = &attempts(&own)[0];
    assert_eq!(
        (&attempt["method"], &attempt["result"]),
        (&json!("acme"), &json!("failed"))
    );
    let reason = attempt["reason"].as_str().unwrap();
    assert!(reason.contains("the authority refused"), "{reason}");
    let own = https
        .until("waiting", |own| own["renewal"]["state"] == "waiting")
        .await;
    assert!(own["renewal"]["next_at"].is_string());
    assert_eq!(attempts(&own).len(), 1);
    assert_eq!(https.presented().await, before);
    let told = |own: &Value| own["issues"][0]["code"] == "certificate_renewal_failed";
    https.until("told", told).await;
    let metrics = https.get("/metrics").await.text().await.unwrap();
    let line = "encoder_certificate_renewals_total{result=\"failed\",target=\"server\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    https.end().await;
}
