//! Settings that have a short name in the environment, without the usual beginning.

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::load::join;

/// Each name with its keys, and what the value is multiplied by for each.
const NAMES: [(&str, &[(&str, f64)]); 5] = [
    (
        "TEMP_HIGH_THRESHOLD",
        &[("manager.direct.temperature_celsius", 1.0)],
    ),
    ("CPU_HIGH_THRESHOLD", &[("manager.direct.cpu_percent", 1.0)]),
    (
        "MEMORY_HIGH_THRESHOLD",
        &[("manager.direct.memory_percent", 1.0)],
    ),
    (
        "STORAGE_HIGH_THRESHOLD",
        &[("manager.direct.storage_percent", 1.0)],
    ),
    (
        "MONITORING_INTERVAL",
        &[
            ("manager.watch.slow_interval_seconds", 1.0),
            ("aja.media_refresh_ms", 1000.0),
        ],
    ),
];

/// Every short name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// One short name with its value, as a source of its own so that a fault names it.
pub(super) struct ShortName {
    pub(super) name: &'static str,
    pub(super) value: String,
}

impl Provider for ShortName {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("environment variable {}", self.name))
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        let number = self.value.trim().parse::<f64>().ok();
        let keys = NAMES.iter().filter(|(name, _)| *name == self.name);
        let mut tree = Dict::new();
        for (key, factor) in keys.flat_map(|(_, keys)| keys.iter()) {
            let value = match number {
                Some(number) if *factor == 1.0 => Value::from(number),
                // Negative numbers saturate at zero, which no interval may be.
                Some(number) => Value::from((number * factor).round() as u64),
                None => Value::from(self.value.clone()),
            };
            if let Value::Dict(_, nested) = figment::util::nest(key, value) {
                tree = join(tree, nested);
            }
        }
        Ok(Profile::Default.collect(tree))
    }
}
