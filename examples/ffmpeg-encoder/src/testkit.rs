//! An ingest for tests: nginx with its RTMP module, on the loopback.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::process;

/// Where Debian's package `libnginx-mod-rtmp` puts it.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
const LOOPBACK: &str = "127.0.0.1";

/// A running nginx; it ends when this is dropped.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    rtmp: u16,
    http: u16,
    _folder: TempDir,
}

/// A stream that is published at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The stream key as it arrived.
    pub key: String,
    /// What the publisher calls itself.
    pub agent: String,
    /// Bytes received from it.
    pub bytes: u64,
    /// Width and height of the picture; `None` until they are known.
    pub size: Option<(u32, u32)>,
}

impl Nginx {
    /// Starts one on free ports.
    ///
    /// # Panics
    /// When nginx or its module is not installed, or it does not come up.
    pub async fn start() -> Self {
        Self::with_rules("").await
    }

    /// The same, with more rules for its application `live`.
    ///
    /// # Panics
    /// As [`start`](Self::start), and when nginx does not know a rule.
    pub async fn with_rules(rules: &str) -> Self {
        let there = Path::new(MODULE).exists();
        assert!(there, "no {MODULE}: install nginx and libnginx-mod-rtmp");
        // Another process may take a port that was free a moment ago.
        for _ in 0..5 {
            if let Some(nginx) = Self::attempt(rules).await {
                return nginx;
            }
        }
        panic!("nginx did not come up on five pairs of free ports");
    }

    async fn attempt(rules: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let (rtmp, http) = (free_port().await, free_port().await);
        let config = folder.path().join("nginx.conf");
        let text = settings(folder.path(), rtmp, http, rules);
        std::fs::write(&config, text).expect("a writable folder");
        let mut command = Command::new(program());
        command.arg("-p").arg(folder.path()).arg("-c").arg(&config);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = process::spawn(command).await;
        let mut nginx = Self {
            child: child.expect("nginx runs: install nginx and libnginx-mod-rtmp"),
            rtmp,
            http,
            _folder: folder,
        };
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if nginx.child.try_wait().ok().flatten().is_some() {
                return None;
            }
            if nginx
                .get("/stat")
                .await
                .is_ok_and(|answer| answer.contains("<rtmp>"))
            {
                return Some(nginx);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }

    /// Server and application to publish to.
    pub fn url(&self) -> String {
        format!("rtmp://{LOOPBACK}:{}/live", self.rtmp)
    }

    /// Where it counts, as XML.
    pub fn stat_url(&self) -> String {
        format!("http://{LOOPBACK}:{}/stat", self.http)
    }

    /// Everybody who publishes now.
    ///
    /// # Panics
    /// When nginx does not answer.
    pub async fn published(&self) -> Vec<Published> {
        let stat = self.get("/stat").await.expect("nginx answers");
        let streams = stat.split("<stream>").skip(1);
        streams.filter_map(published).collect()
    }

    /// Cuts the publisher of a key off, which may connect anew.
    ///
    /// # Panics
    /// When nginx does not answer.
    pub async fn drop_publisher(&self, key: &str) {
        let path = format!("/control/drop/publisher?app=live&name={key}");
        self.get(&path).await.expect("nginx answers");
    }

    /// Ends it, so that its ports refuse connections.
    pub async fn stop(&mut self) {
        // One that has ended already is as good.
        let _ = self.child.kill().await;
    }

    async fn get(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect((LOOPBACK, self.http)).await?;
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// Debian keeps it where only administrators look.
fn program() -> &'static str {
    let debian = "/usr/sbin/nginx";
    if Path::new(debian).exists() {
        debian
    } else {
        "nginx"
    }
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn settings(folder: &Path, rtmp: u16, http: u16, rules: &str) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {folder}/{name};\n"))
        .concat();
    format!(
        "load_module {MODULE};\ndaemon off;\nmaster_process off;\n\
         error_log {folder}/error.log;\npid {folder}/nginx.pid;\n\
         events {{ worker_connections 64; }}\n\
         http {{\naccess_log off;\n{temporary}\
         server {{\nlisten {LOOPBACK}:{http};\n\
         location /stat {{ rtmp_stat all; }}\nlocation /control {{ rtmp_control all; }}\n}}\n}}\n\
         rtmp {{ access_log off; server {{\nlisten {LOOPBACK}:{rtmp};\nchunk_size 4096;\n\
         application live {{ live on; wait_key on; drop_idle_publisher 10s; {rules} }}\n}} }}\n"
    )
}

/// The publisher in one `<stream>` of the statistics.
fn published(stream: &str) -> Option<Published> {
    let client = stream
        .split("<client>")
        .find(|client| client.contains("<publishing/>"))?;
    let text = |of: &str, tag: &str| {
        let (_, rest) = of.split_once(&format!("<{tag}>"))?;
        let text = rest.split('<').next()?;
        Some(
            text.replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&apos;", "'")
                .replace("&amp;", "&"),
        )
    };
    let side = |tag: &str| text(stream, tag)?.parse().ok();
    Some(Published {
        key: text(stream, "name")?,
        agent: text(client, "flashver").unwrap_or_default(),
        bytes: text(stream, "bytes_in")?.parse().ok()?,
        size: side("width").zip(side("height")),
    })
}
