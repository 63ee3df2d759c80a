//! What goes wrong, under which protection, and what a viewer saw of it.

use std::time::{Duration, Instant};

use encoder_aja::simulator::{Fault, FaultKind};
use encoder_core::model::{
    FailoverPhase, FailoverRequest, FailoverSummary, Interruption as Witnessed, Personality,
    Protection, StreamId, StreamState,
};
use encoder_ffmpeg::viewer::Interruption;

use super::{Broadcast, Outcome, Stage, number_of};

/// How a stream is protected, and what its ingest does with a second publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Both publish, each to its own address.
    Hot,
    /// The backup is staged, and the ingest lets it take over.
    WarmTakeover,
    /// The backup is staged, and the ingest refuses it while the old one is there.
    WarmReject,
    /// The backup is staged, and has an address of its own.
    WarmSeparate,
    /// No backup until it is needed; the ingest lets it take over.
    Cold,
}

/// What happens to the encoder on air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// It ends, and its connections with it.
    Killed,
    /// It goes on existing and says nothing to anybody, its connections stay.
    Hung,
    /// Its connection to the ingest is cut.
    Cut,
    /// It reports that its stream fails.
    Failing,
    /// It reports that it streams, its connections stay, and nothing comes.
    Stalled,
    /// Nothing; somebody asks for the move.
    Planned,
}

impl Guard {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Hot,
        Self::WarmTakeover,
        Self::WarmReject,
        Self::WarmSeparate,
        Self::Cold,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::WarmTakeover => "warm, takeover",
            Self::WarmReject => "warm, reject",
            Self::WarmSeparate => "warm, separate",
            Self::Cold => "cold, takeover",
        }
    }

    const fn protection(self) -> Protection {
        match self {
            Self::Hot => Protection::Hot,
            Self::WarmTakeover | Self::WarmReject | Self::WarmSeparate => Protection::Warm,
            Self::Cold => Protection::Cold,
        }
    }

    const fn personality(self) -> Personality {
        match self {
            Self::Hot | Self::WarmSeparate => Personality::Separate,
            Self::WarmTakeover | Self::Cold => Personality::Takeover,
            Self::WarmReject => Personality::Reject,
        }
    }
}

impl Blow {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Killed,
        Self::Hung,
        Self::Cut,
        Self::Failing,
        Self::Stalled,
        Self::Planned,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Hung => "hung",
            Self::Cut => "connection cut",
            Self::Failing => "stream failing",
            Self::Stalled => "sends nothing",
            Self::Planned => "planned",
        }
    }
}

/// What was measured of one move.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What the viewer saw.
    pub viewer: Interruption,
    /// What the manager did.
    pub failover: FailoverSummary,
    /// What the ingest's statistics told, when they told in time.
    pub witnessed: Option<Witnessed>,
}

impl Measured {
    /// Milliseconds of one phase.
    #[must_use]
    pub fn phase(&self, phase: FailoverPhase) -> Duration {
        let timings = self.failover.timings.iter();
        timings
            .filter(|timing| timing.phase == phase)
            .map(|timing| timing.elapsed)
            .sum()
    }

    /// What the manager owns: noticing, deciding and commanding.
    #[must_use]
    pub fn manager(&self) -> Duration {
        use FailoverPhase::{Decide, Detect, Start};
        [Detect, Decide, Start]
            .map(|phase| self.phase(phase))
            .iter()
            .sum()
    }

    /// What devices and ingest own: stopping the old encoder, where the order asks for it, and the
    /// new one's start.
    #[must_use]
    pub fn device(&self) -> Duration {
        self.phase(FailoverPhase::Fence) + self.phase(FailoverPhase::Confirm)
    }
}

/// Brings a stream on air, strikes its encoder, and measures.
///
/// # Errors
/// When the stream does not come back.
pub async fn measure(stage: Stage, guard: Guard, blow: Blow) -> Outcome<Measured> {
    let mut broadcast = Broadcast::open(stage).await?;
    let result = strike_and_watch(&mut broadcast, guard, blow).await;
    broadcast.close().await?;
    result
}

async fn strike_and_watch(
    broadcast: &mut Broadcast,
    guard: Guard,
    blow: Blow,
) -> Outcome<Measured> {
    let stream = broadcast
        .live(guard.protection(), guard.personality())
        .await?;
    let audience = broadcast.audience().await?;
    audience.until_seen(1, 30).await?;
    let moment = Instant::now();
    strike(broadcast, &stream, blow).await?;
    let moved = |view: &encoder_core::model::StreamView| {
        view.record.state == StreamState::Live && view.record.primary.encoder_id != super::helo(1)
    };
    broadcast
        .until_stream(&stream, "live elsewhere", moved)
        .await?;
    let successor = broadcast.manager.stream(&stream)?.record.primary.encoder_id;
    audience.until_seen(number_of(&successor)?, 45).await?;
    let viewer = audience.seen().interruption(moment, 1);
    let told = |view: &encoder_core::model::StreamView| {
        let last = view.record.history.last();
        last.is_some_and(|last| last.interruption.is_some())
    };
    broadcast.until_stream(&stream, "witnessed", told).await?;
    let failover = broadcast.last_failover(&stream)?;
    Ok(Measured {
        viewer: viewer.ok_or("nothing was seen before")?,
        witnessed: failover.interruption,
        failover,
    })
}

async fn strike(broadcast: &mut Broadcast, stream: &StreamId, blow: Blow) -> Outcome<()> {
    let lasting = |kind| Fault::new(kind);
    match blow {
        Blow::Killed => broadcast.destroy(1),
        Blow::Hung => broadcast.nth(1).inject(lasting(FaultKind::NetworkSilence {
            media_continues: false,
        })),
        Blow::Cut => broadcast.nth(1).inject(FaultKind::CutConnection),
        Blow::Failing => broadcast.nth(1).inject(lasting(FaultKind::StreamFails)),
        Blow::Stalled => broadcast.nth(1).inject(lasting(FaultKind::Stall)),
        Blow::Planned => {
            let request = FailoverRequest::default();
            broadcast.manager.failover(stream, request).await?;
        }
    }
    Ok(())
}
