//! Every fault, as a client meets it.

#![allow(clippy::unwrap_used, reason = "a failing test says enough")]

mod simulator_support;

use std::time::Duration;

use encoder_aja::simulator::{
    AlarmMessage, Assumptions, Fault, FaultKind, RebootReply, RebootSilence, Simulator,
    SimulatorConfig, Thermal,
};
use simulator_support::{PATIENCE, Web, live, reach, ready, streaming_config, wait_path};
use tokio::net::TcpStream;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn raised(helo: &Simulator, alarm: &str) -> bool {
    let value = helo.device().get(alarm).unwrap();
    AlarmMessage::from_base64(&value).unwrap().is_active()
}

/// Reads until the device answers again.
async fn answers_again(web: &Web) {
    let answered = async {
        while web
            .try_at("/config?action=get&paramid=eParamID_AVMute")
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap();
}

#[tokio::test]
async fn refused_connections_are_refused_by_the_system_and_come_back_on_the_same_port() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    let waiting = tokio::join!(web.try_wait(&connection), async {
        let arrived = |request: &encoder_aja::simulator::RequestRecord| {
            request.param("action") == Some("wait_for_config_events")
        };
        helo.wait_for_request(arrived, PATIENCE).await.unwrap();
        helo.inject(FaultKind::RefuseConnections);
    });
    assert!(waiting.0.is_err());
    let refused = TcpStream::connect(helo.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    helo.clear_faults();
    assert_eq!(web.value("AVMute").await, "0");
}

#[tokio::test]
async fn silence_lets_no_byte_through_and_the_long_poll_survives_it() {
    let helo = ready(SimulatorConfig::fast()).await;
    let (web, hasty) = (Web::of(&helo), Web::hasty(&helo));
    let connection = web.connect().await;
    let silence = async {
        let arrived = |request: &encoder_aja::simulator::RequestRecord| {
            request.param("action") == Some("wait_for_config_events")
        };
        helo.wait_for_request(arrived, PATIENCE).await.unwrap();
        helo.inject(FaultKind::NetworkSilence {
            media_continues: true,
        });
        helo.device().command("AVMute", "1").unwrap();
        let error = hasty.try_at("/desc.json").await.unwrap_err();
        assert!(error.is_timeout());
        assert!(
            !helo
                .requests()
                .iter()
                .any(|request| request.path == "/desc.json")
        );
        helo.clear_faults();
    };
    let (events, ()) = tokio::join!(web.event(&connection, "AVMute"), silence);
    assert_eq!(events, "1");
}

#[tokio::test]
async fn silent_device_goes_on_streaming_only_if_its_media_continue() {
    let helo = live(streaming_config("key")).await;
    helo.inject(FaultKind::NetworkSilence {
        media_continues: true,
    });
    assert_eq!(
        helo.device().get("ReplicatorStreamState").as_deref(),
        Some("2")
    );
    helo.clear_faults();
    helo.inject(FaultKind::NetworkSilence {
        media_continues: false,
    });
    assert_eq!(
        helo.device().get("ReplicatorStreamState").as_deref(),
        Some("4")
    );
    helo.clear_faults();
    reach(&helo, "ReplicatorStreamState", "2").await;
}

#[tokio::test]
async fn hanging_request_is_read_and_never_answered() {
    let helo = ready(SimulatorConfig::fast()).await;
    let (web, hasty) = (Web::of(&helo), Web::hasty(&helo));
    helo.inject(Fault::new(FaultKind::Hang).on_param("Temperature").times(1));
    assert_eq!(web.value("AVMute").await, "0");
    let path = "/config?action=get&paramid=eParamID_Temperature";
    assert!(hasty.try_at(path).await.unwrap_err().is_timeout());
    assert_eq!(web.at(path).await.status(), 200);
    assert_eq!(helo.requests().len(), 3);
}

#[tokio::test]
async fn delayed_request_is_answered_late() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    helo.inject(FaultKind::Delay { delay: millis(80) });
    let begin = std::time::Instant::now();
    assert_eq!(web.value("AVMute").await, "0");
    assert!(begin.elapsed() >= millis(80));
}

