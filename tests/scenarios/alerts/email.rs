//! Mail over STARTTLS to a mail server of another make: aiosmtpd.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use encoder_core::alerts::sinks::{EmailConfig, build};
use encoder_core::alerts::{AlertSink, AlertsConfig, Notice};
use encoder_core::tasks::Clock;
use encoder_core::{ErrorKind, Retry};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::peers::{free_port, log, program, run};

const PASSWORD: &str = "postgeheimnis";

/// A Python that has aiosmtpd, in an environment that is made once.
async fn python() -> Option<PathBuf> {
    let python = program("python3", "python3-venv")?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mail");
    let own = folder.join("bin/python");
    // Tests run beside each other, in processes of their own.
    let lock = std::fs::File::create(folder.with_extension("lock")).expect("a file");
    lock.lock().expect("a lock");
    let has = async || {
        let asked = Command::new(&own).args(["-c", "import aiosmtpd"]).output();
        asked.await.is_ok_and(|answer| answer.status.success())
    };
    if has().await {
        return Some(own);
    }
    let made = Command::new(python)
        .args(["-m", "venv"])
        .arg(&folder)
        .output()
        .await;
    let wanted = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "aiosmtpd>=1.4,<2",
    ];
    let got = Command::new(&own).args(wanted).output().await;
    if made.is_ok() && got.is_ok() && has().await {
        return Some(own);
    }
    eprintln!(
        "skipped: aiosmtpd cannot be installed into {}",
        folder.display()
    );
    None
}

/// A mail server that writes what it gets into a folder.
struct MailServer {
    folder: TempDir,
    port: u16,
    _process: Child,
}

impl MailServer {
    /// With TLS unless `plain`; without the certificate's name unless it is for `127.0.0.1`.
    async fn start(tls: bool, name: &str) -> Option<Self> {
        let python = python().await?;
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(
            folder.path().join("key.pem"),
            made.signing_key.serialize_pem(),
        )
        .unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python/mail_server.py");
        let arguments = [
            script.display().to_string(),
            port.to_string(),
            if tls { "tls" } else { "plain" }.to_owned(),
            PASSWORD.to_owned(),
        ];
        let process = run(&python, &arguments, folder.path());
        let server = Self {
            folder,
            port,
            _process: process,
        };
        server.until_listening().await;
        Some(server)
    }

    async fn until_listening(&self) {
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port))
            .await
            .is_err()
        {
            let late = begun.elapsed() > Duration::from_secs(30);
            assert!(
                !late,
                "the mail server did not start:\n{}",
                log(&self.folder)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn sink(&self, changes: Value) -> std::sync::Arc<dyn AlertSink> {
        let mut settings = json!({
            "host": "127.0.0.1", "port": self.port, "username": "fleet", "password": PASSWORD,
            "from": "Fleet <fleet@fleet.example>", "to": ["ops@example.org", "ann@example.org"],
            "ca_file": self.folder.path().join("cert.pem"),
        });
        for (key, value) in changes.as_object().unwrap() {
            settings[key] = value.clone();
        }
        let config: EmailConfig = serde_json::from_value(settings).unwrap();
        let mut all = AlertsConfig::default();
        all.sinks.email.insert("mail".to_owned(), config);
        build(&all, &Clock::system()).unwrap().remove(0)
    }

    /// The mails that arrived.
    fn mails(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("mails.jsonl"));
        let text = text.unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn notice() -> Notice {
    Notice::test(Clock::system().now())
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_arrives_over_starttls_with_a_login() {
    let Some(server) = MailServer::start(true, "127.0.0.1").await else {
        return;
    };
    let notice = notice();
    let delivered = server.sink(json!({})).deliver(&notice).await;
    assert!(delivered.is_ok(), "{delivered:?}\n{}", log(&server.folder));
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(
        (&mail["tls"], &mail["user"]),
        (&json!(true), &json!("fleet"))
    );
    assert_eq!(mail["to"], json!(["ops@example.org", "ann@example.org"]));
    let text = mail["content"].as_str().unwrap();
    let id = format!("Message-ID: <{}@fleet.example>", notice.notice_id);
    assert!(
        text.contains("Subject: [TEST] Test notice") && text.contains(&id),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_not_sent_in_clear_or_to_a_stranger() {
    let Some(plain) = MailServer::start(false, "127.0.0.1").await else {
        return;
    };
    let error = plain.sink(json!({})).deliver(&notice()).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Safe, "{error}");
    assert!(plain.mails().is_empty());

    let stranger = MailServer::start(true, "mail.example").await.unwrap();
    let error = stranger
        .sink(json!({}))
        .deliver(&notice())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceUnreachable, "{error}");
    assert!(stranger.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_is_told_without_it() {
    let Some(server) = MailServer::start(true, "127.0.0.1").await else {
        return;
    };
    let sink = server.sink(json!({"password": "falsches_geheimnis"}));
    let error = sink.deliver(&notice()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry()),
        (ErrorKind::DeviceRejected, Retry::Never)
    );
    let shown = format!("{error} {error:?} {sink:?}");
    assert!(
        shown.contains("535") && !shown.contains("geheimnis"),
        "{shown}"
    );
}
