//! AJA's documented examples and the captures of other clients, request by request.

#![allow(clippy::unwrap_used, reason = "a failing test says enough")]

mod simulator_support;

use std::time::Duration;

use encoder_aja::simulator::{
    AlarmMessage, Assumptions, ConnectionIdForm, OutOfRange, Refusal, SecretReadback, SetBody,
    Simulator, SimulatorConfig, TextValueName, TooManyConnections, UnknownConnection,
    UnknownParameterReply, catalogue,
};
use serde_json::{Value, json};
use simulator_support::{Web, reach, ready, streaming_config, wait_path};

fn assuming(change: impl FnOnce(&mut Assumptions)) -> SimulatorConfig {
    let mut assumptions = Assumptions::default();
    change(&mut assumptions);
    streaming_config("key").with_assumptions(assumptions)
}

#[tokio::test]
async fn get_answers_one_object_of_strings() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let reply = web
        .at("/config?action=get&paramid=eParamID_ReplicatorRecordState")
        .await;
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["server"], "Seminole/2.71");
    assert_eq!(reply.headers()["cache-control"], "no-cache");
    assert_eq!(reply.headers()["transfer-encoding"], "chunked");
    let expected = r#"{"paramid":"2097225226","name":"eParamID_ReplicatorRecordState","value":"1","value_name":"eRRSIdle"}"#;
    assert_eq!(reply.text().await.unwrap(), expected);
}

#[tokio::test]
async fn json_is_an_older_twin_of_config() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let reply = web
        .json("/json?action=get&paramid=eParamID_MediaState&configid=0")
        .await;
    assert_eq!(reply["value_name"], "Record-Stream");
}

#[tokio::test]
async fn written_text_is_decoded_and_reads_back() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let set = "/config?action=set&paramid=eParamID_FilenamePrefix&value=";
    let reply = web.json(&format!("{set}Town+Hall%20%C3%A9")).await;
    assert_eq!(reply["name"], "eParamID_FilenamePrefix");
    assert_eq!(reply["value"], "Town Hall é");
    assert_eq!(web.value("FilenamePrefix").await, "Town Hall é");
    assert_eq!(web.get("FilenamePrefix").await["value_name"], "");
}

#[tokio::test]
async fn value_name_of_text_may_repeat_it() {
    let helo = ready(assuming(|open| open.text_value_name = TextValueName::Value)).await;
    assert_eq!(
        Web::of(&helo).get("FilenamePrefix").await["value_name"],
        "clip"
    );
}

#[tokio::test]
async fn all_parameters_are_served_with_their_defaults() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let mut served = 0;
    for (_, parameter) in catalogue().iter() {
        let reply = web.get(&parameter.id).await;
        let members = reply.as_object().unwrap();
        assert_eq!(members.len(), 4, "{}", parameter.id);
        assert!(members.values().all(Value::is_string), "{}", parameter.id);
        assert_eq!(reply["name"], parameter.wire_id().as_str());
        served += 1;
    }
    assert_eq!(served, 971);
    assert_eq!(web.value("StreamingVideoBitrate_7").await, "20000");
    assert_eq!(web.value("RTSPStreamName_4").await, "Stream4");
    assert_eq!(web.value("PresetName_20").await, "Preset 20");
}

#[tokio::test]
async fn descriptor_is_an_array_of_one_object() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let reply = web
        .json("/descriptors?paramid=eParamID_ReplicatorStreamState")
        .await;
    let [descriptor] = reply.as_array().unwrap().as_slice() else {
        panic!("{reply}");
    };
    assert_eq!(descriptor["param_id"], "eParamID_ReplicatorStreamState");
    assert_eq!(descriptor["param_type"], "enum");
    assert_eq!(descriptor["persistence_type"], "ephemeral");
    assert_eq!(descriptor["register_type"], "excluded");
    assert_eq!(descriptor["class_names"], json!(["readonly"]));
    assert_eq!(descriptor["enum_values"][2]["text"], "eRSSStreaming");
    assert_eq!(descriptor["max_value"], 5);
    let text = web
        .json("/descriptors?paramid=eParamID_FilenamePrefix_3")
        .await;
    assert_eq!(text[0]["register_type"], "included");
    assert_eq!(text[0]["default_value"], "clip");
    assert!(text[0]["max_length"].is_u64());
    assert_eq!(
        web.json("/descriptors?paramid=eParamID_CPUUsage").await,
        json!([])
    );
}