#[tokio::test]
async fn slow_bytes_arrive_complete() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    helo.inject(FaultKind::SlowBytes {
        piece: 30,
        pause: millis(20),
    });
    let begin = std::time::Instant::now();
    assert_eq!(web.value("AVMute").await, "0");
    assert!(begin.elapsed() >= millis(60));
}

#[tokio::test]
async fn cut_body_breaks_after_its_beginning() {
    let helo = ready(SimulatorConfig::fast()).await;
    helo.inject(Fault::new(FaultKind::CutBody { after: 10 }).on_path("/config"));
    let web = Web::of(&helo);
    let mut reply = web.at("/config?action=get&paramid=eParamID_AVMute").await;
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.chunk().await.unwrap().unwrap().len(), 10);
    assert!(reply.chunk().await.is_err());
    assert_eq!(web.at("/desc.json").await.status(), 200);
}

#[tokio::test]
async fn wrong_json_wrong_type_and_wrong_length_come_with_status_200() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let path = "/config?action=get&paramid=eParamID_AVMute";
    helo.inject(Fault::new(FaultKind::WrongJson).times(1));
    let reply = web.at(path).await;
    assert_eq!(reply.status(), 200);
    assert!(reply.json::<serde_json::Value>().await.is_err());

    helo.inject(
        Fault::new(FaultKind::ContentType {
            value: "image/gif".into(),
        })
        .times(1),
    );
    let reply = web.at(path).await;
    assert_eq!(reply.headers()["content-type"], "image/gif");
    assert_eq!(
        reply.json::<serde_json::Value>().await.unwrap()["value"],
        "0"
    );

    helo.inject(Fault::new(FaultKind::ContentLength { value: 5000 }).times(1));
    let reply = web.at(path).await;
    assert_eq!(reply.headers()["content-length"], "5000");
    assert!(reply.text().await.is_err());

    helo.inject(Fault::new(FaultKind::ContentLength { value: 5 }).times(1));
    let reply = web.at(path).await;
    assert_eq!(reply.text().await.unwrap(), r#"{"par"#);
    assert_eq!(web.value("AVMute").await, "0");
}

#[tokio::test]
async fn failing_status_keeps_the_request_from_having_an_effect() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    helo.inject(Fault::new(FaultKind::Status { status: 500 }).times(1));
    let reply = web.try_set("AVMute", "1").await.unwrap();
    assert_eq!(reply.status(), 500);
    assert_eq!(reply.headers()["content-type"], "text/html");
    assert_eq!(web.value("AVMute").await, "0");
}

#[tokio::test]
async fn events_may_fail_while_the_rest_works() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    helo.inject(Fault::events_expectation_failed().times(1));
    assert_eq!(web.at(&wait_path(&connection)).await.status(), 417);
    web.set("AVMute", "1").await;
    assert_eq!(web.event(&connection, "AVMute").await, "1");
}

#[tokio::test]
async fn lost_sessions_and_connections_are_lost_once() {
    let helo = ready(SimulatorConfig::fast().with_password("studio")).await;
    let web = Web::of(&helo);
    let log_in = || async {
        let request = web.http.post(format!("{}/authenticator/login", helo.url()));
        let form = [("password_provided", "studio")];
        let reply = request.form(&form).send().await.unwrap();
        reply.headers()["set-cookie"].clone()
    };
    let get = |cookie| {
        web.http
            .get(format!("{}/desc.json", helo.url()))
            .header("cookie", cookie)
    };
    let cookie = log_in().await;
    assert_eq!(get(cookie.clone()).send().await.unwrap().status(), 200);
    helo.inject(FaultKind::DropSessions);
    assert_eq!(get(cookie).send().await.unwrap().status(), 404);
    assert_eq!(get(log_in().await).send().await.unwrap().status(), 200);
    assert!(helo.device().faults().is_empty());

    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    helo.inject(FaultKind::ExpireConnections);
    assert_eq!(web.at(&wait_path(&connection)).await.status(), 417);
}

