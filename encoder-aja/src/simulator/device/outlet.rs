//! How streams leave a device: to a real destination, to a simulated ingest, or nowhere.

use std::time::Duration;

use tokio::time::Instant;

#[cfg(feature = "media")]
use super::power::Power;
use super::state::State;
use crate::simulator::ingest::{self, Place};
#[cfg(feature = "media")]
use crate::simulator::media::{PictureFaults, Transmission, Uplink};
use crate::simulator::standing::Standing;

/// What a device has to send with.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Outlet {
    #[cfg(feature = "media")]
    pub(in crate::simulator) uplink: Option<Uplink>,
}

/// A device's hold on its destination. It ends by [`stop`](Self::stop) or
/// [`vanish`](Self::vanish).
#[derive(Debug)]
pub(super) enum Publication {
    /// Accepted by nobody in particular.
    Nowhere,
    Simulated(ingest::Publication),
    #[cfg(feature = "media")]
    Media(Transmission),
}

impl Publication {
    pub(super) fn standing(&self) -> Standing {
        match self {
            Self::Simulated(publication) if publication.is_dropped() => Standing::Lost {
                unknown_name: false,
            },
            Self::Nowhere | Self::Simulated(_) => Standing::OnAir { slow: false },
            #[cfg(feature = "media")]
            Self::Media(transmission) => transmission.standing(),
        }
    }

    /// Whether its destination answers later.
    pub(super) fn takes_time(&self) -> bool {
        match self {
            Self::Nowhere | Self::Simulated(_) => false,
            #[cfg(feature = "media")]
            Self::Media(_) => true,
        }
    }

    /// Ends it properly.
    pub(super) fn stop(self, now: Instant) {
        match self {
            Self::Nowhere => {}
            Self::Simulated(publication) => publication.stop(now),
            #[cfg(feature = "media")]
            Self::Media(transmission) => transmission.stop(),
        }
    }

    /// Ends it without a word.
    pub(super) fn vanish(self, now: Instant) {
        match self {
            Self::Nowhere => {}
            Self::Simulated(publication) => publication.vanish(now),
            #[cfg(feature = "media")]
            Self::Media(transmission) => transmission.vanish(),
        }
    }
}

impl State {
    /// Sends the stream on its way; `None` is a refusal.
    pub(super) fn send_to(&self, place: Place, now: Instant) -> Option<Publication> {
        #[cfg(feature = "media")]
        if let Some(uplink) = self.outlet.uplink.as_ref().filter(|_| self.pushes_rtmp()) {
            let name = self.values.get("SystemName").to_owned();
            let transmission = uplink.publish(place, self.encoding(), name, &self.wake);
            return Some(Publication::Media(transmission));
        }
        match &self.config.ingest {
            Some(ingest) => ingest
                .publish(place, now, &self.wake)
                .map(Publication::Simulated),
            None => Some(Publication::Nowhere),
        }
    }
}

#[cfg(feature = "media")]
impl State {
    fn pushes_rtmp(&self) -> bool {
        self.values.get("StreamType") == "0"
    }

    /// How long a destination may take to answer.
    pub(super) fn start_patience(&self) -> Duration {
        let uplink = self.outlet.uplink.as_ref();
        uplink.map_or(Duration::ZERO, |uplink| uplink.config().start_patience)
    }

    /// Applies the faults of the picture to what is sent.
    pub(super) fn bend_picture(&self) {
        use crate::simulator::faults::FaultKind;
        let Some(uplink) = &self.outlet.uplink else {
            return;
        };
        let dropping = self.faults.kinds().find_map(|kind| match kind {
            FaultKind::DropPictures { one_in } => Some(*one_in),
            _ => None,
        });
        uplink.set_faults(PictureFaults {
            stall: self.faults.has(&FaultKind::Stall),
            freeze: self.faults.has(&FaultKind::Freeze),
            black: self.faults.has(&FaultKind::Black),
            drop_one_in: dropping,
        });
    }

    /// Ends the connection to the destination.
    pub(super) fn cut_connection(&self) {
        if let Some(uplink) = &self.outlet.uplink {
            uplink.cut();
        }
    }

    /// Lets go of what a vanished unit left open, once it is back on the network.
    pub(super) fn release_vanished(&mut self) {
        let away = matches!(self.power, Power::Silent { .. } | Power::Off);
        if self.stream.vanished && !away && !self.media_link_is_down() {
            self.stream.vanished = false;
            if let Some(uplink) = &self.outlet.uplink {
                uplink.release();
            }
        }
    }
}

/// Without real media there is no picture to bend and no connection.
#[cfg(not(feature = "media"))]
#[expect(clippy::unused_self, reason = "the same calls as with real media")]
impl State {
    pub(super) fn start_patience(&self) -> Duration {
        Duration::ZERO
    }

    pub(super) fn bend_picture(&self) {}

    pub(super) fn cut_connection(&self) {}

    pub(super) fn release_vanished(&mut self) {
        self.stream.vanished = false;
    }
}