#[tokio::test]
async fn all_descriptors_come_at_once() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let all = web.json("/descriptors?paramid=*").await;
    assert_eq!(all.as_array().unwrap().len(), 971);
    assert_eq!(web.json("/desc.json").await, all);
}

#[tokio::test]
async fn request_without_session_meets_an_html_page_with_404() {
    let helo = ready(SimulatorConfig::fast().with_password("studio")).await;
    let web = Web::of(&helo);
    let reply = web
        .at("/config?action=get&paramid=eParamID_Temperature")
        .await;
    assert_eq!(reply.status(), 404);
    assert_eq!(reply.headers()["content-type"], "text/html");
    assert!(reply.text().await.unwrap().starts_with("<html>"));
}

#[tokio::test]
async fn login_answers_json_as_html_and_a_session_cookie() {
    let helo = ready(SimulatorConfig::fast().with_password("studio")).await;
    let web = Web::of(&helo);
    let login = format!("{}/authenticator/login", helo.url());
    let form = [("password_provided", "studio")];
    let reply = web.http.post(login).form(&form).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["content-type"], "text/html");
    let cookie = reply.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert_eq!(reply.text().await.unwrap(), r#"{"login":"success"}"#);
    let session = cookie.strip_prefix("session=").unwrap();
    let (hex, rest) = session.split_once('-').unwrap();
    assert!(hex.len() == 8 && hex.chars().all(|digit| digit.is_ascii_hexdigit()));
    assert!(rest.ends_with("; path=/"));
    // AJA's example sends the cookie back with its path.
    let path = format!(
        "{}/config?action=get&paramid=eParamID_Authentication",
        helo.url()
    );
    let request = web.http.get(path).header("cookie", cookie);
    let reply: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(reply["value_name"], "Login");
    assert!(
        helo.requests()
            .iter()
            .all(|request| !format!("{request:?}").contains("studio"))
    );
}

#[tokio::test]
async fn wrong_password_is_status_200_without_a_session() {
    let helo = ready(SimulatorConfig::fast().with_password("studio")).await;
    let web = Web::of(&helo);
    let login = format!("{}/authenticator/login", helo.url());
    let form = [("password_provided", "guess")];
    let reply = web.http.post(login).form(&form).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    assert!(reply.headers().get("set-cookie").is_none());
    let body: Value = reply.json().await.unwrap();
    assert_eq!(body["login"], "Login Failed - Passwords did not match");
}

#[tokio::test]
async fn authentication_is_switched_by_its_parameter() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    web.set("Authentication", "1").await;
    assert_eq!(web.at("/desc.json").await.status(), 404);
}