#[tokio::test]
async fn failed_stream_recovers_by_itself_when_the_fault_is_over() {
    let helo = live(streaming_config("key")).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    helo.inject(FaultKind::StreamFails);
    assert_eq!(web.event(&connection, "ReplicatorStreamState").await, "4");
    assert!(raised(&helo, "StreamingFailedAlarm"));
    assert_eq!(
        helo.device().get("StreamingDuration").as_deref(),
        Some("00:00:00:00")
    );
    helo.clear_faults();
    assert_eq!(web.event(&connection, "ReplicatorStreamState").await, "2");
    assert!(!raised(&helo, "StreamingFailedAlarm"));
}

#[tokio::test]
async fn failed_stream_stays_failed_without_auto_recovery() {
    let config = streaming_config("key").with_value("AutoRecoverStreaming", "0");
    let helo = live(config).await;
    helo.inject(Fault::new(FaultKind::StreamFails).times(1));
    let recovered = helo
        .device()
        .wait_for("ReplicatorStreamState", "2", millis(400))
        .await;
    assert!(!recovered);
    assert_eq!(
        helo.device().get("ReplicatorStreamState").as_deref(),
        Some("4")
    );
    helo.device().command("AutoRecoverStreaming", "1").unwrap();
    reach(&helo, "ReplicatorStreamState", "2").await;
}

#[tokio::test]
async fn failing_start_ends_in_state_3_as_often_as_asked() {
    let helo = ready(streaming_config("key")).await;
    helo.inject(Fault::new(FaultKind::StreamFails).times(1));
    helo.device().command("ReplicatorCommand", "3").unwrap();
    reach(&helo, "ReplicatorStreamState", "3").await;
    assert!(raised(&helo, "StreamingFailedAlarm"));
    helo.device().command("ReplicatorCommand", "3").unwrap();
    reach(&helo, "ReplicatorStreamState", "2").await;
}

#[tokio::test]
async fn accepted_start_may_lead_nowhere() {
    let helo = ready(streaming_config("key")).await;
    helo.inject(Fault::new(FaultKind::StreamNeverStarts).times(1));
    let web = Web::of(&helo);
    assert_eq!(
        web.try_set("ReplicatorCommand", "3")
            .await
            .unwrap()
            .status(),
        200
    );
    assert!(
        !helo
            .device()
            .wait_for("ReplicatorStreamState", "2", millis(200))
            .await
    );
    assert_eq!(web.value("ReplicatorStreamState").await, "1");
    assert!(!raised(&helo, "StreamingFailedAlarm"));
    web.set("ReplicatorCommand", "3").await;
    reach(&helo, "ReplicatorStreamState", "2").await;
}

#[tokio::test]
async fn accepted_stop_may_not_stop() {
    let helo = live(streaming_config("key")).await;
    helo.inject(Fault::new(FaultKind::StopNeverStops).times(1));
    let web = Web::of(&helo);
    web.set("ReplicatorCommand", "4").await;
    assert!(
        !helo
            .device()
            .wait_for("ReplicatorStreamState", "1", millis(200))
            .await
    );
    web.set("ReplicatorCommand", "4").await;
    reach(&helo, "ReplicatorStreamState", "1").await;
}

#[tokio::test]
async fn accepted_write_may_not_be_applied() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    helo.inject(Fault::new(FaultKind::SetNotApplied).on_param("StreamingVideoBitrate_1"));
    assert_eq!(
        web.set("StreamingVideoBitrate_1", "5000").await["value"],
        "5000"
    );
    assert_eq!(web.value("StreamingVideoBitrate_1").await, "20000");
    web.set("StreamingVideoBitrate_2", "5000").await;
    assert_eq!(web.value("StreamingVideoBitrate_2").await, "5000");
}

