//! The contract of every driver, held by ffmpeg publishing to a real ingest.

mod support;

use std::sync::Arc;

use encoder_core::driver_conformance;
use encoder_core::testkit::driver::DriverUnderTest;
use encoder_ffmpeg::testkit::Nginx;
use support::{driver, ffmpeg, quick, small, to};

async fn encoder() -> DriverUnderTest {
    let nginx = Nginx::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join("ffmpeg");
    std::os::unix::fs::symlink(ffmpeg(), &link).expect("a link");
    let mut config = quick();
    config.path = link.clone();
    let driver = driver("testsrc:", config);
    let uninstall = move || {
        let link = link.clone();
        // Once is enough.
        async move { drop(std::fs::remove_file(link)) }
    };
    let target = to(&nginx, "conformance");
    DriverUnderTest::new(Arc::new(driver), small(), target, uninstall).keeping((nginx, folder))
}

driver_conformance!(ffmpeg_encoder, encoder);
