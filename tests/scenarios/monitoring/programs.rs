//! What the programs themselves say of the files.

use std::ffi::OsStr;
use std::process::Command;

use encoder_tests::{installed, shipped};

use crate::shipped::files;

fn assert_accepts(program: &str, arguments: &[&OsStr]) {
    let said = Command::new(program).args(arguments).output().unwrap();
    let (out, error) = (&said.stdout, &said.stderr);
    let (out, error) = (String::from_utf8_lossy(out), String::from_utf8_lossy(error));
    assert!(said.status.success(), "{arguments:?}:\n{out}{error}");
}

#[test]
fn promtool_accepts_configuration_and_rules_and_sees_every_alert() {
    if !installed("promtool", "prometheus") {
        return;
    }
    // The key is in a file that only an installation has.
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    for path in ["rules", "secrets"] {
        std::fs::create_dir(place(path)).unwrap();
    }
    std::fs::write(place("secrets/encoder-manager-key"), "").unwrap();
    std::fs::copy(
        shipped("prometheus/prometheus.yml"),
        place("prometheus.yml"),
    )
    .unwrap();
    for path in files("prometheus/rules", "yml") {
        let copy = place("rules").join(path.file_name().unwrap());
        std::fs::copy(&path, copy).unwrap();
    }
    let configuration = place("prometheus.yml");
    let check = [
        "check".as_ref(),
        "config".as_ref(),
        configuration.as_os_str(),
    ];
    assert_accepts("promtool", &check);
    for path in files("prometheus/tests", "yml") {
        let test = ["test".as_ref(), "rules".as_ref(), path.as_os_str()];
        assert_accepts("promtool", &test);
    }
}

#[test]
fn amtool_accepts_the_routes() {
    if !installed("amtool", "prometheus-alertmanager") {
        return;
    }
    let path = shipped("alertmanager/alertmanager.yml");
    assert_accepts("amtool", &["check-config".as_ref(), path.as_os_str()]);
    for (severity, receiver) in [("critical", "page"), ("warning", "desk"), ("info", "log")] {
        let config = format!("--config.file={}", path.display());
        let (severity, receiver) = (
            format!("severity={severity}"),
            format!("--verify.receivers={receiver}"),
        );
        let told = ["config", "routes", "test", &config, &receiver, &severity];
        assert_accepts("amtool", &told.map(OsStr::new));
    }
}