#[tokio::test]
async fn recording_fails_at_its_start_and_under_way() {
    let helo = ready(SimulatorConfig::fast()).await;
    helo.inject(Fault::new(FaultKind::RecordFails).times(1));
    helo.device().command("ReplicatorCommand", "1").unwrap();
    reach(&helo, "ReplicatorRecordState", "3").await;
    helo.device().command("ReplicatorCommand", "1").unwrap();
    reach(&helo, "ReplicatorRecordState", "2").await;
    assert!(!raised(&helo, "RecordingFailedAlarm"));
    helo.inject(Fault::new(FaultKind::RecordFails).times(1));
    assert_eq!(
        helo.device().get("ReplicatorRecordState").as_deref(),
        Some("4")
    );
    assert!(raised(&helo, "RecordingFailedAlarm"));
}

#[tokio::test]
async fn preset_recall_may_fail() {
    let helo = ready(SimulatorConfig::fast()).await;
    helo.inject(FaultKind::PresetFails);
    helo.device().command("RegisterRecall", "1").unwrap();
    reach(&helo, "RegisterRecallResult", "3").await;
}

#[tokio::test]
async fn lost_input_stops_the_stream_or_is_bridged() {
    let helo = live(streaming_config("key").with_value("LossOfVideoRecordBehavior", "0")).await;
    helo.inject(FaultKind::InputLost);
    assert_eq!(helo.device().get("DetectInputFormat").as_deref(), Some("0"));
    assert!(raised(&helo, "No_Video_Input_Alarm"));
    assert_eq!(
        helo.device().get("ReplicatorStreamState").as_deref(),
        Some("4")
    );
    helo.clear_faults();
    assert!(!raised(&helo, "No_Video_Input_Alarm"));
    reach(&helo, "ReplicatorStreamState", "2").await;

    let helo = live(streaming_config("key")).await;
    helo.inject(FaultKind::InputLost);
    assert_eq!(
        helo.device().get("ReplicatorStreamState").as_deref(),
        Some("2")
    );
    assert!(raised(&helo, "No_Video_Input_Alarm"));
}

#[tokio::test]
async fn changed_input_format_shows_as_value_and_alarm() {
    let helo = ready(SimulatorConfig::fast()).await;
    helo.inject(FaultKind::InputFormatChanged { format: 12 });
    let reply = Web::of(&helo).get("DetectInputFormat").await;
    assert_eq!(reply["value_name"], "1280x720p 50");
    assert!(raised(&helo, "Input_Format_Changed_Alarm"));
    helo.clear_faults();
    assert!(!raised(&helo, "Input_Format_Changed_Alarm"));
    assert_eq!(
        helo.device().get("DetectInputFormat").as_deref(),
        Some("15")
    );
}

#[tokio::test]
async fn over_temperature_raises_the_alarm_and_then_shuts_the_unit_down() {
    let mut thermal = Thermal::default();
    (thermal.near_over, thermal.shutdown) = (60.0, 90.0);
    let helo = live(streaming_config("key").with_thermal(thermal)).await;
    helo.inject(FaultKind::OverTemperature {
        celsius: 70.0,
        ramp: millis(50),
    });
    reach(&helo, "Temperature", "70").await;
    assert!(raised(&helo, "Near_Over_Temp_Alarm"));
    helo.clear_faults();
    helo.inject(FaultKind::OverTemperature {
        celsius: 95.0,
        ramp: millis(50),
    });
    reach(&helo, "ShutdownMessageII", "4").await;
    assert_eq!(
        helo.device().get("ReplicatorStreamState").as_deref(),
        Some("5")
    );
}

#[tokio::test]
async fn stopped_fan_heats_a_device_only_while_it_streams() {
    let mut thermal = Thermal::default();
    (thermal.streaming, thermal.settling) = (0.0, millis(50));
    let helo = live(streaming_config("key").with_thermal(thermal)).await;
    helo.inject(FaultKind::FanStopped {
        celsius: 66.0,
        ramp: millis(50),
    });
    reach(&helo, "Temperature", "66").await;
    helo.device().command("ReplicatorCommand", "4").unwrap();
    reach(&helo, "Temperature", "42").await;
    helo.device().command("ReplicatorCommand", "3").unwrap();
    reach(&helo, "Temperature", "66").await;
}