#[tokio::test]
async fn unused_session_ends_after_its_lifetime() {
    let mut config = assuming(|open| open.session_lifetime = Some(Duration::ZERO));
    config = config.with_password("studio");
    let helo = ready(config).await;
    let web = Web::of(&helo);
    let login = format!("{}/authenticator/login", helo.url());
    let form = [("password_provided", "studio")];
    let reply = web.http.post(login).form(&form).send().await.unwrap();
    let cookie = reply.headers()["set-cookie"].clone();
    let request = web
        .http
        .get(format!("{}/desc.json", helo.url()))
        .header("cookie", cookie);
    assert_eq!(request.send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn wait_answers_with_the_changes_since_connect() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    web.set("StreamingVideoBitrate", "5000").await;
    web.set("AVMute", "1").await;
    web.set("FilenamePrefix", "council").await;
    let mut events = Vec::new();
    while events.len() < 3 {
        let new = web.wait(&connection).await;
        events.extend(
            new.into_iter()
                .filter(|event| event["param_id"] != "eParamID_Temperature"),
        );
    }
    let member = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
    let ids: Vec<String> = events
        .iter()
        .map(|event| member(event, "param_id"))
        .collect();
    let expected = ["StreamingVideoBitrate", "AVMute", "FilenamePrefix"];
    assert_eq!(ids, expected.map(|id| format!("eParamID_{id}")));
    assert_eq!(member(&events[0], "int_value"), "5000");
    assert_eq!(
        (
            member(&events[1], "int_value"),
            member(&events[1], "str_value")
        ),
        ("1".into(), "On".into())
    );
    assert_eq!(
        (
            member(&events[2], "param_type"),
            member(&events[2], "str_value")
        ),
        ("12".into(), "council".into())
    );
    let updates: Vec<u64> = events
        .iter()
        .map(|event| member(event, "last_config_update").parse().unwrap())
        .collect();
    assert!(updates.is_sorted_by(|before, after| before < after));
}

#[tokio::test]
async fn wait_blocks_until_something_changes() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    let waiting = web.wait(&connection);
    let change = async {
        let seen = helo.wait_for_request(
            |request| request.param("action") == Some("wait_for_config_events"),
            simulator_support::PATIENCE,
        );
        seen.await.unwrap();
        helo.device().command("AVMute", "1").unwrap();
    };
    let (events, ()) = tokio::join!(waiting, change);
    assert_eq!(events[0]["param_id"], "eParamID_AVMute");
}

