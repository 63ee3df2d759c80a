//! An ingest on this machine, for tests, measurements and demonstrations.
//!
//! It runs the configuration that is shipped for operators, with other ports, paths and timeouts,
//! so that what is tried out is what is recommended.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use encoder_core::model::Secret;
use encoder_core::{Error, ErrorKind, Result};
use encoder_ffmpeg::process;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::config::{IngestAddress, WitnessConfig};
use crate::http;

/// What is shipped.
const SHIPPED: &str = include_str!("../../../monitoring/ingest/nginx.conf");
/// The applications in it.
const APPLICATIONS: [&str; 2] = ["live", "backup"];
/// Where Debian and others put the module.
const MODULES: [&str; 3] = [
    "/usr/lib/nginx/modules/ngx_rtmp_module.so",
    "/usr/lib64/nginx/modules/ngx_rtmp_module.so",
    "/usr/share/nginx/modules/ngx_rtmp_module.so",
];
/// How long it may take to answer for the first time.
const START: Duration = Duration::from_secs(10);
/// Another program may take a port between its choice and its use.
const ATTEMPTS: usize = 5;

/// How a [`LocalIngest`] differs from what is shipped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LocalIngestOptions {
    /// The server that is asked who may publish, and the secret it is told. Without it whoever
    /// comes may publish.
    pub authorize: Option<(SocketAddr, Secret)>,
    /// How long a publisher may be silent before it is dropped. Shipped are 10 s.
    pub idle_timeout: Duration,
}

impl Default for LocalIngestOptions {
    fn default() -> Self {
        Self {
            authorize: None,
            idle_timeout: Duration::from_secs(10),
        }
    }
}

impl LocalIngestOptions {
    /// As shipped, and without asking who may publish.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the server at that address who may publish.
    #[must_use]
    pub fn with_authorize(mut self, server: SocketAddr, secret: Secret) -> Self {
        self.authorize = Some((server, secret));
        self
    }

    /// Drops publishers that are silent for this long.
    #[must_use]
    pub const fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }
}

/// An nginx with the RTMP module on the loopback. It ends when this is dropped, and with the process
/// that started it.
#[derive(Debug)]
pub struct LocalIngest {
    child: Child,
    pid: u32,
    rtmp: SocketAddr,
    http: SocketAddr,
    folder: TempDir,
}

impl LocalIngest {
    /// Whether nginx and its RTMP module are installed.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] with what is missing and how to get it.
    pub fn available() -> Result<()> {
        find_nginx().and(find_module()).map(drop)
    }

