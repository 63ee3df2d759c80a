use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;

fn example() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml")
}

fn file(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

fn lines(content: &str) -> Vec<String> {
    let file = file(content);
    check_file(file.path())
        .iter()
        .map(|problem| format!("{}: {}", problem.key, problem.message))
        .collect()
}

#[test]
fn the_example_holds_every_default() {
    assert_eq!(
        load(Some(&example()), None).unwrap(),
        ServerConfig::default()
    );
}

#[test]
fn the_example_names_every_key() {
    fn keys(prefix: &str, value: &Value, found: &mut Vec<String>) {
        let Value::Object(fields) = value else {
            found.push(prefix.to_owned());
            return;
        };
        for (key, value) in fields {
            keys(&format!("{prefix}.{key}"), value, found);
        }
    }
    let text = std::fs::read_to_string(example()).unwrap();
    let figment = figment::Figment::from(
        <figment::providers::Yaml as figment::providers::Format>::string(&text),
    );
    let written: Value = figment.extract().unwrap();
    let default = ServerConfig::default();
    let known = json!({
        "listen": default.listen, "tls": default.tls,
        "certificates": default.certificates, "data": default.data, "log": default.log,
        "limits": default.limits, "auth": default.auth, "audit": default.audit,
        "metrics_open": default.metrics_open,
        "cors": default.cors, "sockets": default.sockets, "ingest": default.ingest,
        "manager": default.manager, "aja": default.aja, "ffmpeg": default.ffmpeg, "encoders": [],
    });
    let (mut in_example, mut in_code) = (Vec::new(), Vec::new());
    keys("", &written, &mut in_example);
    keys("", &known, &mut in_code);
    let only = |these: &[String], others: &[String]| -> Vec<String> {
        these
            .iter()
            .filter(|key| !others.contains(key))
            .cloned()
            .collect()
    };
    assert_eq!(
        only(&in_code, &in_example),
        [""; 0],
        "missing in the example"
    );
    assert_eq!(only(&in_example, &in_code), [""; 0], "only in the example");
}

#[test]
fn every_problem_is_named_with_its_key() {
    let found = lines(
        "limit: {}\nlisten: nowhere\nlimits:\n  body_byte: 3\n  key: {read_per_minute: -1}\n\
         manager:\n  watch: {timeout_ms: 0}\nencoders:\n  - {encoder_id: a, adress: x}\n",
    );
    let keys: Vec<_> = found
        .iter()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    for key in [
        "limit",
        "listen",
        "limits.body_byte",
        "limits.key.read_per_minute",
        "manager.watch.timeout_ms",
    ] {
        assert!(keys.contains(&key), "{key} in {found:?}");
    }
    assert!(
        found.iter().any(|line| line.contains("adress")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|line| line.contains("did you mean `limits`?")),
        "{found:?}"
    );
}

#[test]
fn faults_of_the_ingest_are_named_with_their_key() {
    let found = lines(
        "ingest:\n  secret: \"0123456789abcdef0123456789\"\n  witness:\n    stat_url: nowhere\n    \
         addresses:\n      - {url: \"rtmp://ingest.example/live\", application: \"\"}\n",
    );
    assert_eq!(
        found,
        [
            "ingest.witness.stat_url: must be a URL that begins with http://",
            "ingest.witness.addresses.0.application: must be one or more of [A-Za-z0-9_-]",
        ]
    );
    let found = lines("ingest:\n  witness: {stat_url: \"http://127.0.0.1/stat\", adresses: []}\n");
    assert!(
        found.iter().any(|line| line.contains("adresses")),
        "{found:?}"
    );
}

#[test]
fn a_secret_of_the_wrong_type_is_not_repeated() {
    let found = lines("ingest: {secret: 123456789}\naja: {password: 987654321}\n");
    let text = "must be text; put it into quotes";
    assert_eq!(
        found,
        [
            format!("aja.password: {text}"),
            format!("ingest.secret: {text}")
        ]
    );
}

#[test]
fn problems_name_their_file() {
    let file = file("colour: blue\n");
    let error = load(Some(file.path()), None).unwrap_err();
    let name = file.path().file_name().unwrap().to_str().unwrap();
    assert!(error.message().contains("colour"), "{error}");
    assert!(error.message().contains(name), "{error}");
}

#[test]
fn a_file_that_is_not_yaml_or_not_there_is_a_problem() {
    assert_eq!(lines("a: [b\n").len(), 1);
    assert_eq!(
        check_file(std::path::Path::new("/nowhere/config.yaml")).len(),
        1
    );
}

#[test]
fn encoders_are_listed_once_each() {
    let found = lines(
        "encoders:\n  - {encoder_id: a, address: \"http://10.0.0.1\"}\n  \
         - {encoder_id: a, address: \"http://10.0.0.2\"}\n",
    );
    assert_eq!(found, ["encoders: `a` is listed twice"]);
}

#[test]
fn the_environment_file_wins_over_the_file() {
    let yaml = file("limits:\n  body_bytes: 10\n  failed_auth_per_minute: 7\n");
    let dotenv = file(
        "OTHER=1\nENCODER_MANAGER__LIMITS__BODY_BYTES=20\nENCODER_MANAGER__AJA__PASSWORD=studio\n",
    );
    let config = load(Some(yaml.path()), Some(dotenv.path())).unwrap();
    assert_eq!(config.limits.body_bytes, 20);
    assert_eq!(config.limits.failed_auth_per_minute, 7);
    assert_eq!(config.aja.password.as_ref().unwrap().expose(), "studio");
    assert!(!format!("{config:?}").contains("studio"));
}

#[test]
fn a_wrong_environment_file_does_not_show_its_content() {
    let dotenv = file("ENCODER_MANAGER__AJA__PASSWORD='unclosed secret\n");
    let error = load(None, Some(dotenv.path())).unwrap_err();
    assert!(
        !format!("{error:?}").contains("unclosed secret"),
        "{error:?}"
    );
}

#[test]
fn short_names_win_over_the_file_and_long_names_over_them() {
    let yaml = file("manager: {direct: {cpu_percent: 50, memory_percent: 51}}\n");
    let dotenv = file(
        "CPU_HIGH_THRESHOLD=70\nMEMORY_HIGH_THRESHOLD=71\nTEMP_HIGH_THRESHOLD=72.5\n\
         STORAGE_HIGH_THRESHOLD=73\nMONITORING_INTERVAL=12\n\
         ENCODER_MANAGER__MANAGER__DIRECT__MEMORY_PERCENT=60\n",
    );
    let config = load(Some(yaml.path()), Some(dotenv.path())).unwrap();
    let direct = &config.manager.direct;
    assert_eq!(direct.cpu_percent, 70.0, "over the file");
    assert_eq!(direct.memory_percent, 60.0, "below the long name");
    assert_eq!(direct.temperature_celsius, 72.5);
    assert_eq!(direct.storage_percent, 73.0);
    assert_eq!(config.manager.watch.slow_interval, Duration::from_secs(12));
    assert_eq!(config.aja.media_refresh, Duration::from_secs(12));
}

#[test]
fn wrong_values_under_short_names_are_reported_with_their_name() {
    let told = |text: &str| {
        let dotenv = file(text);
        let error = load(None, Some(dotenv.path())).unwrap_err();
        error.message().to_owned()
    };
    let message = told("TEMP_HIGH_THRESHOLD=hot\nMONITORING_INTERVAL=often\n");
    for part in [
        "environment variable TEMP_HIGH_THRESHOLD: manager.direct.temperature_celsius",
        "environment variable MONITORING_INTERVAL: manager.watch.slow_interval_seconds",
        "environment variable MONITORING_INTERVAL: aja.media_refresh_ms",
    ] {
        assert!(message.contains(part), "{message}");
    }
    for (text, key) in [
        ("CPU_HIGH_THRESHOLD=101\n", "manager.direct.cpu_percent"),
        ("MEMORY_HIGH_THRESHOLD=0\n", "manager.direct.memory_percent"),
        (
            "STORAGE_HIGH_THRESHOLD=NaN\n",
            "manager.direct.storage_percent",
        ),
        (
            "TEMP_HIGH_THRESHOLD=-3\n",
            "manager.direct.temperature_celsius",
        ),
        (
            "MONITORING_INTERVAL=0\n",
            "manager.watch.slow_interval_seconds",
        ),
        (
            "MONITORING_INTERVAL=-1\n",
            "manager.watch.slow_interval_seconds",
        ),
    ] {
        let message = told(text);
        assert!(message.contains(key), "{text}: {message}");
    }
}

#[test]
fn wrong_patterns_of_errors_are_named_with_file_and_entry() {
    let mut patterns = tempfile::NamedTempFile::new().unwrap();
    let entry = r#"{"patterns": [{"id": "audio_loss", "severity": "bad"}]}"#;
    patterns.write_all(entry.as_bytes()).unwrap();
    let path = patterns.path().display().to_string();
    let found = lines(&format!("manager: {{errors: {{patterns: '{path}'}}}}\n"));
    assert_eq!(found.len(), 1, "{found:?}");
    let expected = format!("manager.errors.patterns: {path}: pattern 1 (audio_loss): ");
    assert!(found[0].starts_with(&expected), "{found:?}");
}

#[test]
fn a_wrong_value_is_named_with_the_file_that_holds_it() {
    let settings = file("manager: {errors: {patterns: /nowhere/patterns.json}}\n");
    let found = check_file(settings.path());
    assert_eq!(found.len(), 1, "{found:?}");
    let name = settings.path().file_name().unwrap().to_string_lossy();
    assert!(found[0].place.contains(&*name), "{found:?}");
    assert_eq!(found[0].key, "manager.errors.patterns");
    assert!(found[0].message.contains("/nowhere/patterns.json"));
}

#[test]
fn what_is_missing_or_in_a_list_is_named_with_the_file_of_its_group() {
    let settings = file(
        "certificates: {targets: [{address: nowhere}], renewal: {methods: [acme]}}\n\
         manager: {alerts: {sinks: [mail], routes: [{sinks: [mail]}]}}\n",
    );
    let found = check_file(settings.path());
    let name = settings.path().file_name().unwrap().to_string_lossy();
    for problem in &found {
        assert!(problem.place.contains(&*name), "{problem}");
    }
    let told = |key: &str| {
        let mut of = found.iter().filter(|problem| problem.key.starts_with(key));
        of.next().unwrap_or_else(|| panic!("{key} in {found:?}"))
    };
    told("certificates.acme");
    told("certificates.targets.0.address");
    let sinks = &told("manager.alerts.routes.0.sinks").message;
    assert!(sinks.ends_with("there is none"), "{sinks}");
    let kind = &told("manager.alerts.sinks").message;
    assert!(kind.starts_with("must be a group of keys"), "{kind}");
}

#[test]
fn an_environment_file_is_checked_with_the_settings_below_it() {
    let settings = file("limits: {body_bytes: 5}\nmetrics_open: true\n");
    let mut env = tempfile::NamedTempFile::new().unwrap();
    env.write_all(b"ENCODER_MANAGER__LIMITS__BODY_BYTES=0\nENCODER_MANAGER__METRICS_OPN=1\n")
        .unwrap();
    let found = check_files(settings.path(), Some(env.path()));
    let keys: Vec<_> = found.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["metrics_opn", "limits.body_bytes"], "{found:?}");
    let name = env.path().file_name().unwrap().to_string_lossy();
    for problem in &found {
        assert!(problem.place.contains(&*name), "{problem}");
    }
    assert_eq!(check_files(settings.path(), None), []);
    let gone = check_files(settings.path(), Some(std::path::Path::new("/nowhere/.env")));
    assert_eq!(gone.len(), 1, "{gone:?}");
}

