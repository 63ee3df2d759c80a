//! API keys: what each allows, and when it ends.

use std::time::Duration;

use encoder_core::model::Personality;
use encoder_core::tasks::Clock;
use encoder_tests::{Client, Setup, Station};
use serde_json::{Value, json};

async fn make(admin: &Client, body: &Value) -> (String, String) {
    let answer = admin.post("/api/keys", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let text = |field: &str| answer.body[field].as_str().unwrap().to_owned();
    (text("key_id"), text("key"))
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_nest() {
    let station = Station::open(Setup::quick(1, Personality::Takeover)).await;
    let admin = &station.client;
    let (_, read) = make(admin, &json!({"name": "r", "scope": "read"})).await;
    let (_, control) = make(admin, &json!({"name": "c", "scope": "control"})).await;
    let reader = admin.with_key(Some(&read));
    let operator = admin.with_key(Some(&control));
    for client in [&reader, &operator, admin] {
        assert_eq!(client.get("/api/streams").await.status, 200);
    }
    let start = async |client: &Client| client.post("/api/streams/init", &json!({})).await;
    let refused = start(&reader).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.body["code"], "scope_insufficient");
    assert_eq!(start(&operator).await.status, 422);
    assert_eq!(operator.get("/api/keys").await.status, 403);
    assert_eq!(reader.post("/api/keys", &json!({})).await.status, 403);
    let listed = admin.get("/api/keys").await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 3);
    for key in [read, control] {
        assert!(!listed.text.contains(&key), "a key is shown once");
    }
    for open in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(admin.with_key(None).get(open).await.status, 200, "{open}");
    }
    assert_eq!(admin.with_key(None).get("/metrics").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_its_own_code() {
    let station = Station::open(Setup::quick(1, Personality::Takeover)).await;
    let admin = &station.client;
    let refused = async |key: Option<&str>, code: &str| {
        let answer = admin.with_key(key).get("/api/streams").await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert_eq!(answer.body["code"], code);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    };
    refused(None, "key_missing").await;
    refused(Some("em_nonsense"), "key_malformed").await;
    let mut mistyped = admin.key().to_owned();
    mistyped.pop();
    refused(Some(&mistyped), "key_malformed").await;
    let other = Station::open(Setup::quick(1, Personality::Takeover)).await;
    refused(Some(other.client.key()), "key_unknown").await;
    let (id, revoked) = make(admin, &json!({"name": "gone", "scope": "read"})).await;
    assert_eq!(
        admin
            .with_key(Some(&revoked))
            .get("/api/streams")
            .await
            .status,
        200
    );
    assert_eq!(admin.delete(&format!("/api/keys/{id}")).await.status, 200);
    refused(Some(&revoked), "key_revoked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_key_is_refused_and_its_connections_end() {
    let station = Station::open(Setup::quick(1, Personality::Takeover)).await;
    let end = Clock::system().now().plus(Duration::from_millis(1500));
    let wish = json!({"name": "brief", "scope": "read", "expires_at": end});
    let (_, key) = make(&station.client, &wish).await;
    let guest = station.client.with_key(Some(&key));
    let mut feed = guest.feed(None).await;
    let told = feed.until(|told| told.event == "end").await;
    assert_eq!(told.last().unwrap().data["code"], "key_expired");
    let answer = guest.get("/api/streams").await;
    assert_eq!(
        (answer.status, &answer.body["code"]),
        (401, &json!("key_expired"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_key_loses_its_connections_at_once() {
    let station = Station::open(Setup::quick(1, Personality::Takeover)).await;
    let (id, key) = make(&station.client, &json!({"name": "x", "scope": "read"})).await;
    let mut feed = station.client.with_key(Some(&key)).feed(None).await;
    station.client.delete(&format!("/api/keys/{id}")).await;
    let told = feed.until(|told| told.event == "end").await;
    assert_eq!(told.last().unwrap().data["code"], "key_revoked");
}