    /// Starts one on free ports and waits until it answers.
    ///
    /// # Errors
    /// Those of [`available`](Self::available); [`ErrorKind::Unexpected`] with the end of its log
    /// when it does not start.
    pub async fn start(options: &LocalIngestOptions) -> Result<Self> {
        let (nginx, module) = (find_nginx()?, find_module()?);
        let mut failure = failed("it was never started");
        for _ in 0..ATTEMPTS {
            match Self::attempt(&nginx, module, options).await {
                Ok(ingest) => return Ok(ingest),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn attempt(nginx: &Path, module: &str, options: &LocalIngestOptions) -> Result<Self> {
        let folder = TempDir::with_prefix("ingest-").map_err(disk)?;
        let (rtmp, http) = free_ports().map_err(disk)?;
        let rendered = Rendering {
            folder: folder.path(),
            module,
            rtmp,
            http,
            options,
        };
        rendered.write().map_err(disk)?;
        let child = process::spawn(command(nginx, folder.path()))
            .await
            .map_err(disk)?;
        let pid = child.id().ok_or_else(|| failed("it ended at once"))?;
        let mut ingest = Self {
            child,
            pid,
            rtmp,
            http,
            folder,
        };
        ingest.wait().await?;
        Ok(ingest)
    }

    /// Waits until the page of statistics is that of this very process.
    async fn wait(&mut self) -> Result<()> {
        let client = http::plain()?;
        let deadline = Instant::now() + START;
        let own = format!("<pid>{}</pid>", self.pid);
        loop {
            let page = client
                .get(self.stat_url())
                .timeout(Duration::from_secs(1))
                .send();
            if let Ok(answer) = page.await
                && answer.text().await.is_ok_and(|page| page.contains(&own))
            {
                return Ok(());
            }
            if self.child.try_wait().map_err(disk)?.is_some() || Instant::now() > deadline {
                return Err(failed(&self.last_words()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("error.log"));
        let log = log.unwrap_or_default();
        log.lines().last().unwrap_or("it said nothing").to_owned()
    }

    /// Server and application, for publishing and playing. `application` is `live` or `backup`.
    pub fn rtmp_url(&self, application: &str) -> String {
        format!("rtmp://{}/{application}", self.rtmp)
    }

    /// The page of statistics.
    pub fn stat_url(&self) -> String {
        format!("http://{}/stat", self.http)
    }

    /// The page of commands.
    pub fn control_url(&self) -> String {
        format!("http://{}/control", self.http)
    }

    /// Settings for a witness of this ingest, with both of its applications.
    pub fn witness_config(&self) -> WitnessConfig {
        let addresses = APPLICATIONS.map(|application| IngestAddress {
            url: self.rtmp_url(application),
            application: application.to_owned(),
            play_url: Some(self.rtmp_url(application)),
        });
        WitnessConfig {
            stat_url: self.stat_url(),
            control_url: Some(self.control_url()),
            addresses: addresses.into(),
            timeout: Duration::from_secs(1),
        }
    }

    /// The process.
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends it, connections included, and waits until it is gone.
    pub async fn shutdown(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "the local ingest does not end");
        }
    }
}

struct Rendering<'a> {
    folder: &'a Path,
    module: &'a str,
    rtmp: SocketAddr,
    http: SocketAddr,
    options: &'a LocalIngestOptions,
}

impl Rendering<'_> {
    /// What is shipped and what stands in its place, each to be found at least once.
    fn replacements(&self) -> Vec<(&'static str, String)> {
        let Self { rtmp, http, .. } = self;
        let folder = self.folder.display();
        let idle = self.options.idle_timeout.as_millis();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n"))
            .collect();
        let mut replacements = vec![
            (MODULES[0], self.module.to_owned()),
            (
                "user www-data;",
                "daemon off;\nmaster_process off;".to_owned(),
            ),
            ("/run/nginx.pid", format!("{folder}/nginx.pid")),
            ("/var/log/nginx/error.log", format!("{folder}/error.log")),
            ("listen 1935;", format!("listen {rtmp};")),
            ("127.0.0.1:8935", http.to_string()),
            ("http {\n", format!("http {{\n{temporary}")),
            (
                "/etc/nginx/encoder-manager-secret.conf",
                format!("{folder}/secret.conf"),
            ),
            (
                "drop_idle_publisher 10s;",
                format!("drop_idle_publisher {idle}ms;"),
            ),
        ];
        match &self.options.authorize {
            Some((server, _)) => replacements.push(("127.0.0.1:8080", server.to_string())),
            None => replacements.push(("            on_publish ", "            # ".to_owned())),
        }
        replacements
    }

    fn configuration(&self) -> String {
        let replacements = self.replacements();
        replacements
            .iter()
            .fold(SHIPPED.to_owned(), |text, (shipped, own)| {
                debug_assert!(text.contains(shipped), "{shipped} is shipped");
                text.replace(shipped, own)
            })
    }

    fn write(&self) -> io::Result<()> {
        let authorize = self.options.authorize.as_ref();
        let line = authorize.map_or_else(String::new, |(_, secret)| {
            let secret = secret.expose();
            format!("proxy_set_header Authorization \"Bearer {secret}\";\n")
        });
        // The folder is readable by its owner only.
        std::fs::write(self.folder.join("secret.conf"), line)?;
        std::fs::write(self.folder.join("nginx.conf"), self.configuration())
    }
}

fn command(nginx: &Path, folder: &Path) -> Command {
    let mut command = Command::new(nginx);
    command
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .arg("-e")
        .arg(folder.join("error.log"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Two, taken at the same time so that they differ.
fn free_ports() -> io::Result<(SocketAddr, SocketAddr)> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok((first.local_addr()?, second.local_addr()?))
}

fn find_nginx() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Programs of administrators are not on everybody's path.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut programs = folders.map(|folder| folder.join("nginx"));
    let found = programs.find(|program| program.is_file());
    found.ok_or_else(|| missing("nginx is missing; install it: apt-get install nginx"))
}

fn find_module() -> Result<&'static str> {
    let mut modules = MODULES.into_iter();
    let found = modules.find(|module| Path::new(module).is_file());
    found.ok_or_else(|| {
        missing("nginx has no RTMP module; install it: apt-get install libnginx-mod-rtmp")
    })
}

fn missing(message: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, message)
}

fn failed(reason: &str) -> Error {
    let message = format!("the local ingest did not start: {reason}");
    Error::new(ErrorKind::Unexpected, message)
}

fn disk(error: io::Error) -> Error {
    failed("its folder, ports or process cannot be had").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(options: &LocalIngestOptions) -> String {
        let rendering = Rendering {
            folder: Path::new("/srv/ingest"),
            module: MODULES[1],
            rtmp: SocketAddr::from(([127, 0, 0, 1], 2001)),
            http: SocketAddr::from(([127, 0, 0, 1], 2002)),
            options,
        };
        for (shipped, _) in rendering.replacements() {
            assert!(SHIPPED.contains(shipped), "{shipped}");
        }
        rendering.configuration()
    }

    /// What nginx reads of it.
    fn directives(text: &str) -> String {
        let lines = text.lines().map(str::trim_start);
        let read: Vec<_> = lines.filter(|line| !line.starts_with('#')).collect();
        read.join("\n")
    }

    #[test]
    fn nothing_of_the_machines_own_nginx_is_touched() {
        let server = SocketAddr::from(([127, 0, 0, 1], 2003));
        let options = LocalIngestOptions::new()
            .with_authorize(server, Secret::from("geheim"))
            .with_idle_timeout(Duration::from_millis(700));
        let text = directives(&rendered(&options));
        for shipped in [
            "/etc", "/var", "/run", "1935", "8935", "8080", "www-data", "10s",
        ] {
            assert!(!text.contains(shipped), "{shipped} in {text}");
        }
        assert_eq!(text.matches("on_publish http://127.0.0.1:2002").count(), 2);
        assert_eq!(text.matches("drop_idle_publisher 700ms;").count(), 2);
        assert!(text.contains("proxy_pass http://127.0.0.1:2003/api/ingest/authorize;"));
        assert!(!text.contains("geheim"));
    }

    #[test]
    fn nobody_is_asked_unless_told_so() {
        let text = directives(&rendered(&LocalIngestOptions::new()));
        assert!(!text.contains("on_publish"), "{text}");
    }
}