#[test]
fn the_example_of_error_patterns_is_valid() {
    let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("errors.example.json");
    let path = example.display();
    let found = lines(&format!("manager: {{errors: {{patterns: '{path}'}}}}\n"));
    assert_eq!(found, [""; 0]);
}

#[test]
fn wrong_sinks_are_named_without_their_secrets() {
    let found = lines(
        "manager:\n  alerts:\n    routes: [{sinks: [nobody]}]\n    sinks:\n      telegram:\n\
         \x20       phone: {token: hush, chat_id: '1'}\n        page: {token: [hush], chat_id: '1'}\n",
    );
    let keys: Vec<_> = found
        .iter()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    for key in [
        "manager.alerts.sinks.telegram.page.token",
        "manager.alerts.sinks.telegram.phone.token",
        "manager.alerts.routes.0.sinks",
    ] {
        assert!(keys.contains(&key), "{key} in {found:?}");
    }
    assert!(!format!("{found:?}").contains("hush"), "{found:?}");

    let found = lines(
        "manager: {alerts: {sinks: {alertmanager: {am: {url: 'http://am', ca_file: /nowhere.pem}}}}}\n",
    );
    let expected = "manager.alerts.sinks.alertmanager.am.ca_file: /nowhere.pem holds no certificate \
                    in PEM that can be read";
    assert_eq!(found, [expected]);
}
