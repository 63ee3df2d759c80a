//! A real RTMP ingest for one test: nginx with its RTMP module.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use axum::Router;
use encoder_ffmpeg::testkit::Published;
use tokio::sync::mpsc;

use super::PATIENCE;

/// An nginx that ends with its test.
#[derive(Debug)]
pub(crate) struct Nginx(encoder_ffmpeg::testkit::Nginx);

impl Nginx {
    /// Starts nginx and waits until it answers.
    pub(crate) async fn start() -> Self {
        Self::with_rules("").await
    }

    /// The same with more rules for its application `live`.
    pub(crate) async fn with_rules(rules: &str) -> Self {
        Self(encoder_ffmpeg::testkit::Nginx::with_rules(rules).await)
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    pub(crate) async fn streams(&self) -> Vec<Published> {
        self.0.published().await
    }

    /// Waits until somebody publishes and the statistics know the picture.
    pub(crate) async fn stream(&self) -> Published {
        self.until(|streams| streams.iter().find(|stream| stream.size.is_some()).cloned())
            .await
    }

    /// Waits until the statistics say what `find` looks for.
    pub(crate) async fn until<T: Send>(
        &self,
        find: impl Fn(&[Published]) -> Option<T> + Send + Sync,
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
        let total = |streams: &[Published]| streams.iter().map(|stream| stream.bytes).max();
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
        self.0.drop_publisher(name).await;
    }
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
