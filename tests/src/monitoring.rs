//! What `examples/monitoring` ships, and the programs that read it: each on the loopback, in a
//! folder of its own, and ended with the value that started it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::server::Station;

/// A file or folder of `examples/monitoring`.
#[must_use]
pub fn shipped(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/monitoring");
    root.join(path)
}

/// Whether a program is installed. Otherwise says that the test is skipped, and how to get it.
#[must_use]
pub fn installed(program: &str, package: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !found {
        eprintln!("skipped: {program} is not installed (apt-get install {package})");
    }
    found
}

/// A program that was started.
#[derive(Debug)]
struct Daemon {
    _process: Child,
    client: Client,
    _folder: TempDir,
}

impl Daemon {
    /// Starts it, and waits until it names the address that it listens on.
    async fn start(program: &str, arguments: &[&str], folder: TempDir) -> Self {
        let mut process = Command::new(program)
            .args(arguments)
            .arg("--web.listen-address=127.0.0.1:0")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(process.stderr.take().expect("piped")).lines();
        let mut told = Vec::new();
        let listening = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, address)) = line.split_once("msg=\"Listening on\" address=") {
                    return address.split(' ').next().map(str::to_owned);
                }
                told.push(line);
            }
            None
        };
        let address = tokio::time::timeout(crate::PATIENCE, listening).await;
        let Ok(Some(address)) = address else {
            panic!("{program} did not start:\n{}", told.join("\n"));
        };
        drain(lines);
        Self {
            _process: process,
            client: Client::new(&address, "").with_key(None),
            _folder: folder,
        }
    }
}

/// Reads on, so that the program does not wait for a reader.
#[expect(
    clippy::disallowed_methods,
    reason = "the task ends with the process whose output it reads"
)]
fn drain(mut lines: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>) {
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
}

/// A Prometheus with the shipped rules that looks at a server every second.
#[derive(Debug)]
pub struct Prometheus {
    daemon: Daemon,
    begun: Instant,
}

impl Prometheus {
    /// Starts it, with a key of its own for the server, and waits until it has looked once.
    ///
    /// # Panics
    /// When the shipped configuration is refused, or the server refuses the key.
    pub async fn watching(station: &Station) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = station.key("read", 1).await;
        write_configuration(folder.path(), station.client.address(), &key);
        let arguments = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--log.format=logfmt",
        ];
        let begun = Instant::now();
        let daemon = Daemon::start("prometheus", &arguments, folder).await;
        let prometheus = Self { daemon, begun };
        prometheus
            .until("the server is scraped", "up{job=\"encoder-manager\"} == 1")
            .await;
        prometheus
    }

    /// Waits until a query has a result.
    ///
    /// # Panics
    /// When it never has.
    pub async fn until(&self, what: &str, query: &str) {
        let begun = Instant::now();
        while self.now(query).await.unwrap_or_default().is_empty() {
            assert!(
                begun.elapsed() < crate::PATIENCE,
                "never happened: {what}: {query}\n{}",
                self.get("/api/v1/targets").await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The series that a query has now, by their labels.
    ///
    /// # Errors
    /// What Prometheus says against the query.
    pub async fn now(&self, query: &str) -> Result<Vec<Value>, String> {
        let body = format!("query={}", encoded(query));
        self.ask("/api/v1/query", body).await
    }

    /// The series that a query had at any time since the start, by their labels.
    ///
    /// # Errors
    /// What Prometheus says against the query.
    pub async fn ever(&self, query: &str) -> Result<Vec<Value>, String> {
        // Prometheus' own clock, so that nobody else's counts.
        let answer = self.get("/api/v1/query?query=time()").await;
        let end = answer["data"]["result"][0].as_f64().unwrap_or_default();
        // Whole steps, so that the last one is now.
        let start = end - self.age().as_secs_f64().ceil();
        let query = encoded(query);
        let body = format!("query={query}&start={start}&end={end}&step=1");
        self.ask("/api/v1/query_range", body).await
    }

    /// How long it has looked.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// A document of its API.
    pub async fn get(&self, path: &str) -> Value {
        self.daemon.client.get(path).await.body
    }

    async fn ask(&self, path: &str, body: String) -> Result<Vec<Value>, String> {
        let kind = "application/x-www-form-urlencoded";
        let client = &self.daemon.client;
        let answer = client.send(Method::POST, path, kind, body).await;
        if answer.body["status"] != "success" {
            return Err(answer.text);
        }
        let result = answer.body["data"]["result"].as_array();
        let series = result.into_iter().flatten();
        Ok(series.map(|series| series["metric"].clone()).collect())
    }
}

/// The shipped configuration with the lines that depend on the installation changed, as its
/// comments say, and without the jobs that look at other programs.
fn write_configuration(folder: &Path, server: &str, key: &str) {
    let text = std::fs::read_to_string(shipped("prometheus/prometheus.yml")).expect("a file");
    let (text, _) = text
        .split_once("\n  - job_name: prometheus\n")
        .expect("the manager's job comes first");
    let changed = text
        .replace("server:8080", server)
        .replace("scrape_interval: 5s", "scrape_interval: 1s")
        .replace("scrape_timeout: 4s", "scrape_timeout: 1s")
        .replace("evaluation_interval: 5s", "evaluation_interval: 1s")
        .replace("alertmanager:9093", "127.0.0.1:9");
    std::fs::write(folder.join("prometheus.yml"), changed).expect("a file");
    let rules = folder.join("rules");
    std::fs::create_dir(&rules).expect("a folder");
    for file in std::fs::read_dir(shipped("prometheus/rules")).expect("rules") {
        let file = file.expect("a file").path();
        let name = file.file_name().expect("a name");
        std::fs::copy(&file, rules.join(name)).expect("a copy");
    }
    std::fs::create_dir(folder.join("secrets")).expect("a folder");
    std::fs::write(folder.join("secrets/encoder-manager-key"), key).expect("a file");
}

/// A text in a form.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// An Alertmanager with the shipped routes that tells nobody.
#[derive(Debug)]
pub struct Alertmanager {
    daemon: Daemon,
}

impl Alertmanager {
    /// Starts it.
    ///
    /// # Panics
    /// When the shipped configuration is refused.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text = std::fs::read_to_string(shipped("alertmanager/alertmanager.yml"));
        let text = text.expect("a file");
        let (routes, _) = text.split_once("\nreceivers:\n").expect("receivers");
        let silent = "\nreceivers: [{name: page}, {name: desk}, {name: log}]\n";
        let changed = [routes, silent].concat();
        std::fs::write(folder.path().join("alertmanager.yml"), changed).expect("a file");
        let arguments = [
            "--config.file=alertmanager.yml",
            "--storage.path=data",
            "--cluster.listen-address=",
        ];
        let daemon = Daemon::start("prometheus-alertmanager", &arguments, folder).await;
        Self { daemon }
    }

    /// Sends alerts and returns what is known afterwards.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn tell(&self, alerts: &Value) -> Vec<Value> {
        let answer = self.daemon.client.post("/api/v2/alerts", alerts).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let known = self.daemon.client.get("/api/v2/alerts").await;
        known.body.as_array().cloned().unwrap_or_default()
    }
}
