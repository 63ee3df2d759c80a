//! Real media: ffmpeg publishes to an nginx of the test's own.

use std::path::Path;
use std::time::Duration;

use encoder_core::IngestWitness;
use encoder_core::model::{PublishTarget, Secret};
use encoder_ffmpeg::process;
use encoder_ffmpeg::publish::Publish;
use encoder_ffmpeg::version::Version;
use encoder_server::ingest::{LocalIngest, LocalIngestOptions, NginxRtmp};
use tokio::process::{Child, Command};

/// An ingest that asks nobody.
pub(crate) async fn ingest() -> LocalIngest {
    ingest_with(LocalIngestOptions::new()).await
}

/// These tests need nginx, its RTMP module and ffmpeg; `.ci/tools` says how to get them.
pub(crate) async fn ingest_with(options: LocalIngestOptions) -> LocalIngest {
    LocalIngest::start(&options)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn witness(ingest: &LocalIngest) -> NginxRtmp {
    NginxRtmp::new(ingest.witness_config()).unwrap()
}

pub(crate) fn target(ingest: &LocalIngest, key: &str) -> PublishTarget {
    PublishTarget {
        url: ingest.rtmp_url("live"),
        stream_key: Secret::from(key),
    }
}

/// Somebody who publishes a small picture with a key frame each second, without telling the key to
/// the list of processes. Ends when dropped.
pub(crate) struct Publisher {
    child: Child,
    _publish: Publish,
}

impl Publisher {
    pub(crate) async fn start(target: &PublishTarget) -> Self {
        let version = Version::of(Path::new("ffmpeg")).await;
        let version = version.unwrap_or_else(|error| panic!("ffmpeg is needed: {error}"));
        let publish = Publish::try_new(target, &version).unwrap();
        let mut command = Command::new("ffmpeg");
        command
            .args(["-hide_banner", "-nostdin", "-loglevel", "quiet", "-re"])
            .args(["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=10"])
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1"])
            .args(["-g", "10", "-b:v", "1M", "-pix_fmt", "yuv420p"]);
        publish.add_to(&mut command);
        let child = process::spawn(command).await;
        let child = child.unwrap_or_else(|error| panic!("ffmpeg is needed: {error}"));
        Self {
            child,
            _publish: publish,
        }
    }

    /// Whether it was turned away, within some seconds.
    pub(crate) async fn is_turned_away(&mut self) -> bool {
        let ended = tokio::time::timeout(Duration::from_secs(10), self.child.wait());
        ended.await.is_ok_and(|ended| !ended.unwrap().success())
    }

    /// Halts it with its connection open, as a device that hangs.
    pub(crate) fn pause(&self) {
        process::pause(&self.child).unwrap();
    }

    pub(crate) async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Waits until media of the target arrives, or none does any more.
pub(crate) async fn until_seen(witness: &NginxRtmp, target: &PublishTarget, wanted: bool) {
    for _ in 0..200 {
        let seen = witness.look().await.unwrap();
        let mut of_it = seen.iter().filter(|seen| seen.target == *target);
        if of_it.any(|seen| seen.bytes_in > Some(0)) == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("seen at the ingest within ten seconds: not {wanted}");
}

/// Whether a process of that id is there, dead and not waited for included.
pub(crate) fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}
