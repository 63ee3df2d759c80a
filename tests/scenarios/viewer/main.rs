//! Failover as a viewer sees it: real video, a real ingest, and players that count pictures.
//!
//! The figures themselves belong to `encoder-benches -- viewer`. Here each case must end as it
//! should, and cost the viewer no more than its parts add up to.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

use std::time::Duration;

use encoder_aja::simulator::SimulatorConfig;
use encoder_tests::Setup;
use encoder_tests::broadcast::case::{Blow, Guard, Measured, measure};
use encoder_tests::broadcast::{GOP, Stage, sending};

mod after;

/// What a busy machine may add to a gap.
const SLACK: Duration = Duration::from_millis(1500);

/// Devices that are quick, and a manager that is quick to notice.
fn stage() -> Stage {
    let quick = Setup::quick(3, encoder_core::model::Personality::Takeover);
    Stage {
        encoders: 3,
        device: sending(SimulatorConfig::fast()),
        manager: quick.config,
        aja: quick.aja,
    }
}

async fn strike(guard: Guard, blow: Blow) -> Measured {
    let measured = measure(stage(), guard, blow).await.unwrap();
    assert!(measured.failover.succeeded, "{measured:#?}");
    assert!(measured.viewer.first_after.is_some(), "{measured:#?}");
    let parts = measured.manager() + measured.device();
    assert!(measured.viewer.gap <= parts + GOP + SLACK, "{measured:#?}");
    measured
}

/// A test for every blow under one protection, each with what must hold beside the rest.
macro_rules! blows {
    ($guard:ident, $module:ident, $holds:expr) => {
        mod $module {
            use super::*;

            async fn strike_and_check(blow: Blow) {
                let measured = strike(Guard::$guard, blow).await;
                let holds: fn(Blow, &Measured) -> bool = $holds;
                assert!(holds(blow, &measured), "{blow:?} {measured:#?}");
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn encoder_is_killed() {
                strike_and_check(Blow::Killed).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn encoder_hangs() {
                strike_and_check(Blow::Hung).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn connection_is_cut() {
                strike_and_check(Blow::Cut).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn stream_fails() {
                strike_and_check(Blow::Failing).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn nothing_comes_from_an_encoder_that_claims_to_stream() {
                strike_and_check(Blow::Stalled).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn hand_over_is_planned() {
                strike_and_check(Blow::Planned).await;
            }
        }
    };
}

/// A healthy encoder stays on air until its replacement streams, so that a viewer misses next to
/// nothing: the newcomer begins with a key frame.
fn smooth_when_planned(blow: Blow, measured: &Measured) -> bool {
    blow != Blow::Planned || measured.viewer.lost_pictures <= 2
}

// Both publish all the time: whoever can play either address misses nothing.
blows!(Hot, hot, |_, measured| measured.viewer.lost_pictures <= 1);

blows!(WarmTakeover, warm_takeover, smooth_when_planned);

// The old encoder is gone from the ingest before the new one comes, whatever became of it; the
// ingest's idle timeout of ten seconds is never waited for.
blows!(WarmReject, warm_reject, |_, measured| {
    measured.device() < Duration::from_secs(9)
});

blows!(WarmSeparate, warm_separate, |blow, measured| {
    blow != Blow::Planned || measured.viewer.lost_pictures == 0
});

blows!(Cold, cold, smooth_when_planned);
