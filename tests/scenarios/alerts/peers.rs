//! Real receivers of alerts, as processes of their own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The program of that name; without it the test that asks is skipped, and says so.
pub(crate) fn program(name: &str, package: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file());
    if found.is_none() {
        eprintln!("skipped: no {name}; get it: apt-get install {package}");
    }
    found
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A process that ends with the test.
pub(crate) fn run(program: &Path, arguments: &[String], folder: &Path) -> Child {
    let log = std::fs::File::create(folder.join("peer.log")).expect("a file");
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file"))
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("the program runs")
}

/// What the process wrote.
pub(crate) fn log(folder: &TempDir) -> String {
    std::fs::read_to_string(folder.path().join("peer.log")).unwrap_or_default()
}
