//! Pictures of streams.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use encoder_server::config::ServerConfig;
use encoder_server::ingest::LocalIngest;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::bench::{Bench, good_stream, quiet, request};
use crate::media::{Publisher, ingest, target, until_seen, witness};

const KEY: &str = "key-that-nobody-may-see";

fn config(ingest: &LocalIngest) -> ServerConfig {
    let mut config = quiet();
    config.ingest.witness = Some(ingest.witness_config());
    config
}

/// A live stream whose encoder claims to publish there.
async fn stream(bench: &Bench, url: &str) -> String {
    let mut body = good_stream();
    body["destination"] = json!({"url": url, "stream_key": KEY});
    let answer = bench.post("/api/streams/init?wait=live", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let id = answer.json()["stream_id"].as_str().unwrap().to_owned();
    format!("/api/streams/{id}")
}

fn detail(problem: &Value) -> &str {
    problem["detail"].as_str().unwrap()
}

#[tokio::test(start_paused = true)]
async fn without_an_ingest_there_is_nothing_to_show() {
    let bench = Bench::new().await;
    let path = stream(&bench, "rtmp://ingest.example/live").await;
    let answer = bench.get(&format!("{path}/thumbnail")).await;
    let problem = answer.problem(404, "thumbnail_unavailable");
    assert!(detail(&problem).contains("ingest.witness.addresses"));

    bench.delete(&path).await;
    let answer = bench.get(&format!("{path}/thumbnail")).await;
    answer.problem(404, "stream_not_live");

    let answer = bench.get("/api/streams/str_none/thumbnail").await;
    answer.problem(404, "not_found");
    let closed = request("GET", &format!("{path}/thumbnail"), "", None);
    bench.send(closed).await.problem(401, "key_missing");
}

#[tokio::test]
async fn a_missing_ffmpeg_is_named() {
    let ingest = ingest().await;
    let mut config = config(&ingest);
    config.ingest.ffmpeg = PathBuf::from("/nowhere/ffmpeg");
    let bench = Bench::with(config, 1).await;
    let path = stream(&bench, &ingest.rtmp_url("live")).await;
    let answer = bench.get(&format!("{path}/thumbnail")).await;
    let problem = answer.problem(404, "thumbnail_unavailable");
    assert!(detail(&problem).contains("ingest.ffmpeg"));
    assert!(!answer.text.contains("nowhere"));
}

#[tokio::test]
async fn an_ingest_that_is_gone_plays_nothing() {
    let ingest = ingest().await;
    let bench = Bench::with(config(&ingest), 1).await;
    let path = stream(&bench, &ingest.rtmp_url("live")).await;
    ingest.shutdown().await;
    let answer = bench.get(&format!("{path}/thumbnail")).await;
    answer.problem(504, "device_unreachable");
    assert!(!answer.text.contains(KEY));
}

/// An ffmpeg that writes down how often it was started.
fn counting(folder: &Path) -> PathBuf {
    let program = folder.join("ffmpeg");
    let count = folder.join("count").display().to_string();
    std::fs::write(
        &program,
        format!("#!/bin/sh\necho x >> '{count}'\nexec ffmpeg \"$@\"\n"),
    )
    .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// The command lines of this machine that hold `text`.
fn command_lines(text: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(text))
        .collect()
}

/// Looks at the list of processes until told to stop: whether the program that takes the picture
/// was seen, and whose command lines showed the key.
fn watch_processes(stop: Arc<AtomicBool>) -> std::thread::JoinHandle<(bool, Vec<String>)> {
    std::thread::spawn(move || {
        let (mut capturing, mut leaks) = (false, Vec::new());
        while !stop.load(Ordering::SeqCst) {
            capturing |= !command_lines("image2pipe").is_empty();
            leaks.extend(command_lines(KEY));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        (capturing, leaks)
    })
}

async fn picture(bench: &Bench, path: &str) -> (axum::http::HeaderMap, Vec<u8>) {
    let request = request("GET", &format!("{path}/thumbnail"), &bench.read, None);
    let response = bench.app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(parts.status, 200, "{text}");
    (parts.headers, bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn several_who_ask_get_one_picture_of_the_ingest() {
    let ingest = ingest().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&ingest);
    config.ingest.ffmpeg = counting(folder.path());
    let bench = Bench::with(config, 1).await;
    let path = stream(&bench, &ingest.rtmp_url("live")).await;
    let publisher = Publisher::start(&target(&ingest, KEY)).await;
    until_seen(&witness(&ingest), &target(&ingest, KEY), true).await;

    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch_processes(Arc::clone(&stop));
    let (first, second) = tokio::join!(picture(&bench, &path), picture(&bench, &path));
    let third = picture(&bench, &path).await;
    stop.store(true, Ordering::SeqCst);
    let (capturing, leaks) = watching.join().unwrap();
    assert!(capturing, "the program was seen at work");
    assert_eq!(leaks, [""; 0]);

    let (headers, jpeg) = first;
    assert!(jpeg.starts_with(&[0xFF, 0xD8]) && jpeg.ends_with(&[0xFF, 0xD9]));
    assert_eq!(width(&jpeg), 640);
    assert_eq!(headers["content-type"], "image/jpeg");
    assert_eq!(headers["cache-control"], "private, max-age=5");
    assert!(headers["last-modified"].to_str().unwrap().ends_with("GMT"));
    assert!(headers.contains_key("age"));
    assert!(second.1 == jpeg && third.1 == jpeg);
    let count = std::fs::read_to_string(folder.path().join("count")).unwrap();
    assert_eq!(count, "x\n");
    publisher.stop().await;
}

/// From the JPEG's frame header.
fn width(jpeg: &[u8]) -> u16 {
    let mut at = 2;
    loop {
        let (marker, length) = (jpeg[at + 1], [jpeg[at + 2], jpeg[at + 3]]);
        if marker == 0xC0 {
            return u16::from_be_bytes([jpeg[at + 7], jpeg[at + 8]]);
        }
        at += 2 + usize::from(u16::from_be_bytes(length));
    }
}
