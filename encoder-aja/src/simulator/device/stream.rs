//! The streaming half of the replicator.

use tokio::time::Instant;

use super::outlet::Publication;
use super::state::State;
use crate::simulator::assumptions::StartWithoutInput;
use crate::simulator::faults::FaultKind;
use crate::simulator::ingest::Place;
use crate::simulator::standing::Standing;

/// Where the stream stands. What the device shows is coarser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum StreamPhase {
    #[default]
    Uninitialised,
    Idle,
    Starting {
        due: Instant,
    },
    /// The destination has not taken the stream yet.
    Connecting {
        /// When the device gives up.
        due: Instant,
        /// Whether this is an attempt to recover.
        again: bool,
    },
    Streaming,
    Stopping {
        due: Instant,
    },
    FailedIdle,
    Failing {
        retry: Option<Instant>,
    },
    Shutdown,
}

#[derive(Debug, Default)]
pub(super) struct StreamUnit {
    pub(super) phase: StreamPhase,
    pub(super) since: Option<Instant>,
    /// Whether the network takes less than the stream has.
    pub(super) slow: bool,
    /// Whether the last attempt found no such name.
    unknown_name: bool,
    /// Whether a connection was left open without a word.
    pub(super) vanished: bool,
    publication: Option<Publication>,
}

impl StreamUnit {
    /// What the network makes the device complain about.
    pub(super) fn network_alarms(&self) -> impl Iterator<Item = &'static str> {
        let slow = ["Network_Too_Slow_Alarm", "Dropped_Frames_Alarm"];
        let slow = slow.into_iter().filter(|_| self.slow);
        slow.chain(self.unknown_name.then_some("NetworkNameNotFoundAlarm"))
    }
}

/// Where the working copy points.
struct Target {
    url: String,
    key: String,
}

impl State {
    pub(super) fn start_stream(&mut self, now: Instant) {
        let at_rest = matches!(
            self.stream.phase,
            StreamPhase::Idle | StreamPhase::FailedIdle
        );
        if at_rest && !self.serves_files() {
            let due = now + self.config.timing.stream_start;
            self.stream.phase = StreamPhase::Starting { due };
            self.stream.unknown_name = false;
            self.set_alarm("StreamingFailedAlarm", false);
            self.show_stream_state(1);
        }
    }

    pub(super) fn stop_stream(&mut self, now: Instant) {
        let under_way = matches!(
            self.stream.phase,
            StreamPhase::Starting { .. }
                | StreamPhase::Connecting { .. }
                | StreamPhase::Streaming
                | StreamPhase::Failing { .. }
        );
        if self.stream.phase == StreamPhase::FailedIdle {
            self.rest_stream(now);
        } else if under_way && !self.faults.strike(&FaultKind::StopNeverStops) {
            let due = now + self.config.timing.stream_stop;
            self.stream.phase = StreamPhase::Stopping { due };
        }
    }

    /// The start delay is over.
    pub(super) fn finish_start(&mut self, at: Instant) {
        if self.faults.strike(&FaultKind::StreamNeverStarts) {
            self.stream.phase = StreamPhase::Idle;
        } else {
            self.attempt(at, false);
        }
    }

    /// The destination took too long, or cannot be reached any more.
    pub(super) fn give_up_stream(&mut self, at: Instant) {
        self.lose_publication(at);
        self.fail_attempt(at);
    }

    /// Goes for the destination, which may take a while to answer.
    fn attempt(&mut self, at: Instant, again: bool) {
        let due = at + self.start_patience();
        self.stream.phase = StreamPhase::Connecting { due, again };
        if !self.publish(at) {
            self.fail_attempt(at);
        } else if !self.is_awaited() {
            self.go_live(at);
        }
    }

    /// Whether the destination has yet to answer.
    fn is_awaited(&self) -> bool {
        let publication = self.stream.publication.as_ref();
        publication.is_some_and(Publication::takes_time)
    }

    fn fail_attempt(&mut self, at: Instant) {
        match self.stream.phase {
            StreamPhase::Connecting { again: true, .. } => {
                self.stream.phase = StreamPhase::Failing { retry: None };
                self.plan_recovery(at);
            }
            StreamPhase::Connecting { again: false, .. } => {
                self.stream.phase = StreamPhase::FailedIdle;
                self.set_alarm("StreamingFailedAlarm", true);
                self.show_stream_state(3);
            }
            _ => {}
        }
    }

    /// The stream is over, as asked.
    pub(super) fn rest_stream(&mut self, at: Instant) {
        if let Some(publication) = self.stream.publication.take() {
            publication.stop(at);
        }
        self.stream.phase = StreamPhase::Idle;
        self.stream.unknown_name = false;
        self.end_stream_readings();
        self.set_alarm("StreamingFailedAlarm", false);
        self.show_stream_state(1);
    }

    /// The stream fails while it runs.
    pub(super) fn fail_stream(&mut self, at: Instant) {
        if self.stream.phase == StreamPhase::Streaming {
            self.lose_publication(at);
            self.end_stream_readings();
            self.set_alarm("StreamingFailedAlarm", true);
            self.show_stream_state(4);
            self.stream.phase = StreamPhase::Failing { retry: None };
            self.plan_recovery(at);
        }
    }

