//! Encoders that fall silent without a word, at random moments, with all settings as they come.

use std::time::Duration;

use encoder_aja::simulator::{FaultKind, SimulatorConfig};
use encoder_core::ManagerConfig;
use encoder_core::model::StreamId;
use futures::future::try_join_all;
use tokio::time::Instant;

use super::started;
use crate::Outcome;
use crate::report::Spread;
use crate::rig::Rig;

/// The losses are spread over this time; several polls of each encoder fall into it.
const SPAN: Duration = Duration::from_secs(10);

/// The times from the loss of one encoder per stream to the start command at its backup.
pub(super) async fn measure(streams: u16) -> Outcome<Spread> {
    let rig = Rig::start(
        streams * 2,
        SimulatorConfig::fast(),
        ManagerConfig::default(),
    )
    .await?;
    let running = rig.start_streams(usize::from(streams)).await?;
    let losses = running.iter().map(|stream| lose(&rig, stream));
    let taken = try_join_all(losses).await?;
    rig.shutdown().await;
    Ok(Spread::of(&taken))
}

async fn lose(rig: &Rig, stream: &StreamId) -> Outcome<Duration> {
    tokio::time::sleep(SPAN.mul_f64(rand::random())).await;
    let view = rig.protected(stream).await?;
    let backup = view.backup.encoder_id.ok_or("a ready backup has a name")?;
    let lost = Instant::now();
    let media_continues = false;
    let primary = rig.device(&view.record.primary.encoder_id);
    primary.inject(FaultKind::NetworkSilence { media_continues });
    started(rig.device(&backup), lost).await
}
