//! Readings of the machine that all its encoders share.

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use encoder_core::model::{Celsius, SystemReadings};
use sysinfo::{Components, MINIMUM_CPU_UPDATE_INTERVAL, System};

/// What sensors of processors are called by the drivers of Linux.
const PROCESSOR_SENSORS: [&str; 6] = ["coretemp", "k10temp", "zenpower", "cpu", "tctl", "soc"];

/// Where Linux shows fans.
const HWMON: &str = "/sys/class/hwmon";

/// One reader for the whole process: the load of the processor is a difference between two
/// looks, and looks of many encoders would shorten it to noise.
#[derive(Debug)]
pub(crate) struct Host {
    state: Mutex<State>,
    pub(crate) has_temperature: bool,
    pub(crate) has_fan: bool,
}

#[derive(Debug)]
struct State {
    /// `None` on a system that cannot be read.
    system: Option<System>,
    components: Option<Components>,
    /// When the processor was last looked at.
    looked: Instant,
    readings: Option<SystemReadings>,
}

impl Host {
    /// This machine. The first call looks at it.
    pub(crate) fn shared() -> &'static Self {
        static HOST: OnceLock<Host> = OnceLock::new();
        HOST.get_or_init(Self::new)
    }

    fn new() -> Self {
        let mut system = System::new().ok();
        if let Some(system) = &mut system {
            system.refresh_cpu_usage();
        }
        let components = Components::new_with_refreshed_list().ok();
        Self {
            has_temperature: components.as_ref().and_then(hottest).is_some(),
            has_fan: fastest_fan(Path::new(HWMON)).is_some(),
            state: Mutex::new(State {
                system,
                components,
                looked: Instant::now(),
                readings: None,
            }),
        }
    }

    /// Readings no older than that, give or take the time of a look. Reads a few files of the
    /// system; call it off the async threads.
    pub(crate) fn read(&self, age: Duration) -> SystemReadings {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = state.looked.elapsed();
        let due = passed >= age.max(MINIMUM_CPU_UPDATE_INTERVAL);
        let cpu_known = state
            .readings
            .as_ref()
            .is_some_and(|known| known.cpu_percent.is_some());
        let first = !cpu_known && passed >= MINIMUM_CPU_UPDATE_INTERVAL;
        if due || first {
            state.looked = Instant::now();
            let cpu = state.processor();
            return state.look(cpu, self);
        }
        match &state.readings {
            Some(readings) => readings.clone(),
            // Too soon for a difference.
            None => state.look(None, self),
        }
    }
}

impl State {
    fn processor(&mut self) -> Option<f64> {
        let system = self.system.as_mut()?;
        system.refresh_cpu_usage();
        percent(f64::from(system.global_cpu_usage()))
    }

    fn look(&mut self, cpu_percent: Option<f64>, host: &Host) -> SystemReadings {
        let components = self.components.as_mut().filter(|_| host.has_temperature);
        let temperature = components.and_then(|components| {
            components.refresh(false);
            hottest(components)
        });
        let fan = host.has_fan.then(|| fastest_fan(Path::new(HWMON)));
        let readings = SystemReadings {
            cpu_percent,
            memory_percent: self.system.as_mut().and_then(memory),
            temperature: temperature.map(Celsius),
            fan_rpm: fan.flatten(),
            uptime: System::uptime().ok().map(Duration::from_secs),
        };
        self.readings = Some(readings.clone());
        readings
    }
}

fn memory(system: &mut System) -> Option<f64> {
    system.refresh_memory();
    let (used, total) = (system.used_memory(), system.total_memory());
    (total > 0)
        .then(|| used as f64 / total as f64 * 100.0)
        .and_then(percent)
}

/// To a tenth; `None` for what is no share.
fn percent(value: f64) -> Option<f64> {
    let rounded = (value * 10.0).round() / 10.0;
    value.is_finite().then(|| rounded.clamp(0.0, 100.0))
}

/// The hottest sensor of a processor. Disks and network cards have other limits.
fn hottest(components: &Components) -> Option<f64> {
    let of_processor = |label: &str| {
        let label = label.to_lowercase();
        PROCESSOR_SENSORS.iter().any(|word| label.contains(word))
    };
    components
        .iter()
        .filter(|component| of_processor(component.label()))
        .filter_map(|component| component.temperature().map(f64::from))
        .filter(|celsius| celsius.is_finite())
        .max_by(f64::total_cmp)
}

/// The fastest fan, since sockets without a fan read zero; sysinfo knows no fans.
fn fastest_fan(folder: &Path) -> Option<f64> {
    let entries = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
    let is_fan = |name: &str| name.starts_with("fan") && name.ends_with("_input");
    entries(folder)
        .flat_map(|chip| entries(&chip.path()).collect::<Vec<_>>())
        .filter(|entry| entry.file_name().to_str().is_some_and(is_fan))
        .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
        .filter_map(|text| text.trim().parse::<u32>().ok())
        .max()
        .map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_load_and_memory() {
        let host = Host::new();
        assert_eq!(
            host.read(Duration::ZERO).cpu_percent,
            None,
            "no difference yet"
        );
        std::thread::sleep(MINIMUM_CPU_UPDATE_INTERVAL);
        let readings = host.read(Duration::from_secs(60));
        let cpu = readings.cpu_percent.expect("two looks");
        assert!((0.0..=100.0).contains(&cpu), "{cpu}");
        assert!(readings.memory_percent.is_some_and(|percent| percent > 0.0));
        assert!(readings.uptime.is_some());
        assert_eq!(readings.temperature.is_some(), host.has_temperature);
        assert_eq!(host.read(Duration::from_secs(60)), readings);
    }

    #[test]
    fn fastest_fan_counts() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(fastest_fan(folder.path()), None);
        let chip = folder.path().join("hwmon0");
        std::fs::create_dir(&chip).unwrap();
        for (name, text) in [
            ("fan1_input", "0\n"),
            ("fan2_input", "1180\n"),
            ("fan1_min", "9999\n"),
        ] {
            std::fs::write(chip.join(name), text).unwrap();
        }
        assert_eq!(fastest_fan(folder.path()), Some(1180.0));
    }
}
