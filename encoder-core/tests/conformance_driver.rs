//! The doubles in the testkit keep the contract of `EncoderDriver` themselves.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use encoder_core::driver_conformance;
use encoder_core::model::Personality;
use encoder_core::testkit::driver::DriverUnderTest;
use encoder_core::testkit::{FakeEncoder, FakeIngest, FaultyDriver, sample_config, sample_target};
use encoder_core::{Capability, EncoderDriver};

fn under_test(driver: Arc<dyn EncoderDriver>, device: &FakeEncoder) -> DriverUnderTest {
    let cut_off = hook(device, FakeEncoder::go_silent);
    DriverUnderTest::new(driver, sample_config(), sample_target(), cut_off)
        .with_ignored_writes(hook(device, FakeEncoder::ignore_configure))
        .with_broken_feed(hook(device, FakeEncoder::break_feed))
}

fn hook(device: &FakeEncoder, act: fn(&FakeEncoder)) -> impl Fn() -> Ready<()> + use<> {
    let device = device.clone();
    move || {
        act(&device);
        ready(())
    }
}

/// Answers at once.
async fn immediate() -> DriverUnderTest {
    let device = FakeEncoder::new("immediate");
    under_test(device.driver(), &device)
}

/// Takes time for every answer, and publishes to an ingest.
async fn slow() -> DriverUnderTest {
    let ingest = FakeIngest::new(Personality::Reject);
    let device = FakeEncoder::new("slow")
        .with_latency(Duration::from_millis(7))
        .with_start_delay(Duration::from_secs(3))
        .with_ingest(&ingest);
    under_test(device.driver(), &device)
}

/// Can and tells nothing that is optional.
async fn bare() -> DriverUnderTest {
    let device = FakeEncoder::new("bare").with_capability(|can| *can = Capability::default());
    device.set_readings(|status| {
        status.system.cpu_percent = Some(12.0);
        status.output.dropped_frames = Some(3);
    });
    under_test(device.driver(), &device)
}

/// No fault is injected.
async fn faultless() -> DriverUnderTest {
    let device = FakeEncoder::new("faultless");
    let driver = FaultyDriver::new(Arc::new(device.clone()));
    under_test(Arc::new(driver), &device)
}

/// On the real clock.
async fn in_real_time() -> DriverUnderTest {
    let device = FakeEncoder::new("real")
        .with_start_delay(Duration::from_millis(30))
        .with_stop_delay(Duration::from_millis(10))
        .with_call_timeout(Duration::from_millis(50));
    under_test(device.driver(), &device)
}

driver_conformance!(
    #[tokio::test(start_paused = true)]
    fake_encoder,
    immediate
);
driver_conformance!(
    #[tokio::test(start_paused = true)]
    slow_fake_encoder,
    slow
);
driver_conformance!(
    #[tokio::test(start_paused = true)]
    bare_fake_encoder,
    bare
);
driver_conformance!(
    #[tokio::test(start_paused = true)]
    faultless_driver,
    faultless
);
driver_conformance!(fake_encoder_in_real_time, in_real_time);
