//! Lets a program such as certbot renew the certificate.

use std::path::Path;
use std::process::{Output, Stdio};

use encoder_core::model::Secret;
use tokio::process::Command;

use super::acme::one_line;
use super::pair::Pair;
use crate::config::CertbotConfig;

/// Settings of this server in the environment, which may hold secrets.
const OURS: &str = "ENCODER_MANAGER";

/// Runs the program, without a shell, and takes what its deploy hook leaves in a folder that only
/// this user can read. The error is one line. Cancellation ends the program.
pub(super) async fn renew(config: &CertbotConfig) -> Result<Pair, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no folder for it: {error}"))?;
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    let output = run(config, &certificate, &key).await?;
    let said = || last_line(&output);
    if !output.status.success() {
        return Err(format!("it ended with {}: {}", output.status, said()));
    }
    let read = |path: &Path| std::fs::read_to_string(path);
    match (read(&certificate), read(&key)) {
        (Ok(certificates), Ok(key)) => Ok(Pair {
            certificates,
            key: Secret::new(key),
        }),
        _ => Err(format!("its deploy hook left no certificate: {}", said())),
    }
}

async fn run(config: &CertbotConfig, certificate: &Path, key: &Path) -> Result<Output, String> {
    let Some((program, arguments)) = config.command.split_first() else {
        return Err("no program is configured".to_owned());
    };
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(OURS) {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .env("RENEWED_CERTIFICATE", certificate)
        .env("RENEWED_KEY", key)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let seconds = config.timeout.as_secs_f64();
    match tokio::time::timeout(config.timeout, command.output()).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(format!("`{program}` cannot be run: {error}")),
        Err(_) => Err(format!("it did not end within {seconds} s")),
    }
}

/// What it said last, to standard error or else to standard output.
fn last_line(output: &Output) -> String {
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let line = text.lines().rev().find(|line| !line.trim().is_empty());
        line.map(one_line)
    };
    let line = last(&output.stderr).or_else(|| last(&output.stdout));
    line.unwrap_or_else(|| "it said nothing".to_owned())
}
