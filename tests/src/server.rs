//! The real server as a process of its own, and a client of its REST API.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::client::Client;
use crate::devices::{Devices, Setup};

/// Simulated devices, and a server process that manages them. The devices outlive the process.
#[derive(Debug)]
pub struct Station {
    /// The devices.
    pub devices: Devices,
    /// A client with an admin key.
    pub client: Client,
    /// What everything was made from.
    pub setup: Setup,
    folder: TempDir,
    process: Child,
    output: Arc<Mutex<Vec<String>>>,
}

impl Station {
    /// Starts devices and server, and waits until every encoder is online.
    ///
    /// # Panics
    /// When anything of it fails.
    pub async fn open(setup: Setup) -> Self {
        Self::open_with(setup, json!({})).await
    }

    /// As [`Station::open`], with settings of the server that are laid over the usual ones.
    ///
    /// # Panics
    /// When anything of it fails.
    pub async fn open_with(setup: Setup, settings: Value) -> Self {
        let devices = Devices::start(&setup).await;
        let folder = tempfile::tempdir().expect("a folder");
        write_settings(&setup, &devices, &folder, settings);
        let key = create_key(&folder.path().join("data"), "admin", 1).await;
        let output = Arc::default();
        let (process, address) = run(folder.path(), &output).await;
        let station = Self {
            devices,
            client: Client::new(&address, &key),
            setup,
            folder,
            process,
            output,
        };
        station.all_online().await;
        station
    }

    async fn all_online(&self) {
        let count = self.setup.count;
        crate::until("all encoders are online", async || {
            let counts = self.client.get("/api/encoders/system/status").await.body;
            counts["online"] == count && counts["total"] == count
        })
        .await;
    }

    /// Ends the server without a warning, as a power cut does.
    ///
    /// # Panics
    /// When it is gone already.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("a running server");
    }

    /// Tells the server to end and waits until it did.
    ///
    /// # Panics
    /// When it takes too long or fails.
    pub async fn terminate(&mut self) {
        let id = self.process.id().expect("a running server").to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(told.expect("kill is there").success());
        let ended = tokio::time::timeout(crate::PATIENCE, self.process.wait()).await;
        let status = ended
            .expect("the server ends in time")
            .expect("an exit status");
        assert!(status.success(), "{status}\n{}", self.output());
    }

    /// Starts the server again on the same data.
    pub async fn start_again(&mut self) {
        let (process, address) = run(self.folder.path(), &self.output).await;
        self.process = process;
        self.client.move_to(&address);
    }

    /// Everything that the server wrote to its standard output and error.
    #[must_use]
    pub fn output(&self) -> String {
        let lines = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        lines.join("\n")
    }

    /// The folder of the database.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data().join("encoder-manager.db")
    }

    /// Makes a key beside the running server. `days` may be 0.
    pub async fn key(&self, scope: &str, days: u32) -> String {
        create_key(&self.data(), scope, days).await
    }

    /// Holds the database, so that nobody else can write, until the returned value is dropped.
    ///
    /// # Panics
    /// When somebody else holds it.
    #[must_use]
    pub fn hold_database(&self) -> HeldDatabase {
        let connection = rusqlite::Connection::open(self.database()).expect("a database");
        connection
            .busy_timeout(Duration::from_secs(5))
            .expect("a timeout");
        connection
            .execute_batch("BEGIN IMMEDIATE")
            .expect("nobody else writes");
        HeldDatabase(connection)
    }

    /// The body of a request for a stream on `helo-1`.
    ///
    /// # Panics
    /// Never: requests are plain data.
    #[must_use]
    pub fn request(&self, protection: encoder_core::model::Protection) -> Value {
        let mut body = serde_json::to_value(self.setup.request(protection)).expect("plain data");
        // Serialisation masks the key.
        body["destination"]["stream_key"] = json!(crate::KEY);
        body
    }

    /// Starts a stream and waits until it is live and its backup ready. Returns its id.
    ///
    /// # Panics
    /// When that does not happen.
    pub async fn live(&self, body: &Value) -> String {
        let answer = self.client.post("/api/streams/init?wait=live", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let id = answer.body["stream_id"].as_str().expect("an id").to_owned();
        if self.setup.count > 1 && body["protection"] != "none" {
            self.until_stream(&id, "protected", |s| s["backup"]["ready"] == true)
                .await;
        }
        id
    }

    /// Waits until the stream's document is as wanted, and returns it.
    ///
    /// # Panics
    /// When that does not happen.
    pub async fn until_stream(
        &self,
        id: &str,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut document = Value::Null;
        let begun = std::time::Instant::now();
        while !holds(&document) {
            let late = begun.elapsed() > crate::PATIENCE;
            let story = || (self.devices.story(), self.output());
            assert!(!late, "never happened: {what}\n{document}\n{:#?}", story());
            tokio::time::sleep(Duration::from_millis(10)).await;
            document = self.client.get(&format!("/api/streams/{id}")).await.body;
        }
        document
    }

    /// How many failovers have been completed, by the timeline.
    pub async fn completed(&self, id: &str) -> usize {
        let timeline = self
            .client
            .get(&format!("/api/streams/{id}/timeline"))
            .await;
        let entries = timeline.body["items"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let done = |entry: &&Value| entry["transition"] == "failover_completed";
        entries.iter().filter(done).count()
    }

    /// The stream's record as it is on disk.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn on_disk(&self, id: &str) -> Value {
        let connection = rusqlite::Connection::open(self.database()).expect("a database");
        let value: Vec<u8> = connection
            .query_row(
                "SELECT value FROM records WHERE key = ?1",
                [format!("streams/{id}")],
                |row| row.get(0),
            )
            .expect("a record");
        serde_json::from_slice(&value).expect("a record is JSON")
    }
}

