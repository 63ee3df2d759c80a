//! Callbacks that are slow, raise, or answer nonsense.

use std::sync::Arc;
use std::time::{Duration, Instant};

use encoder_core::balancer::{Balancer, Demand, Placement, Weighted};
use encoder_core::fleet::{Row, Scoreboard};
use encoder_core::foreign::{ForeignBalancer, ForeignHealthPolicy, ForeignRemediator};
use encoder_core::health::{ContactOutcome, DirectPolicy, HealthPolicy, History, HistoryConfig};
use encoder_core::model::{
    EncoderId, EncoderStatus, IncidentId, IssueCode, Severity, StreamId, Timestamp, Verdict,
    issue_code,
};
use encoder_core::remediation::{Incident, Ladder, Remediator, Step};
use encoder_core::{Error, ErrorKind};
use tokio::sync::Notify;

use crate::script::{Script, impatient, object, patient, until};

fn id(name: &str) -> EncoderId {
    EncoderId::try_new(name).unwrap()
}

/// `best` is the built-in balancer's choice, `full` and `ill` are not eligible.
fn fleet() -> Scoreboard {
    let row = |name: &str, change: fn(&mut Row)| {
        let mut row = Row::new(id(name));
        row.site = Some(name.to_owned());
        change(&mut row);
        row
    };
    Scoreboard::from_rows([
        row("best", |_| {}),
        row("good", |row| row.weight = 0.5),
        row("full", |row| row.streams = 1),
        row("ill", |row| row.reasons = vec!["in maintenance".to_owned()]),
    ])
}

fn protected() -> Demand {
    Demand {
        backup: true,
        ..Demand::default()
    }
}

const BUILT_IN: Option<Placement> = Some(Placement {
    primary: 0,
    backup: Some(1),
});

