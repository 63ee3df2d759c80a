//! What the store acknowledged is there after `kill -9`.
#![cfg(all(feature = "sqlite", unix))]
#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use encoder_core::store::{Expect, Key, SqliteConfig, SqliteStore, StateStore};
use futures::future::join_all;

/// Names the file to the child.
const FILE: &str = "ENCODER_CORE_CRASH_TEST_FILE";
/// Acknowledgements to see before the kill.
const ENOUGH: usize = 400;
/// Writers of the child, so that commits hold several records.
const WRITERS: usize = 8;

fn key(writer: usize, number: usize) -> Key {
    Key::try_new(format!("w/{writer}/{number}")).unwrap()
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(SqliteConfig::new(path)).await.unwrap()
}

/// The child: writes until it is killed, and says what was acknowledged.
#[tokio::test]
#[ignore = "run as a child process by the test below"]
async fn child_writes_until_killed() {
    let path = std::env::var_os(FILE).expect("the parent names a file");
    let store = open(path.as_ref()).await;
    for number in 0.. {
        let names: Vec<_> = (0..WRITERS).map(|writer| key(writer, number)).collect();
        let value = number.to_string();
        let puts = names
            .iter()
            .map(|name| store.put(name, value.as_bytes(), Expect::Absent));
        for (name, result) in names.iter().zip(join_all(puts).await) {
            let revision = result.unwrap();
            println!("\nacknowledged {name} {} {value}", revision.0);
        }
        std::io::stdout().flush().unwrap();
    }
}

#[tokio::test]
async fn acknowledged_records_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let file = folder.path().join(format!("{round}.db"));
        let acknowledged = write_and_kill(&file);
        let store = open(&file).await;
        assert!(acknowledged.len() >= ENOUGH);
        for (name, revision, value) in acknowledged {
            let record = store.get(&Key::try_new(&name).unwrap()).await.unwrap();
            let record = record.unwrap_or_else(|| panic!("{name} was lost"));
            assert_eq!(record.value, value.as_bytes());
            assert_eq!(record.revision.0, revision);
        }
        store
            .put(&key(99, 0), b"goes on", Expect::Absent)
            .await
            .unwrap();
    }
}

/// Name, revision and value of everything the child said before it was killed.
fn write_and_kill(file: &Path) -> Vec<(String, u64, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "child_writes_until_killed",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let parse = |line: &str| {
        let mut words = line.strip_prefix("acknowledged ")?.split(' ');
        let name = words.next()?.to_owned();
        Some((name, words.next()?.parse().ok()?, words.next()?.to_owned()))
    };
    while acknowledged.len() < ENOUGH {
        let line = lines.next().expect("the child ended by itself").unwrap();
        acknowledged.extend(parse(&line));
    }
    // SIGKILL: nothing in the child can tidy up.
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest: Vec<_> = lines.map_while(Result::ok).collect();
    // The last line may be cut short.
    rest.pop();
    acknowledged.extend(rest.iter().filter_map(|line| parse(line)));
    acknowledged
}
