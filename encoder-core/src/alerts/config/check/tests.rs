use super::*;

fn parse(text: &str) -> AlertsConfig {
    serde_json::from_str(text).unwrap()
}

fn faults(text: &str) -> Vec<String> {
    let found = parse(text).violations(&[]);
    assert!(
        found.iter().all(|v| !v.message.contains("hush")),
        "{found:?}"
    );
    found.into_iter().map(|violation| violation.field).collect()
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn whole_settings_are_fine() {
    let text = format!(
        r#"{{"public_url": "https://fleet.example",
            "routes": [{{"match": {{"severity": ["critical"]}}, "sinks": ["ops", "am"], "continue": true}}],
            "sinks": {{
              "alertmanager": {{"am": {{"url": "http://127.0.0.1:9093", "labels": {{"cluster": "a"}}}}}},
              "webhook": {{"hook": {{"url": "https://hooks.example/x", "allowed_hosts": ["hooks.example"],
                                     "secrets": ["{SECRET}"]}}}},
              "email": {{"ops": {{"host": "mail.example", "from": "Fleet <fleet@example.org>",
                                  "to": ["ops@example.org"], "username": "u", "password": "p"}}}},
              "telegram": {{"phone": {{"token": "123:AB-c_d", "chat_id": "-100123"}}}}}}}}"#
    );
    assert_eq!(faults(&text), [""; 0]);
    assert_eq!(AlertsConfig::default().violations(&[]), []);
}

#[test]
fn every_fault_names_its_key_and_no_secret() {
    let text = r#"{"public_url": "ftp://hush", "history_limit": 0,
        "rates": {"critical": {"notices": 0, "per_seconds": 0}},
        "delivery": {"attempts": 0},
        "routes": [{"sinks": ["nobody"]}],
        "sinks": {
          "alertmanager": {"a m": {"url": "http://u:hush@am", "repost_interval_seconds": 0, "labels": {"a-b": "c"}}},
          "webhook": {"hook": {"url": "http://hooks.example/hush", "allowed_hosts": ["other"], "secrets": ["whsec_hush"]},
                      "bare": {"url": "https://h", "allowed_hosts": ["h"], "secrets": []}},
          "email": {"hook": {"host": "mail:25", "from": "hush", "to": ["hush@"], "password": "hush"},
                    "open": {"host": "mail.example", "tls": "none", "from": "a@b", "to": []}},
          "telegram": {"phone": {"token": "hush", "chat_id": "ops", "base_url": "http://api.example"}}}}"#;
    let mut found = faults(text);
    found.sort();
    assert_eq!(
        found,
        [
            "alerts.delivery.attempts",
            "alerts.history_limit",
            "alerts.public_url",
            "alerts.rates.critical.notices",
            "alerts.rates.critical.per_seconds",
            "alerts.routes.0.sinks",
            "alerts.sinks.alertmanager.a m",
            "alerts.sinks.alertmanager.a m.labels.a-b",
            "alerts.sinks.alertmanager.a m.repost_interval_seconds",
            "alerts.sinks.alertmanager.a m.url",
            "alerts.sinks.email.hook",
            "alerts.sinks.email.hook.from",
            "alerts.sinks.email.hook.host",
            "alerts.sinks.email.hook.password",
            "alerts.sinks.email.hook.to.0",
            "alerts.sinks.email.open.tls",
            "alerts.sinks.email.open.to",
            "alerts.sinks.telegram.phone.base_url",
            "alerts.sinks.telegram.phone.chat_id",
            "alerts.sinks.telegram.phone.token",
            "alerts.sinks.webhook.bare.secrets",
            "alerts.sinks.webhook.hook.secrets.0",
            "alerts.sinks.webhook.hook.url",
            "alerts.sinks.webhook.hook.url",
        ]
    );
}

#[test]
fn routes_may_name_sinks_of_the_program() {
    let config = parse(r#"{"routes": [{"sinks": ["own"]}]}"#);
    assert_eq!(config.violations(&["own"]), []);
    let message = &config.violations(&["other"])[0].message;
    assert_eq!(message, "there is no sink `own`; there are: other");
}

#[test]
fn secrets_are_never_shown() {
    let text = format!(
        r#"{{"sinks": {{"webhook": {{"hook": {{"url": "https://h/", "allowed_hosts": ["h"], "secrets": ["{SECRET}"]}}}},
                       "telegram": {{"phone": {{"token": "123:hush", "chat_id": "1"}}}}}}}}"#
    );
    let config = parse(&text);
    let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
    assert!(!shown.contains("hush") && !shown.contains(SECRET));
}
