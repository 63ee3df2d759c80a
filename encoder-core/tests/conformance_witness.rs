//! The fake witness keeps the contract of `IngestWitness` itself, whatever it can tell.

use std::sync::Arc;
use std::time::Duration;

use encoder_core::model::Personality;
use encoder_core::testkit::witness::WitnessUnderTest;
use encoder_core::testkit::{FakeEncoder, FakeIngest, FakeWitness, sample_config, sample_target};
use encoder_core::{EncoderDriver, witness_conformance};

const PREFIX: &str = "rtmp://";

fn under_test(adapt: impl FnOnce(FakeWitness) -> FakeWitness) -> WitnessUnderTest {
    let ingest = FakeIngest::new(Personality::Reject);
    let witness = adapt(FakeWitness::new("ingest", &ingest).covering(PREFIX));
    let encoder = FakeEncoder::new("enc-1")
        .with_start_delay(Duration::ZERO)
        .with_stop_delay(Duration::ZERO)
        .with_ingest(&ingest);
    let (publisher, leaver, dying) = (encoder.clone(), encoder, witness.clone());
    WitnessUnderTest::new(Arc::new(witness), sample_target())
        .with_elsewhere("srt://ingest.example/live")
        .with_publish(move || publish(publisher.clone()))
        .with_leave(move || leave(leaver.clone()))
        .with_kill(move || {
            dying.set_failing(true);
            std::future::ready(())
        })
}

async fn publish(encoder: FakeEncoder) {
    let configured = encoder.configure(&sample_config(), &sample_target()).await;
    configured.expect("an idle device takes settings");
    encoder.start().await.expect("an idle device starts");
}

async fn leave(encoder: FakeEncoder) {
    encoder.stop().await.expect("a device stops");
}

async fn complete() -> WitnessUnderTest {
    under_test(|witness| witness)
}

/// Tells of streams, and of nothing else.
async fn bare() -> WitnessUnderTest {
    under_test(|witness| witness.without_bytes().without_publishers().without_drop())
}

witness_conformance!(
    #[tokio::test(start_paused = true)]
    fake_witness,
    complete
);
witness_conformance!(
    #[tokio::test(start_paused = true)]
    bare_fake_witness,
    bare
);
