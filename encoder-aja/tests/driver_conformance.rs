//! The contract of every driver, held by the HELO driver in front of simulated devices that
//! answer the open questions differently.

#![allow(clippy::unwrap_used, reason = "a failing step fails its test")]

mod driver_support;

use std::sync::Arc;

use driver_support::{device, driver_with_password, quick, settings, target};
use encoder_aja::AjaConfig;
use encoder_aja::simulator::{
    Assumptions, FaultKind, SecretReadback, SetBody, SimulatorConfig, UnknownConnection,
    UnknownParameterReply,
};
use encoder_core::driver_conformance;
use encoder_core::testkit::driver::DriverUnderTest;

async fn under_test(
    simulated: SimulatorConfig,
    config: AjaConfig,
    cut_off: FaultKind,
) -> DriverUnderTest {
    let helo = Arc::new(device(simulated).await);
    let driver = driver_with_password(&helo, config, Some("studio"));
    let inject = |kind: FaultKind| {
        let helo = Arc::clone(&helo);
        move || {
            helo.inject(kind.clone());
            std::future::ready(())
        }
    };
    let (cut_off, ignored) = (inject(cut_off), inject(FaultKind::SetNotApplied));
    let broken = inject(FaultKind::ExpireConnections);
    DriverUnderTest::new(Arc::new(driver), settings(), target(), cut_off)
        .with_ignored_writes(ignored)
        .with_broken_feed(broken)
        .keeping(helo)
}

async fn helo() -> DriverUnderTest {
    let silence = FaultKind::NetworkSilence {
        media_continues: true,
    };
    under_test(SimulatorConfig::fast(), quick(), silence).await
}

async fn helo_with_password() -> DriverUnderTest {
    let simulated = SimulatorConfig::fast().with_password("studio");
    under_test(simulated, quick(), FaultKind::RefuseConnections).await
}

/// Masks keys, sends no snapshot, and answers oddly wherever that is conceivable.
async fn odd_helo() -> DriverUnderTest {
    let mut odd = Assumptions::default();
    odd.content_type = "text/html".to_owned();
    odd.connect_snapshot = false;
    odd.unknown_connection = UnknownConnection::EmptyArray;
    odd.unknown_parameter = UnknownParameterReply::NotFound;
    odd.set_body = SetBody::Nothing;
    odd.secret_readback = SecretReadback::Masked;
    odd.numbered_write_reaches_working_copy = true;
    odd.command_self_clears = false;
    odd.services_element = true;
    odd.duration_kept_after_stop = true;
    let simulated = SimulatorConfig::fast().with_assumptions(odd);
    under_test(simulated, quick(), FaultKind::RefuseConnections).await
}

async fn unheard_helo() -> DriverUnderTest {
    let mut config = quick();
    config.events = false;
    config.stop_when_idle = false;
    under_test(SimulatorConfig::fast(), config, FaultKind::Hang).await
}

driver_conformance!(simulated_helo, helo);
driver_conformance!(simulated_helo_with_password, helo_with_password);
driver_conformance!(odd_simulated_helo, odd_helo);
driver_conformance!(simulated_helo_without_events, unheard_helo);
