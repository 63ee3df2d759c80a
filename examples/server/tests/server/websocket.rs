//! The live feed over a real WebSocket, and the drain of a real server.

use std::net::SocketAddr;
use std::time::Duration;

use encoder_server::serve;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, good_stream, quiet};

struct Running {
    bench: Bench,
    address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Running {
    async fn start() -> Self {
        let bench = Bench::with(quiet(), 2).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = serve(
            bench.state.clone(),
            listener,
            stop.clone().cancelled_owned(),
        );
        #[expect(clippy::disallowed_methods, reason = "a test is its own supervisor")]
        let server = tokio::spawn(served);
        Self {
            bench,
            address,
            stop,
            server,
        }
    }

    async fn connect(&self, key: Option<&str>) -> tungstenite::Result<Socket> {
        let mut request = format!("ws://{}/ws", self.address)
            .into_client_request()
            .unwrap();
        if let Some(key) = key {
            let value = format!("Bearer {key}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        Ok(tokio_tungstenite::connect_async(request).await?.0)
    }
}

async fn say(socket: &mut Socket, said: Value) {
    socket.send(Message::text(said.to_string())).await.unwrap();
}

/// The next frame of that event.
async fn hear(socket: &mut Socket, event: &str) -> Value {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), socket.next()).await;
        match next.expect("nothing was said").unwrap().unwrap() {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["event"] == event {
                    return frame;
                }
            }
            Message::Close(frame) => panic!("closed: {frame:?}"),
            _ => {}
        }
    }
}

/// What the connection is closed with.
async fn closing(socket: &mut Socket) -> CloseFrame {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), socket.next()).await;
        if let Message::Close(Some(frame)) = next.expect("not closed").unwrap().unwrap() {
            return frame;
        }
    }
}

#[tokio::test]
async fn a_client_with_a_header_gets_the_whole_feed() {
    let running = Running::start().await;
    let mut socket = running.connect(Some(&running.bench.read)).await.unwrap();
    running.bench.post("/api/streams/init", good_stream()).await;
    let frame = hear(&mut socket, "stream_health").await;
    assert!(frame["data"]["sequence"].is_u64(), "{frame}");
}

#[tokio::test]
async fn a_client_with_a_wrong_header_is_refused_before_the_upgrade() {
    let running = Running::start().await;
    let error = running.connect(Some("em_nonsense")).await.unwrap_err();
    let tungstenite::Error::Http(response) = error else {
        panic!("{error}");
    };
    assert_eq!(response.status(), 401);
    let problem: Value = serde_json::from_slice(response.body().as_ref().unwrap()).unwrap();
    assert_eq!(problem["code"], "key_malformed");
}

#[tokio::test]
async fn a_browser_authenticates_in_its_first_frame() {
    let running = Running::start().await;
    let mut socket = running.connect(None).await.unwrap();
    say(
        &mut socket,
        json!({"event": "auth", "data": {"token": running.bench.read}}),
    )
    .await;
    assert_eq!(hear(&mut socket, "auth").await["data"]["status"], "ok");

    let mut socket = running.connect(None).await.unwrap();
    say(
        &mut socket,
        json!({"event": "auth", "data": {"token": "em_nonsense"}}),
    )
    .await;
    let frame = closing(&mut socket).await;
    assert_eq!(
        (u16::from(frame.code), frame.reason.as_str()),
        (4401, "key_malformed")
    );

    let mut socket = running.connect(None).await.unwrap();
    say(
        &mut socket,
        json!({"event": "subscribe", "data": {"all": true}}),
    )
    .await;
    assert_eq!(closing(&mut socket).await.reason.as_str(), "key_missing");
}

#[tokio::test]
async fn subscriptions_are_acknowledged_with_a_snapshot() {
    let running = Running::start().await;
    let mut socket = running.connect(Some(&running.bench.read)).await.unwrap();
    let mut ask = async |event: &str, data: Value| {
        say(&mut socket, json!({"event": event, "data": data, "id": 7})).await;
        let ack = hear(&mut socket, "ack").await;
        assert_eq!(ack["id"], 7);
        ack["data"].clone()
    };
    let ack = ask("subscribe", json!({"encoder_id": "helo-1"})).await;
    assert_eq!(
        (&ack["status"], &ack["snapshot"]["encoder_id"]),
        (&json!("ok"), &json!("helo-1"))
    );
    assert!(ack["sequence"].is_u64());
    let ack = ask("subscribe", json!({"all": true})).await;
    assert_eq!(ack["snapshot"]["encoders"].as_array().unwrap().len(), 2);
    assert_eq!(
        ask("subscribe", json!({"stream_id": "none"})).await["code"],
        "not_found"
    );
    assert_eq!(
        ask("subscribe", json!({"stream": 1})).await["code"],
        "validation_failed"
    );
    assert_eq!(ask("shout", json!({})).await["code"], "unknown_event");
    assert_eq!(
        ask("unsubscribe", json!({"all": true})).await["status"],
        "ok"
    );
    for _ in 0..100 {
        ask("unsubscribe", json!({"all": true})).await;
    }
    assert_eq!(
        ask("unsubscribe", json!({"all": true})).await["code"],
        "rate_limited"
    );
}

#[tokio::test]
async fn a_revoked_key_closes_its_connections() {
    let running = Running::start().await;
    let bench = &running.bench;
    let mut socket = running.connect(Some(&bench.read)).await.unwrap();
    let keys = bench.state.keys().list().await.unwrap();
    let reader = keys.iter().find(|key| key.name == "reader").unwrap();
    bench.state.keys().revoke(&reader.id).await.unwrap();
    let frame = closing(&mut socket).await;
    assert_eq!(
        (u16::from(frame.code), frame.reason.as_str()),
        (4401, "key_revoked")
    );
}

#[tokio::test]
async fn draining_ends_connections_and_leaves_streams_on_air() {
    let running = Running::start().await;
    let stream = running.bench.live_stream().await;
    let mut socket = running.connect(Some(&running.bench.read)).await.unwrap();
    running.stop.cancel();
    let frame = closing(&mut socket).await;
    assert_eq!(
        (u16::from(frame.code), frame.reason.as_str()),
        (1001, "shutting_down")
    );
    let ended = tokio::time::timeout(Duration::from_secs(20), running.server).await;
    ended.expect("the server does not end").unwrap().unwrap();
    assert!(
        TcpStream::connect(running.address).await.is_err(),
        "the port is closed"
    );
    let primary = stream["primary"]["encoder_id"].as_str().unwrap();
    assert!(running.bench.encoder(primary).is_publishing());
}