#[tokio::test]
async fn wait_ends_empty_after_the_hold_time() {
    let helo = ready(assuming(|open| open.hold = Duration::from_millis(40))).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    let begin = std::time::Instant::now();
    assert_eq!(web.wait(&connection).await, Vec::<Value>::new());
    assert!(begin.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn every_connection_gets_every_change_and_a_bounded_queue_loses_the_oldest() {
    let helo = ready(assuming(|open| open.event_queue = 2)).await;
    let web = Web::of(&helo);
    let (first, second) = (web.connect().await, web.connect().await);
    assert_ne!(first, second);
    for prefix in ["a", "b", "c"] {
        web.set("FilenamePrefix", prefix).await;
    }
    for connection in [first, second] {
        let events = web.wait(&connection).await;
        let values: Vec<&str> = events
            .iter()
            .map(|event| event["str_value"].as_str().unwrap())
            .collect();
        assert_eq!(values, ["b", "c"]);
    }
}

#[tokio::test]
async fn connect_may_bring_a_snapshot_and_a_number() {
    let helo = ready(assuming(|open| {
        open.connection_id = ConnectionIdForm::Number
    }))
    .await;
    let reply = Web::of(&helo).json("/config?action=connect").await;
    assert!(reply["connectionid"].is_u64());
    let snapshot = reply["configevents"][0].as_object().unwrap();
    assert_eq!(snapshot.len(), 971);
    assert_eq!(snapshot["eParamID_ReplicatorStreamState"], "1");

    let helo = ready(assuming(|open| open.connect_snapshot = false)).await;
    let reply = Web::of(&helo).json("/config?action=connect").await;
    assert_eq!(reply.as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn unknown_connection_is_answered_as_assumed() {
    for (rule, status, body) in [
        (UnknownConnection::ExpectationFailed, 417, None),
        (UnknownConnection::NotFound, 404, None),
        (UnknownConnection::EmptyObject, 200, Some("{}")),
        (UnknownConnection::EmptyArray, 200, Some("[]")),
    ] {
        let helo = ready(assuming(|open| open.unknown_connection = rule)).await;
        let reply = Web::of(&helo).at(&wait_path("0")).await;
        assert_eq!(reply.status(), status, "{rule:?}");
        if let Some(body) = body {
            assert_eq!(reply.text().await.unwrap(), body);
        }
    }
}

#[tokio::test]
async fn connection_expires_when_unused() {
    let helo = ready(assuming(|open| open.connection_lifetime = Duration::ZERO)).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    assert_eq!(web.at(&wait_path(&connection)).await.status(), 417);
}

#[tokio::test]
async fn connection_beyond_the_limit_costs_the_oldest_or_is_refused() {
    let helo = ready(assuming(|open| open.max_connections = 1)).await;
    let web = Web::of(&helo);
    let first = web.connect().await;
    let second = web.connect().await;
    assert_eq!(web.at(&wait_path(&first)).await.status(), 417);
    web.set("AVMute", "1").await;
    assert_eq!(web.event(&second, "AVMute").await, "1");

    let refusing = assuming(|open| {
        open.max_connections = 1;
        open.too_many_connections = TooManyConnections::Refuse;
    });
    let helo = ready(refusing).await;
    let web = Web::of(&helo);
    web.connect().await;
    assert_eq!(web.at("/config?action=connect").await.status(), 503);
}

#[tokio::test]
async fn unknown_parameter_is_answered_as_assumed() {
    for (rule, status) in [
        (UnknownParameterReply::EmptyObject, 200),
        (UnknownParameterReply::BlankParameter, 200),
        (UnknownParameterReply::BadRequest, 400),
        (UnknownParameterReply::NotFound, 404),
    ] {
        let helo = ready(assuming(|open| open.unknown_parameter = rule)).await;
        let path = "/config?action=get&paramid=eParamID_CPUUsage";
        assert_eq!(Web::of(&helo).at(path).await.status(), status, "{rule:?}");
    }
}

#[tokio::test]
async fn read_only_parameter_keeps_its_value() {
    for (rule, status) in [
        (Refusal::Ignored, 200),
        (Refusal::BadRequest, 400),
        (Refusal::NotFound, 404),
        (Refusal::ServerError, 500),
    ] {
        let helo = ready(assuming(|open| open.read_only_set = rule)).await;
        let web = Web::of(&helo);
        let reply = web.try_set("ReplicatorStreamState", "2").await.unwrap();
        assert_eq!(reply.status(), status, "{rule:?}");
        assert_eq!(web.value("ReplicatorStreamState").await, "1");
    }
}

#[tokio::test]
async fn impossible_value_is_not_stored() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    for (id, impossible, kept) in [
        ("StreamingVideoBitrate", "20001", "20000"),
        ("StreamingVideoBitrate", "fast", "20000"),
        ("StreamingSlices", "3", "1"),
        ("VideoInSelect", "3", "1"),
    ] {
        assert_eq!(web.set(id, impossible).await["value"], kept);
        assert_eq!(web.value(id).await, kept);
    }
    let helo = ready(assuming(|open| open.out_of_range_set = OutOfRange::Clamped)).await;
    let web = Web::of(&helo);
    assert_eq!(web.set("StreamingVideoBitrate", "99").await["value"], "100");
    let helo = ready(assuming(|open| {
        open.out_of_range_set = OutOfRange::BadRequest
    }))
    .await;
    let reply = Web::of(&helo)
        .try_set("StreamingSlices", "3")
        .await
        .unwrap();
    assert_eq!(reply.status(), 400);
}

#[tokio::test]
async fn body_of_a_write_is_shaped_as_assumed() {
    for (rule, body) in [(SetBody::EmptyObject, "{}"), (SetBody::Nothing, "")] {
        let helo = ready(assuming(|open| open.set_body = rule)).await;
        let web = Web::of(&helo);
        let reply = web.try_set("AVMute", "1").await.unwrap();
        assert_eq!(reply.text().await.unwrap(), body);
        assert_eq!(web.value("AVMute").await, "1");
    }
}

#[tokio::test]
async fn secrets_read_back_in_clear_or_masked() {
    let helo = ready(streaming_config("private-key")).await;
    let web = Web::of(&helo);
    assert_eq!(web.value("RTMPStreamName").await, "private-key");
    web.set("RTMPPassword", "hunter2").await;
    let log = format!("{:?}", helo.requests());
    assert!(!log.contains("hunter2") && log.contains("***"));

    let helo = ready(assuming(|open| {
        open.secret_readback = SecretReadback::Masked
    }))
    .await;
    let web = Web::of(&helo);
    assert_eq!(web.value("RTMPStreamName").await, "***");
    assert_eq!(helo.device().get("RTMPStreamName").as_deref(), Some("key"));
}

#[tokio::test]
async fn stream_command_starts_and_stops_the_stream() {
    let helo = ready(streaming_config("key")).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    assert_eq!(
        web.set("ReplicatorCommand", "3").await["name"],
        "eParamID_ReplicatorCommand"
    );
    assert_eq!(web.event(&connection, "ReplicatorStreamState").await, "2");
    assert_eq!(
        web.value("Encoder2StreamURI").await,
        "rtmp://ingest.example/live/key"
    );
    assert!(!web.value("StreamingFormat").await.is_empty());
    web.set("ReplicatorCommand", "4").await;
    assert_eq!(web.event(&connection, "ReplicatorStreamState").await, "1");
}

#[tokio::test]
async fn record_command_records_and_the_clip_can_be_deleted() {
    let helo = ready(SimulatorConfig::fast().with_value("FilenamePrefix", "council")).await;
    let web = Web::of(&helo);
    web.set("ReplicatorCommand", "1").await;
    reach(&helo, "ReplicatorRecordState", "2").await;
    assert_eq!(web.value("ReplicatorPrimaryRecState").await, "2");
    assert_eq!(web.value("RecordingFilename").await, "council_1.mp4");
    web.set("ReplicatorCommand", "2").await;
    reach(&helo, "ReplicatorRecordState", "1").await;
    let clips = web.json("/clips?action=get_clips").await;
    assert_eq!(clips["clips"][0]["clipname"], "council_1.mp4");
    let form = [("action", "delete"), ("recdest", "0"), ("clipname", "*")];
    let delete = web.http.post(format!("{}/clips", helo.url())).form(&form);
    assert_eq!(delete.send().await.unwrap().status(), 200);
    assert_eq!(
        web.json("/clips?action=get_clips").await["clips"],
        json!([])
    );
}

#[tokio::test]
async fn preset_recall_reports_recalling_and_its_end() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    web.set("StreamingVideoBitrate_1", "4000").await;
    web.set("RegisterSave", "2").await;
    reach(&helo, "RegisterSaveResult", "2").await;
    web.set("StreamingVideoBitrate_1", "9000").await;
    let connection = web.connect().await;
    web.set("RegisterRecall", "2").await;
    assert_eq!(web.value("RegisterRecallResult").await, "1");
    assert_eq!(web.event(&connection, "RegisterRecallResult").await, "1");
    reach(&helo, "RegisterRecallResult", "2").await;
    assert_eq!(web.value("StreamingVideoBitrate_1").await, "4000");
    assert_eq!(web.value("StreamingVideoBitrate").await, "4000");
    // AJA's text spells this read as a write without a value.
    let read = web
        .json("/config?action=set&paramid=eParamID_RegisterRecallResult")
        .await;
    assert_eq!(read["value"], "2");
    let number = &web.get("RegisterRecallResult").await["paramid"];
    assert_eq!(number, "1560412160");
    web.set("RegisterRecall", "3").await;
    reach(&helo, "RegisterRecallResult", "4").await;
}

#[tokio::test]
async fn alarm_reads_as_a_protobuf_message() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let resting = AlarmMessage::from_base64(&web.value("StreamingFailedAlarm").await).unwrap();
    assert!(!resting.is_active());
    assert_eq!(resting.severity, Some(1));
    web.set("StreamType", "0").await;
    web.set("ReplicatorCommand", "3").await;
    reach(&helo, "ReplicatorStreamState", "3").await;
    let raised = AlarmMessage::from_base64(&web.value("StreamingFailedAlarm").await).unwrap();
    assert!(raised.is_active());
    assert_eq!(
        raised.text.unwrap().short.as_deref(),
        Some("Streaming Failed")
    );
}

#[tokio::test]
async fn dropped_simulator_frees_its_port() {
    let helo = ready(SimulatorConfig::fast()).await;
    let address = helo.addr();
    helo.shutdown().await;
    let again = Simulator::start(SimulatorConfig::fast().with_listen(address))
        .await
        .unwrap();
    assert_eq!(again.addr(), address);
}
