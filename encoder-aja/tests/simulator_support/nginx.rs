//! A real RTMP ingest for one test: nginx with its RTMP module.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use reqwest::Client;
use tokio::sync::mpsc;

use super::{PATIENCE, client};

/// An nginx that ends with its test.
#[derive(Debug)]
pub(crate) struct Nginx {
    process: Child,
    folder: PathBuf,
    rtmp: u16,
    http: u16,
    client: Client,
}

/// What the statistics say about one stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stream {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) size: (u32, u32),
    pub(crate) agents: Vec<String>,
}

impl Nginx {
    /// Starts nginx and waits until it answers.
    pub(crate) async fn start() -> Self {
        Self::with_rules("").await
    }

    /// The same with more rules for its application `live`.
    pub(crate) async fn with_rules(rules: &str) -> Self {
        let (rtmp, http) = (free_port(), free_port());
        let folder = std::env::temp_dir().join(format!("rtmp-{}-{rtmp}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("nginx.conf");
        let at = folder.display();
        std::fs::write(&file, configuration(&at.to_string(), rtmp, http, rules)).unwrap();
        let process = Command::new("nginx")
            .arg("-e")
            .arg(folder.join("error.log"))
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is missing; Debian: apt-get install nginx libnginx-mod-rtmp");
        let nginx = Self {
            process,
            folder,
            rtmp,
            http,
            client: client(PATIENCE),
        };
        nginx.wait_until_up().await;
        nginx
    }

    pub(crate) fn url(&self) -> String {
        format!("rtmp://127.0.0.1:{}/live", self.rtmp)
    }

    pub(crate) async fn streams(&self) -> Vec<Stream> {
        let page = self.get("/stat").await.unwrap();
        let streams = page.split("<stream>").skip(1);
        streams.map(Stream::read).collect()
    }

    /// Waits until somebody publishes and the statistics know the picture.
    pub(crate) async fn stream(&self) -> Stream {
        self.until(|streams| streams.iter().find(|stream| stream.size.0 > 0).cloned())
            .await
    }

    /// Waits until the statistics say what `find` looks for.
    pub(crate) async fn until<T: Send>(
        &self,
        find: impl Fn(&[Stream]) -> Option<T> + Send + Sync,
    ) -> T {
        let found = async {
            loop {
                if let Some(found) = find(&self.streams().await) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(_) => panic!("nginx has only {:?}", self.streams().await),
        }
    }

    /// Waits until bytes arrive that were not there before.
    pub(crate) async fn more_bytes(&self) {
        let total = |streams: &[Stream]| streams.iter().map(|stream| stream.bytes).max();
        let before = self.until(total).await;
        self.until(|streams| total(streams).filter(|bytes| *bytes > before))
            .await;
    }

    /// Waits until none arrive any more, with the publisher still there.
    pub(crate) async fn no_more_bytes(&self) {
        let quiet = async {
            let mut before = self.streams().await;
            let mut since = Instant::now();
            // At least six pictures would have come.
            while since.elapsed() < Duration::from_millis(400) {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let now = self.streams().await;
                assert_eq!(now.len(), 1, "the publisher is gone");
                if now[0].bytes != before[0].bytes {
                    since = Instant::now();
                }
                before = now;
            }
        };
        tokio::time::timeout(PATIENCE, quiet).await.unwrap();
    }

    /// Waits until nobody publishes.
    pub(crate) async fn empty(&self) {
        self.until(|streams| streams.is_empty().then_some(())).await;
    }

    /// Ends the connection of a publisher.
    pub(crate) async fn drop_publisher(&self, name: &str) {
        let path = format!("/control/drop/publisher?app=live&name={name}");
        assert_eq!(self.get(&path).await.unwrap().trim(), "1");
    }

    async fn get(&self, path: &str) -> reqwest::Result<String> {
        let url = format!("http://127.0.0.1:{}{path}", self.http);
        let reply = self.client.get(url).send().await?;
        reply.error_for_status()?.text().await
    }

    async fn wait_until_up(&self) {
        let up = async {
            while self.get("/stat").await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, up).await.is_err() {
            let log = std::fs::read_to_string(self.folder.join("error.log"));
            panic!("nginx with libnginx-mod-rtmp does not start: {log:?}");
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

impl Stream {
    fn read(xml: &str) -> Self {
        let xml = xml.split("</stream>").next().unwrap();
        let number = |tag: &str| tags(xml, tag).next().and_then(|text| text.parse().ok());
        let side = |tag: &str| number(tag).and_then(|side| u32::try_from(side).ok());
        Self {
            name: tags(xml, "name").next().unwrap_or_default().to_owned(),
            bytes: number("bytes_in").unwrap_or_default(),
            size: (side("width").unwrap_or(0), side("height").unwrap_or(0)),
            agents: tags(xml, "flashver").map(str::to_owned).collect(),
        }
    }
}

fn tags<'a>(xml: &'a str, tag: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let begin = rest.find(&open)? + open.len();
        let end = begin + rest[begin..].find(&close)?;
        let text = &rest[begin..end];
        rest = &rest[end..];
        Some(text)
    })
}

/// What nginx asks before it lets somebody publish; everybody may.
#[derive(Debug)]
pub(crate) struct Notices {
    port: u16,
    arrived: mpsc::UnboundedReceiver<Notice>,
}

#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) name: String,
    /// What followed a question mark.
    pub(crate) arguments: String,
}

impl Notices {
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with the runtime of its test"
    )]
    pub(crate) async fn listen() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, arrived) = mpsc::unbounded_channel();
        let router = Router::new().fallback(move |body: String| {
            let _ = sender.send(Notice::read(&body));
            std::future::ready(())
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, arrived }
    }

    /// The rule that makes nginx ask.
    pub(crate) fn rule(&self) -> String {
        format!("on_publish http://127.0.0.1:{}/;", self.port)
    }

    pub(crate) async fn next(&mut self) -> Notice {
        let next = tokio::time::timeout(PATIENCE, self.arrived.recv());
        next.await.unwrap().unwrap()
    }
}

impl Notice {
    fn read(form: &str) -> Self {
        let field = |name: &str| {
            let mut fields = form.split('&').filter_map(|field| field.split_once('='));
            let (_, value) = fields.find(|(known, _)| *known == name).unwrap();
            unescaped(value)
        };
        // nginx puts the arguments behind everything else, as they are.
        let (_, arguments) = form.rsplit_once("type=live").unwrap();
        Self {
            name: field("name"),
            arguments: arguments.trim_start_matches('&').to_owned(),
        }
    }
}

fn unescaped(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut plain = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let code = u8::from_str_radix(&piece[..2], 16).unwrap();
        plain.push(char::from(code));
        plain += &piece[2..];
    }
    plain
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn configuration(folder: &str, rtmp: u16, http: u16, rules: &str) -> String {
    format!(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; master_process off; worker_processes 1;
pid {folder}/pid; error_log {folder}/error.log warn;
events {{ worker_connections 64; }}
rtmp {{ server {{
  listen 127.0.0.1:{rtmp};
  application live {{ live on; wait_key on; {rules} }}
}} }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{http};
    location /stat {{ rtmp_stat all; }}
    location /control {{ rtmp_control all; }}
  }}
}}
"
    )
}