fn balancer(script: Script) -> (ForeignBalancer, Arc<Script>) {
    let script = Arc::new(script);
    (
        ForeignBalancer::new(object(&script), &patient()).unwrap(),
        script,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_that_makes_sense_is_taken() {
    let answer = r#"{"primary": "good", "backup": "best"}"#;
    let (balancer, script) = balancer(Script::new().answering("select", answer));
    let placement = balancer.select(&protected(), &fleet(), u64::MAX);
    let chosen = Placement {
        primary: 1,
        backup: Some(0),
    };
    assert_eq!((placement, balancer.fallbacks()), (Some(chosen), 0));
    assert_eq!(balancer.first_refusal(), None);
    let arguments: serde_json::Value = serde_json::from_str(&script.asked()[0].1).unwrap();
    assert_eq!(arguments[0]["backup"], true);
    assert_eq!(arguments[1][2]["encoder_id"], "full");
    assert_eq!(arguments[1][2]["eligible"], false);
    assert_eq!(arguments[2], (1_u64 << 53) - 1);
    assert_eq!(balancer.name(), "Script");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_that_makes_no_sense_is_replaced() {
    for answer in [
        "",
        "7",
        "null",
        r#"["good", "best"]"#,
        r#"{"primary": "nobody"}"#,
        r#"{"primary": "full"}"#,
        r#"{"primary": "ill"}"#,
        r#"{"primary": "good", "backup": "full"}"#,
        r#"{"primary": "good", "backup": "good"}"#,
        r#"{"primary": "good", "spare": "best"}"#,
        r#"{"primary": 1}"#,
        r#"{"primary": "a/b"}"#,
    ] {
        let (balancer, _) = balancer(Script::new().answering("select", answer));
        assert_eq!(
            balancer.select(&protected(), &fleet(), 0),
            BUILT_IN,
            "{answer}"
        );
        assert_eq!(balancer.fallbacks(), 1, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_must_do_what_was_demanded() {
    let wanting = |change: fn(&mut Demand)| {
        let mut demand = Demand::default();
        change(&mut demand);
        demand
    };
    for (answer, demand) in [
        (
            r#"{"primary": "good"}"#,
            wanting(|d| d.exclude = vec![id("good")]),
        ),
        (
            r#"{"primary": "good"}"#,
            wanting(|d| d.primary = Some(id("best"))),
        ),
        (r#"{"primary": "good", "backup": "best"}"#, wanting(|_| {})),
    ] {
        let (balancer, _) = balancer(Script::new().answering("select", answer));
        let expected = Weighted::default().select(&demand, &fleet(), 0);
        assert_eq!(balancer.select(&demand, &fleet(), 0), expected);
        assert_eq!(balancer.fallbacks(), 1, "{demand:?}");
    }
    let (balancer, _) = balancer(Script::new().answering("select", "null"));
    let nobody = wanting(|d| d.primary = Some(id("full")));
    assert_eq!(balancer.select(&nobody, &fleet(), 0), None);
    assert_eq!(balancer.fallbacks(), 0, "there is nobody indeed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balancer_that_raises_is_replaced() {
    let (balancer, script) = balancer(Script::new().raising("select", ErrorKind::Unexpected));
    for _ in 0..3 {
        assert_eq!(balancer.select(&protected(), &fleet(), 0), BUILT_IN);
    }
    assert_eq!((balancer.fallbacks(), script.times("select")), (3, 3));
    let why = balancer.first_refusal().unwrap();
    assert_eq!(why, "unexpected: raised");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balancer_that_panics_is_replaced() {
    let script = Script::new().with("select", |_, _| async { panic!("in the binding") });
    let (balancer, _) = balancer(script);
    let asked = Instant::now();
    assert_eq!(balancer.select(&protected(), &fleet(), 0), BUILT_IN);
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "it was known at once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_one_call_hangs_no_more_are_made() {
    let released = Arc::new(Notify::new());
    let waiting = Arc::clone(&released);
    let script = Arc::new(Script::new().with("select", move |_, _| {
        let waiting = Arc::clone(&waiting);
        async move {
            waiting.notified().await;
            Ok(r#"{"primary": "good", "backup": "best"}"#.to_owned())
        }
    }));
    let mut config = patient();
    config.decide_deadline = Duration::from_millis(100);
    let balancer = ForeignBalancer::new(object(&script), &config).unwrap();
    let ask = || {
        let asked = Instant::now();
        let placement = balancer.select(&protected(), &fleet(), 0);
        (placement, asked.elapsed())
    };
    let (placement, taken) = ask();
    assert_eq!(placement, BUILT_IN);
    assert!(
        taken >= config.decide_deadline && taken < Duration::from_secs(4),
        "{taken:?}"
    );
    for _ in 0..100 {
        assert_eq!(ask().0, BUILT_IN);
    }
    assert_eq!((script.times("select"), balancer.fallbacks()), (1, 101));
    // Once it answers, it is asked again.
    released.notify_one();
    until("asked again", || {
        released.notify_one();
        ask().0 != BUILT_IN
    })
    .await;
    assert!(script.times("select") > 1);
    assert_eq!(script.cancelled(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_not_let_in_at_once() {
    const CROWD: usize = 80;
    let script = Arc::new(Script::new().hanging("select"));
    let mut config = patient();
    config.decide_deadline = Duration::from_secs(1);
    let balancer = Arc::new(ForeignBalancer::new(object(&script), &config).unwrap());
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..CROWD {
        let balancer = Arc::clone(&balancer);
        asking.spawn_blocking(move || balancer.select(&protected(), &fleet(), 0));
    }
    assert_eq!(asking.join_all().await, [BUILT_IN; CROWD]);
    assert_eq!((script.times("select"), balancer.fallbacks()), (64, 80));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_never_ends_is_cancelled_and_tried_again() {
    let script = Arc::new(Script::new().hanging("select"));
    let balancer = ForeignBalancer::new(object(&script), &impatient()).unwrap();
    until("cancelled and asked again", || {
        assert_eq!(balancer.select(&protected(), &fleet(), 0), BUILT_IN);
        script.cancelled() > 0 && script.times("select") > 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_a_balancer_that_is_gone_is_cancelled() {
    let script = Arc::new(Script::new().hanging("select"));
    let mut config = impatient();
    config.call_deadline = Duration::from_secs(3600);
    let balancer = ForeignBalancer::new(object(&script), &config).unwrap();
    assert_eq!(balancer.select(&protected(), &fleet(), 0), BUILT_IN);
    assert_eq!((script.times("select"), script.cancelled()), (1, 0));
    drop(balancer);
    until("cancelled", || script.cancelled() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn waiting_stops_nobody_else() {
    let (balancer, _) = balancer(Script::new().with("select", |_, _| async {
        // Needs the only worker, on which the decision is waited for.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(r#"{"primary": "good", "backup": "best"}"#.to_owned())
    }));
    let asking =
        tokio::task::JoinSet::from_iter([
            async move { balancer.select(&protected(), &fleet(), 0) },
        ]);
    assert_ne!(asking.join_all().await, [BUILT_IN]);
}

/// On a runtime that cannot wait beside its work, and without any.
#[test]
fn without_a_fitting_runtime_the_built_in_policy_decides() {
    let (balancer, script) = balancer(Script::new().answering("select", "null"));
    let select = || balancer.select(&protected(), &fleet(), 0);
    assert_eq!(select(), BUILT_IN);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    assert_eq!(runtime.block_on(async { select() }), BUILT_IN);
    assert_eq!((balancer.fallbacks(), script.times("select")), (2, 0));
}

#[test]
fn an_object_without_the_method_is_refused() {
    let script = Arc::new(Script::new());
    let refused = |error: Error| (error.kind(), error.message().to_owned());
    let error = ForeignBalancer::new(object(&script), &patient()).unwrap_err();
    let expected = (ErrorKind::ConfigInvalid, "Script lacks select()".to_owned());
    assert_eq!(refused(error), expected);
    let error = ForeignRemediator::new(object(&script), &patient()).unwrap_err();
    assert_eq!(error.message(), "Script lacks next_step()");
}

fn observed() -> (History, Instant) {
    let start = Instant::now();
    let wall = Timestamp::from_millis(1_700_000_000_000);
    let mut history = History::new(HistoryConfig::default(), start, wall);
    history.intend_publishing(start, true);
    let latency = Duration::from_millis(12);
    let later = start + Duration::from_secs(2);
    history.record_contact(later, ContactOutcome::Answered { latency });
    let kind = ErrorKind::DeviceAuth;
    history.record_contact(later, ContactOutcome::Failed { kind });
    let mut status = EncoderStatus::default();
    status.system.cpu_percent = Some(40.0);
    history.record_status(later, status);
    (history, later + Duration::from_millis(500))
}

fn policy(answer: &str) -> (ForeignHealthPolicy, Arc<Script>) {
    let script = Arc::new(Script::new().answering("assess", answer));
    let built_in = Arc::new(DirectPolicy::default());
    (
        ForeignHealthPolicy::new(object(&script), &patient(), built_in).unwrap(),
        script,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_told_everything_and_taken_at_its_word() {
    let (policy, script) = policy(r#"{"verdict": "worn", "health": 55, "issues": []}"#);
    let (history, now) = observed();
    let assessment = policy.assess(&history, now);
    assert_eq!(assessment.verdict, Verdict::Worn);
    assert_eq!(assessment.health.map(|health| health.value()), Some(55.0));
    assert_eq!(policy.fallbacks(), 0);
    let told: serde_json::Value = serde_json::from_str(&script.asked()[0].1).unwrap();
    let told = &told[0];
    assert_eq!(told["now"], "2023-11-14T22:13:22.500Z");
    assert_eq!(
        told["contacts"],
        serde_json::json!([
            {"age_seconds": 0.5, "outcome": "answered", "latency_ms": 12.0, "error": null},
            {"age_seconds": 0.5, "outcome": "failed", "latency_ms": null, "error": "device_auth"},
        ])
    );
    assert_eq!(told["temperatures"], serde_json::json!([]));
    assert_eq!(told["loads"][0]["cpu_percent"], 40.0);
    assert!(told["loads"][0]["memory_percent"].is_null());
    assert_eq!(told["publishing_intended_for_seconds"], 2.5);
    assert_eq!(told["stream_state_for_seconds"], 0.5);
    assert_eq!(told["status"]["stream_state"], "unknown");
    assert!(told["assessment"]["verdict"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conclusion_that_makes_no_sense_is_replaced() {
    let (history, now) = observed();
    let built_in = DirectPolicy::default().assess(&history, now);
    for answer in [
        "null",
        "{}",
        r#"{"verdict": "fine", "health": 1, "issues": []}"#,
        r#"{"verdict": "worn", "health": 140, "issues": []}"#,
        r#"{"verdict": "worn", "health": 40, "issues": [], "parts": {"stream": -1}}"#,
        r#"{"verdict": "worn", "health": 40, "issues": [], "extra": 1}"#,
        r#"{"verdict": "worn", "health": 40, "issues": [{"code": "x"}]}"#,
    ] {
        let (policy, _) = policy(answer);
        assert_eq!(policy.assess(&history, now), built_in, "{answer}");
        assert_eq!(policy.fallbacks(), 1, "{answer}");
    }
}

fn incident(reachable: bool) -> Incident {
    Incident {
        id: IncidentId::generate(),
        stream_id: StreamId::generate(),
        encoder_id: id("helo-1"),
        cause: IssueCode::new(issue_code::STREAM_STOPPED),
        severity: Severity::Critical,
        reachable,
        may_fail_over: false,
        backup_ready: false,
        serves_files: false,
        restart_estimate: Duration::from_secs(2),
        switch_estimate: Duration::from_secs(3),
        since: Timestamp::from_millis(0),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_makes_no_sense_is_replaced() {
    let restart = r#"{"step": "restart_in_place", "deadline_seconds": 2.5}"#;
    let deadline = Duration::from_millis(2500);
    let reboot = r#"{"step": "reboot"}"#;
    let named = |script: Script, reachable| {
        let script = Arc::new(script);
        let remediator = ForeignRemediator::new(object(&script), &patient()).unwrap();
        (
            remediator.next_step(&incident(reachable), &[]),
            remediator.fallbacks(),
        )
    };
    let step = |answer: &str| Script::new().answering("next_step", answer);
    let built_in = Ladder::default().next_step(&incident(true), &[]);
    assert_eq!(
        named(step(restart), true),
        (Some(Step::Restart { deadline }), 0)
    );
    assert_eq!(named(step("null"), true), (None, 0));
    assert_eq!(
        named(step(r#"{"step": "pray"}"#), true),
        (built_in.clone(), 1)
    );
    assert_eq!(named(step(restart), false), (None, 1), "it does not answer");
    assert_eq!(
        named(step(reboot), true),
        (built_in, 1),
        "nobody can run it"
    );
    let running = step(reboot).answering("run", "null");
    assert_eq!(named(running, true), (Some(Step::Reboot), 0));
}
