//! The server at a glance, for the health and monitoring routes.

use std::collections::BTreeMap;

use encoder_core::model::{Alert, AlertState, Severity};
use encoder_core::store::Key;

use crate::state::AppState;
use crate::system::{ProcessFigures, SystemFigures};
use crate::wire::ComponentDto;

/// Alerts that are not resolved.
pub(crate) fn active_alerts(state: &AppState) -> Vec<Alert> {
    let mut alerts = state.manager().alerts();
    alerts.retain(|alert| alert.state != AlertState::Resolved);
    alerts
}

/// One word for everything: whether the server is ready, and the worst alert that holds.
pub(crate) fn word(state: &AppState) -> &'static str {
    if !state.is_ready() {
        return "not_ready";
    }
    let alerts = active_alerts(state);
    match alerts.iter().map(|alert| alert.severity).max() {
        Some(Severity::Critical) => "critical",
        Some(Severity::Warning) => "degraded",
        _ => "healthy",
    }
}

/// The parts of the server, each asked now.
pub(crate) async fn components(state: &AppState) -> BTreeMap<String, ComponentDto> {
    let probe = Key::try_new("probe").expect("a word is a key");
    let store = state.manager().store().get(&probe).await.is_ok();
    let accepting = !state.tasks().token().is_cancelled();
    [
        ("store", store),
        ("manager", state.manager().is_ready()),
        ("server", accepting),
    ]
    .map(|(name, works)| (name.to_owned(), ComponentDto::working(works)))
    .into()
}

/// The machine's figures; reading them blocks shortly, so it happens off the async threads.
pub(crate) async fn system(state: &AppState) -> SystemFigures {
    let state = state.clone();
    let read = tokio::task::spawn_blocking(move || state.system().read()).await;
    read.unwrap_or_default()
}

/// Lets the manager record the process's figures at each interval. Those that the system does not
/// tell are left out.
pub(crate) async fn record_process(state: AppState) {
    let mut ticks = tokio::time::interval(state.manager().config().series.interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let figures = process(&state).await.recorded();
        state.manager().record_figures(&figures);
    }
}

/// The process's figures; read like the machine's.
pub(crate) async fn process(state: &AppState) -> ProcessFigures {
    let state = state.clone();
    let read = tokio::task::spawn_blocking(move || state.process().read()).await;
    read.unwrap_or_default()
}