#[tokio::test]
async fn full_or_missing_medium_ends_the_recording() {
    for (fault, alarm) in [
        (FaultKind::StorageFull, "Media_Full_Alarm"),
        (FaultKind::StorageRemoved, "Storage_Removed_Alarm"),
    ] {
        let helo = ready(SimulatorConfig::fast()).await;
        helo.device().command("ReplicatorCommand", "1").unwrap();
        reach(&helo, "ReplicatorRecordState", "2").await;
        helo.inject(fault.clone());
        assert_eq!(
            helo.device().get("ReplicatorRecordState").as_deref(),
            Some("4")
        );
        assert!(raised(&helo, alarm), "{fault:?}");
        assert_eq!(
            helo.device().get("CurrentMediaAvailable").as_deref(),
            Some("0")
        );
        helo.device().command("ReplicatorCommand", "1").unwrap();
        reach(&helo, "ReplicatorRecordState", "3").await;
        helo.clear_faults();
        assert_eq!(
            helo.device().get("CurrentMediaMounted").as_deref(),
            Some("1")
        );
        helo.device().command("ReplicatorCommand", "1").unwrap();
        reach(&helo, "ReplicatorRecordState", "2").await;
    }
}

#[tokio::test]
async fn any_alarm_can_be_raised_for_a_while() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    let alarm = FaultKind::Alarm {
        name: "Network_Too_Slow_Alarm".into(),
    };
    helo.inject(Fault::new(alarm).lasting(millis(60)));
    assert!(raised(&helo, "Network_Too_Slow_Alarm"));
    web.event(&connection, "Network_Too_Slow_Alarm").await;
    web.event(&connection, "Network_Too_Slow_Alarm").await;
    assert!(!raised(&helo, "Network_Too_Slow_Alarm"));
}

#[tokio::test]
async fn dropped_frames_are_an_alarm_and_may_stop_the_stream() {
    let helo = live(streaming_config("key")).await;
    helo.inject(FaultKind::DroppedFrames);
    assert!(raised(&helo, "Dropped_Frames_Alarm"));
    assert_eq!(
        helo.device().get("ReplicatorStreamState").as_deref(),
        Some("2")
    );
    helo.device()
        .command("StreamingDroppedFrameBhvr", "1")
        .unwrap();
    assert_eq!(
        helo.device().get("ReplicatorStreamState").as_deref(),
        Some("4")
    );
}

#[tokio::test]
async fn unreachable_ingest_fails_the_stream_of_a_device_that_answers() {
    let helo = live(streaming_config("key")).await;
    helo.inject(FaultKind::IngestUnreachable);
    assert_eq!(Web::of(&helo).value("ReplicatorStreamState").await, "4");
    helo.clear_faults();
    reach(&helo, "ReplicatorStreamState", "2").await;
}

#[tokio::test]
async fn reboot_is_answered_then_refused_and_ends_with_the_ephemeral_values() {
    let helo = live(streaming_config("key").with_value("AVMute", "1")).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    web.set("FilenamePrefix", "ephemeral").await;
    web.set("FilenamePrefix_2", "kept").await;
    assert_eq!(web.set("Reboot", "1").await["value"], "1");
    reach(&helo, "ReplicatorStreamState", "0").await;
    reach(&helo, "ReplicatorStreamState", "1").await;
    assert_eq!(web.value("FilenamePrefix_2").await, "kept");
    assert_eq!(web.value("FilenamePrefix").await, "clip");
    assert_eq!(web.at(&wait_path(&connection)).await.status(), 417);
}