/// A database that nobody else can write to.
#[derive(Debug)]
pub struct HeldDatabase(rusqlite::Connection);

impl Drop for HeldDatabase {
    fn drop(&mut self) {
        // Closing the connection would end the transaction as well.
        let _ = self.0.execute_batch("ROLLBACK");
    }
}

fn write_settings(setup: &Setup, devices: &Devices, folder: &TempDir, settings: Value) {
    let specs: Vec<_> = devices.specs().collect();
    let off = json!({"read_per_minute": 0, "control_per_minute": 0});
    let mut all = json!({
        "listen": "127.0.0.1:0",
        "data": folder.path().join("data"),
        "log": {"format": "json", "filter": "debug,h2=info,hyper=info,hyper_util=info"},
        "limits": {"key": off, "address": off, "failed_auth_per_minute": 0},
        "manager": setup.config,
        "aja": setup.aja,
        "encoders": specs,
    });
    lay_over(&mut all, settings);
    // Every JSON document is a YAML document.
    std::fs::write(folder.path().join("settings.yaml"), all.to_string()).expect("a file");
}

fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                lay_over(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}

async fn create_key(data: &Path, scope: &str, days: u32) -> String {
    let days = days.to_string();
    let made = Command::new(binary().await)
        .args(["keys", "create", "--name", "scenario", "--scope", scope])
        .args(["--days", &days, "--data"])
        .arg(data)
        .output()
        .await
        .expect("the server's binary runs");
    let error = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{error}");
    String::from_utf8(made.stdout)
        .expect("a key is ASCII")
        .trim()
        .to_owned()
}

async fn run(folder: &Path, output: &Arc<Mutex<Vec<String>>>) -> (Child, String) {
    let mut process = Command::new(binary().await)
        .arg("serve")
        .arg("--config")
        .arg(folder.join("settings.yaml"))
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the server's binary runs");
    let (found, mut address) = watch::channel(None);
    let found = Arc::new(found);
    follow(process.stdout.take().expect("piped"), output, &found);
    follow(process.stderr.take().expect("piped"), output, &found);
    drop(found);
    let listening = address.wait_for(Option::is_some);
    let listening = tokio::time::timeout(crate::PATIENCE, listening).await;
    let Ok(Ok(listening)) = listening else {
        let lines = output.lock().unwrap_or_else(PoisonError::into_inner);
        panic!("the server did not start:\n{}", lines.join("\n"));
    };
    let address = listening.clone().unwrap_or_default();
    drop(listening);
    (process, address)
}

/// Keeps the lines of one output, and looks for the address in them.
#[expect(
    clippy::disallowed_methods,
    reason = "the task ends with the process whose output it reads"
)]
fn follow(
    pipe: impl AsyncRead + Unpin + Send + 'static,
    output: &Arc<Mutex<Vec<String>>>,
    found: &Arc<watch::Sender<Option<String>>>,
) {
    let (output, found) = (Arc::clone(output), Arc::clone(found));
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let said: Value = serde_json::from_str(&line).unwrap_or_default();
            if said["message"] == "listening" {
                found.send_replace(said["address"].as_str().map(str::to_owned));
            }
            output
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line);
        }
    });
}

/// The server's binary. Building the workspace makes it; where only this package was built, it is
/// built now.
async fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("tests are in <profile>/deps");
    let binary = profile
        .join("encoder-server")
        .with_extension(std::env::consts::EXE_EXTENSION);
    if !binary.exists() {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "-p",
                "encoder-server",
                "--bin",
                "encoder-server",
            ])
            .args(if profile.ends_with("release") {
                &["--release"][..]
            } else {
                &[]
            })
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .await;
        let built = built.is_ok_and(|status| status.success());
        assert!(
            built && binary.exists(),
            "no {}; build the workspace first",
            binary.display()
        );
    }
    binary
}
