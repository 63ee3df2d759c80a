use std::time::Duration;

use encoder_core::ErrorKind;
use encoder_core::model::Secret;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::config::IngestAddress;

const KEY: &str = "teststreamkey01";
const PAGE: &[u8] = include_bytes!("samples/steady.xml");

fn config(base: &str) -> WitnessConfig {
    let address = |url: &str, application: &str| IngestAddress {
        url: url.to_owned(),
        application: application.to_owned(),
        play_url: None,
    };
    WitnessConfig {
        stat_url: format!("{base}/stat"),
        control_url: Some(format!("{base}/control")),
        addresses: vec![
            address("rtmp://ingest.example/live", "live"),
            address("rtmp://10.0.0.5/live", "live"),
            address("rtmp://ingest.example/backup", "backup"),
        ],
        timeout: Duration::from_millis(300),
    }
}

async fn answering(at: &str, answer: ResponseTemplate) -> (NginxRtmp, MockServer) {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(answer)
        .mount(&server)
        .await;
    (NginxRtmp::new(config(&server.uri())).unwrap(), server)
}

fn target(url: &str, key: &str) -> PublishTarget {
    PublishTarget {
        url: url.to_owned(),
        stream_key: Secret::from(key),
    }
}

#[tokio::test]
async fn a_stream_is_seen_at_every_address_of_its_application() {
    let (witness, _server) =
        answering("/stat", ResponseTemplate::new(200).set_body_bytes(PAGE)).await;
    let seen = witness.look().await.unwrap();
    let targets: Vec<_> = seen.iter().map(|sighting| &sighting.target).collect();
    let expected = ["rtmp://ingest.example/live", "rtmp://10.0.0.5/live"].map(|u| target(u, KEY));
    assert_eq!(targets, expected.iter().collect::<Vec<_>>());
    assert!(seen.iter().all(|seen| witness.covers(&seen.target.url)));
    assert!(!witness.covers("rtmp://ingest.example/other"));
}

#[tokio::test]
async fn wrong_answers_are_told_apart_from_silence() {
    let refused = ResponseTemplate::new(403).set_body_string("no");
    let (witness, _server) = answering("/stat", refused).await;
    let error = witness.look().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceProtocol);
    assert!(error.to_string().contains("status=403"), "{error}");

    let other = ResponseTemplate::new(200).set_body_string("<html>welcome</html>");
    let (witness, _server) = answering("/stat", other).await;
    let error = witness.look().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceProtocol);

    let elsewhere = ResponseTemplate::new(302).insert_header("location", "/stat2");
    let (witness, _server) = answering("/stat", elsewhere).await;
    let error = witness.look().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceProtocol);

    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(5));
    let (witness, _server) = answering("/stat", slow).await;
    let error = witness.look().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceUnreachable);
    assert_eq!(error.retry(), Retry::Safe);
}

#[tokio::test]
async fn an_endless_page_is_given_up() {
    let long = ResponseTemplate::new(200).set_body_bytes(vec![b' '; MAX_PAGE + 1]);
    let (mut witness, _server) = answering("/stat", long).await;
    witness.config.timeout = Duration::from_secs(10);
    let error = witness.look().await.unwrap_err();
    assert_eq!(error.message(), "the ingest's answer is too long");
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let witness = NginxRtmp::new(config(&base)).unwrap();
    let error = witness.look().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceUnreachable);
    let live = target("rtmp://ingest.example/live", KEY);
    let error = witness.drop_publishers(&live).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceUnreachable);
    assert!(!format!("{error:?}").contains(KEY), "{error:?}");
}

#[tokio::test]
async fn the_key_is_dropped_in_its_own_application() {
    let server = MockServer::start().await;
    Mock::given(path("/control/drop/publisher"))
        .and(query_param("app", "backup"))
        .and(query_param("name", KEY))
        .respond_with(ResponseTemplate::new(200).set_body_string("1"))
        .expect(1)
        .mount(&server)
        .await;
    let witness = NginxRtmp::new(config(&server.uri())).unwrap();
    let backup = target("rtmp://ingest.example/backup", KEY);
    witness.drop_publishers(&backup).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_dropped_is_unsupported() {
    let answer = ResponseTemplate::new(200).set_body_string("1");
    let (mut witness, server) = answering("/control/drop/publisher", answer).await;
    for (url, key) in [
        ("rtmp://ingest.example/live", "key&app=backup"),
        ("rtmp://ingest.example/live", "key with space"),
        ("rtmp://ingest.example/live", ""),
        ("rtmp://other.example/live", KEY),
    ] {
        let error = witness.drop_publishers(&target(url, key)).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{url} {key}");
        assert!(
            key.is_empty() || !format!("{error:?}").contains(key),
            "{error:?}"
        );
    }
    witness.config.control_url = None;
    let live = target("rtmp://ingest.example/live", KEY);
    let error = witness.drop_publishers(&live).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_without_a_number_is_wrong() {
    let page = ResponseTemplate::new(200).set_body_string("<html>");
    let (witness, _server) = answering("/control/drop/publisher", page).await;
    let live = target("rtmp://ingest.example/live", KEY);
    let error = witness.drop_publishers(&live).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceProtocol);
}