#[tokio::test]
async fn restarting_device_refuses_connections() {
    let mut config = SimulatorConfig::fast();
    config.timing.reboot_silence = Duration::from_secs(1);
    let helo = ready(config).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    let (waited, _) = tokio::join!(web.try_wait(&connection), web.set("Reboot", "1"));
    assert!(waited.is_err());
    let refused = TcpStream::connect(helo.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    answers_again(&web).await;
}

#[tokio::test]
async fn restarting_device_may_be_a_black_hole_and_cut_its_reply() {
    let mut assumptions = Assumptions::default();
    assumptions.reboot_silence = RebootSilence::BlackHole;
    assumptions.reboot_reply = RebootReply::Cut;
    let config = SimulatorConfig::fast().with_assumptions(assumptions);
    let helo = ready(config).await;
    let (web, hasty) = (Web::of(&helo), Web::hasty(&helo));
    let reply = web.try_set("Reboot", "1").await.unwrap();
    assert!(reply.text().await.is_err());
    let silent = async { while hasty.try_at("/desc.json").await.is_ok() {} };
    tokio::time::timeout(PATIENCE, silent).await.unwrap();
    assert!(TcpStream::connect(helo.addr()).await.is_ok());
    answers_again(&hasty).await;
}

#[tokio::test]
async fn missing_reboot_reply_still_reboots() {
    let mut assumptions = Assumptions::default();
    assumptions.reboot_reply = RebootReply::Missing;
    let helo = ready(SimulatorConfig::fast().with_assumptions(assumptions)).await;
    assert!(Web::hasty(&helo).try_set("Reboot", "1").await.is_err());
    reach(&helo, "ReplicatorStreamState", "0").await;
}

#[tokio::test]
async fn safeboot_shows_until_the_next_restart() {
    let helo = ready(SimulatorConfig::fast()).await;
    Web::of(&helo).set("Reboot", "2").await;
    reach(&helo, "SafebootMode", "1").await;
    reach(&helo, "ReplicatorStreamState", "1").await;
    helo.inject(FaultKind::SelfReboot);
    reach(&helo, "SafebootMode", "0").await;
}

#[tokio::test]
async fn reboot_loop_goes_round_until_cleared() {
    let helo = ready(SimulatorConfig::fast()).await;
    helo.inject(FaultKind::RebootLoop { up: millis(400) });
    for _ in 0..2 {
        reach(&helo, "ReplicatorStreamState", "0").await;
        reach(&helo, "ReplicatorStreamState", "1").await;
    }
    helo.clear_faults();
    assert!(
        !helo
            .device()
            .wait_for("ReplicatorStreamState", "0", millis(900))
            .await
    );
}

#[tokio::test]
async fn restarted_device_streams_again_if_its_power_up_state_says_so() {
    let config = streaming_config("key")
        .with_value("PowerUpState", "2")
        .with_value("StreamType_1", "0")
        .with_value("RTMPServerURL_1", "rtmp://ingest.example/live");
    let helo = Simulator::start(config).await.unwrap();
    reach(&helo, "ReplicatorStreamState", "2").await;
    helo.inject(FaultKind::SelfReboot);
    reach(&helo, "ReplicatorStreamState", "0").await;
    reach(&helo, "ReplicatorStreamState", "2").await;
}

#[tokio::test]
async fn shut_down_unit_is_gone_until_it_is_turned_on() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    web.set("ReplicatorCommand", "5").await;
    assert_eq!(web.value("ReplicatorStreamState").await, "5");
    let gone = async { while TcpStream::connect(helo.addr()).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    helo.device().turn_on();
    reach(&helo, "ReplicatorStreamState", "1").await;
    assert_eq!(web.value("ReplicatorStreamState").await, "1");
}

#[tokio::test]
async fn faults_of_the_picture_change_nothing_where_there_is_none() {
    let helo = live(streaming_config("key")).await;
    let kinds = [
        r#""stall""#,
        r#""freeze""#,
        r#""black""#,
        r#"{"drop_pictures": {"one_in": 3}}"#,
        r#""cut_connection""#,
    ];
    for kind in kinds {
        let fault: Fault = serde_json::from_str(&format!(r#"{{"kind": {kind}}}"#)).unwrap();
        helo.inject(fault);
    }
    assert_eq!(helo.device().faults().len(), 4);
    assert_eq!(
        helo.device().get("ReplicatorStreamState").as_deref(),
        Some("2")
    );
}