    /// Plans the next attempt of a failing stream, if the device is set to recover.
    pub(super) fn plan_recovery(&mut self, at: Instant) {
        if let StreamPhase::Failing { retry } = &mut self.stream.phase {
            let recover = self.config.timing.recover;
            *retry = (self.values.get("AutoRecoverStreaming") == "1").then(|| at + recover);
        }
    }

    pub(super) fn retry_stream(&mut self, at: Instant) {
        self.attempt(at, true);
    }

    /// Notices what has become of the stream at its destination.
    pub(super) fn follow_publication(&mut self, now: Instant) {
        let Some(publication) = &self.stream.publication else {
            return;
        };
        match publication.standing() {
            Standing::Connecting => {}
            Standing::OnAir { slow } => {
                self.stream.slow = slow;
                if matches!(self.stream.phase, StreamPhase::Connecting { .. }) {
                    self.go_live(now);
                }
            }
            Standing::Lost { unknown_name } => {
                self.stream.publication = None;
                self.stream.unknown_name = unknown_name;
                self.fail_stream(now);
                self.fail_attempt(now);
            }
        }
    }

    /// Ends the stream without a word, as a power cut does.
    pub(super) fn cut_stream(&mut self, at: Instant, phase: StreamPhase) {
        if let Some(publication) = self.stream.publication.take() {
            self.stream.vanished = true;
            publication.vanish(at);
        }
        self.stream.phase = phase;
        self.end_stream_readings();
    }

    fn lose_publication(&mut self, at: Instant) {
        let Some(publication) = self.stream.publication.take() else {
            return;
        };
        match self.media_link_is_down() {
            true => {
                self.stream.vanished = true;
                publication.vanish(at);
            }
            false => publication.stop(at),
        }
    }

    fn go_live(&mut self, at: Instant) {
        self.stream.phase = StreamPhase::Streaming;
        self.stream.since = Some(at);
        self.stream.unknown_name = false;
        self.set_alarm("StreamingFailedAlarm", false);
        let uri = self
            .target()
            .map_or_else(String::new, |target| self.shown_uri(&target));
        self.values.show("Encoder2StreamURI", uri);
        self.describe_stream();
        self.show_stream_state(2);
    }

    /// Asks the destination for a place; false is a failure.
    fn publish(&mut self, at: Instant) -> bool {
        if self.faults.strike(&FaultKind::StreamFails)
            || self.media_link_is_down()
            || !self.picture_for_start()
        {
            return false;
        }
        let Some(target) = self.target() else {
            return false;
        };
        let place = Place {
            serial: self.config.serial.clone(),
            url: target.url,
            key: target.key,
        };
        self.stream.publication = self.send_to(place, at);
        self.stream.publication.is_some()
    }

    fn picture_for_start(&self) -> bool {
        self.has_picture()
            || self.config.assumptions.start_without_input == StartWithoutInput::TestPattern
    }

    /// The destination of the working copy; `None` when something is missing.
    fn target(&self) -> Option<Target> {
        let read = |id: &str| self.values.get(id).to_owned();
        let (url, key) = match self.values.get("StreamType") {
            "0" => {
                let url = read("RTMPServerURL");
                let known = url.starts_with("rtmp://") && url.len() > "rtmp://".len();
                (known.then_some(url)?, read("RTMPStreamName"))
            }
            "2" => (
                Some(read("RTPDestinationURL")).filter(|url| !url.is_empty())?,
                String::new(),
            ),
            // With the other types the unit is the server.
            _ => (
                format!("{}/{}", self.config.serial, read("RTSPStreamName")),
                String::new(),
            ),
        };
        Some(Target { url, key })
    }

    fn shown_uri(&self, target: &Target) -> String {
        let with_key = self.config.assumptions.stream_uri_has_key && !target.key.is_empty();
        match with_key {
            true => format!("{}/{}", target.url, target.key),
            false => target.url.clone(),
        }
    }

    /// Shows what the encoder makes of the working copy.
    pub(super) fn describe_stream(&mut self) {
        let read = |id: &str| self.values.get(id).to_owned();
        let size = match self.values.get("StreamingFrameGeometryType") {
            "1" => format!("{}x{}", read("StreamingWidth"), read("StreamingHeight")),
            _ => self.values.choice_text("DetectInputFormat"),
        };
        let format = format!(
            "{size} {} kbps, AAC {}",
            read("StreamingVideoBitrate"),
            self.values.choice_text("StreamingAudioBitrate"),
        );
        self.values.show("StreamingFormat", format);
    }

    fn end_stream_readings(&mut self) {
        self.stream.since = None;
        self.stream.slow = false;
        self.values.show("Encoder2StreamURI", String::new());
        self.values.show("StreamingFormat", String::new());
        if !self.config.assumptions.duration_kept_after_stop {
            self.values
                .show("StreamingDuration", "00:00:00:00".to_owned());
        }
    }

    pub(super) fn show_stream_state(&mut self, state: u8) {
        self.values.show("ReplicatorStreamState", state.to_string());
    }
}
