//! Starting, restarting and shutting down.

use std::sync::Arc;

use tokio::time::Instant;

use super::record::RecordPhase;
use super::state::State;
use super::stream::StreamPhase;
use crate::simulator::assumptions::RebootSilence;
use crate::simulator::catalogue::Profile;
use crate::simulator::faults::FaultKind;
use crate::simulator::network::{Gate, Traffic};

/// Whether the unit runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    /// It answers, but has no encoder yet.
    Booting {
        until: Instant,
    },
    Up {
        since: Instant,
    },
    /// It was told to go and still answers.
    Leaving {
        at: Instant,
        comes_back: bool,
    },
    Silent {
        until: Instant,
    },
    Off,
}

impl State {
    /// Begins a restart.
    pub(super) fn reboot(&mut self, now: Instant) {
        if matches!(self.power, Power::Booting { .. } | Power::Up { .. }) {
            self.power = Power::Leaving {
                at: now + self.config.timing.reboot_grace,
                comes_back: true,
            };
        }
    }

    /// Ends everything and turns the unit off.
    pub(super) fn shut_down(&mut self, now: Instant) {
        if matches!(self.power, Power::Booting { .. } | Power::Up { .. }) {
            self.rest_stream(now);
            self.cut_recording(now, RecordPhase::Shutdown);
            self.stream.phase = StreamPhase::Shutdown;
            self.show_stream_state(5);
            self.show_record_state(5);
            self.values.show("SystemState", "8".to_owned());
            self.power = Power::Leaving {
                at: now + self.config.timing.reboot_grace,
                comes_back: false,
            };
        }
    }

    pub(super) fn shut_down_hot(&mut self, at: Instant) {
        self.values.show("ShutdownMessageII", "4".to_owned());
        self.shut_down(at);
    }

    pub(super) fn go_silent(&mut self, at: Instant) {
        let comes_back = matches!(
            self.power,
            Power::Leaving {
                comes_back: true,
                ..
            }
        );
        self.cut_stream(at, StreamPhase::Shutdown);
        self.cut_recording(at, RecordPhase::Shutdown);
        self.presets.task = None;
        self.values.connections.forget_all();
        self.sessions.clear();
        self.power = match comes_back {
            true => Power::Silent {
                until: at + self.config.timing.reboot_silence,
            },
            false => Power::Off,
        };
    }

    pub(super) fn power_up(&mut self, at: Instant) {
        let safeboot = self.values.get("Reboot") == "2";
        // Whatever hung on the old life of the unit ends now.
        self.generation += 1;
        self.values.restart();
        self.fault_alarms.clear();
        self.show_identity();
        self.values
            .show("SafebootMode", u8::from(safeboot).to_string());
        self.set_alarm("Safe_Boot_Mode_Alarm", safeboot);
        self.load_profile(Profile::Streaming);
        self.load_profile(Profile::Recording);
        self.mount_selected();
        self.stream.phase = StreamPhase::Uninitialised;
        self.record.phase = RecordPhase::Uninitialised;
        self.show_stream_state(0);
        self.show_record_state(0);
        self.power = Power::Booting {
            until: at + self.config.timing.boot,
        };
    }

    /// From here on the unit takes commands.
    pub(super) fn finish_boot(&mut self, at: Instant) {
        self.power = Power::Up { since: at };
        self.stream.phase = StreamPhase::Idle;
        self.record.phase = RecordPhase::Idle;
        self.show_stream_state(1);
        self.show_record_state(1);
        self.values
            .show("ReplicatorSecondaryRecState", "1".to_owned());
        self.values.show("SystemState", "4".to_owned());
        self.values.show("ReplicatorState", "3".to_owned());
        self.values.show("MediaManagerState", "3".to_owned());
        self.values.show("FirmwareStatus", "2".to_owned());
        let power_up = self.values.get("PowerUpState").to_owned();
        if matches!(power_up.as_str(), "1" | "3") {
            self.start_recording(at);
        }
        if matches!(power_up.as_str(), "2" | "3") {
            self.start_stream(at);
        }
    }

    /// Turns a unit on that was shut down.
    pub(super) fn turn_on(&mut self, now: Instant) {
        if self.power == Power::Off {
            self.power_up(now);
        }
    }

    fn show_identity(&mut self) {
        let config = Arc::clone(&self.config);
        let firmware = &config.firmware;
        for id in [
            "CurrentlyRunningImageVersion",
            "MostRecentImageVersion",
            "SafebootImageVersion",
        ] {
            self.values.show(id, firmware.clone());
        }
        self.values
            .show("FormattedSerialNumber", config.serial.clone());
        if self.values.get("SystemName").contains('<') {
            let name = format!("aja-helo-{}", config.serial);
            self.values.show("SystemName", name);
        }
        let flash = self.values.get("Flash_Info").replace("<v>", firmware);
        self.values.show("Flash_Info", flash);
        self.values
            .show("MACAddress", "00:0C:17:00:00:01".to_owned());
        self.values.show("NetworkConnected", "1".to_owned());
        self.values.show("LinkState", "1000BaseT Full".to_owned());
        self.values.show("DHCPState", "Bound".to_owned());
        self.values
            .show("IPAddress_Actual", config.listen.ip().to_string());
        self.values.show("InterfaceSetupState", "2".to_owned());
        if config.password.is_some() {
            self.values.show("Authentication", "1".to_owned());
        }
    }

    /// What the network port does now.
    pub(super) fn gate(&self) -> Gate {
        let away = matches!(self.power, Power::Silent { .. } | Power::Off);
        let silenced = |kind: &FaultKind| matches!(kind, FaultKind::NetworkSilence { .. });
        let traffic = match self.config.assumptions.reboot_silence {
            RebootSilence::Refused if away => Traffic::Refused,
            RebootSilence::BlackHole if away => Traffic::Silent,
            _ if self.faults.has(&FaultKind::RefuseConnections) => Traffic::Refused,
            _ if self.faults.kinds().any(silenced) => Traffic::Silent,
            _ => Traffic::Open,
        };
        Gate {
            traffic,
            generation: self.generation,
        }
    }
}
