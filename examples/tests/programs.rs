//! Every program beside this folder does what it says, started as a user starts it.

use std::process::Command;

fn output_of(program: &str) -> String {
    let output = Command::new(program)
        .output()
        .expect("cargo built the program");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}{errors}", output.status);
    text
}

#[test]
fn quickstart_survives_a_failover_in_under_forty_lines() {
    let text = output_of(env!("CARGO_BIN_EXE_quickstart"));
    assert!(text.contains("live on helo-"), "{text}");
    assert!(text.contains(" ms: completed (helo-"), "{text}");
    assert!(include_str!("../quickstart.rs").lines().count() < 40);
}

#[test]
fn custom_driver_streams_and_moves_and_names_its_limit() {
    let text = output_of(env!("CARGO_BIN_EXE_custom_driver"));
    assert!(text.contains("1080p refused: "), "{text}");
    assert!(text.contains("720p live on "), "{text}");
    assert!(text.contains("moved from "), "{text}");
}

#[test]
fn custom_balancer_fills_one_site() {
    let text = output_of(env!("CARGO_BIN_EXE_custom_balancer"));
    assert!(text.contains("on paper: b1"), "{text}");
    assert_eq!(text.matches(" went to ").count(), 2, "{text}");
}
