//! The server at a glance, for the health and monitoring routes.

use std::collections::BTreeMap;

use encoder_core::model::StreamCondition;
use encoder_core::store::Key;

use crate::state::AppState;
use crate::system::SystemFigures;
use crate::wire::ComponentDto;

/// One word for everything: whether the server is ready, and how the worst stream is doing.
pub(crate) fn word(state: &AppState) -> &'static str {
    if !state.is_ready() {
        return "not_ready";
    }
    let streams = state.manager().streams().into_iter();
    let active = streams.filter(|view| view.record.state.is_active());
    let conditions: Vec<_> = active.map(|view| view.health.status).collect();
    let any = |condition| conditions.contains(&condition);
    if any(StreamCondition::Failed) || any(StreamCondition::Failing) {
        "critical"
    } else if any(StreamCondition::Degraded) {
        "degraded"
    } else {
        "healthy"
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
