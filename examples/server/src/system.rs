//! Figures of the machine the server runs on.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use sysinfo::{Disks, System};
use utoipa::ToSchema;

mod process;

pub use process::{ProcessFigures, ProcessProbe, ProcessTotals};

/// Load of the server's machine, `null` where it cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct SystemFigures {
    /// Processor load since the last reading; `null` at the first one.
    pub cpu_percent: Option<f64>,
    /// Memory in use.
    pub memory_used_percent: Option<f64>,
    /// Use of the disk that holds the database.
    pub disk_used_percent: Option<f64>,
}

/// Reads the machine.
#[derive(Debug)]
pub struct SystemProbe {
    system: Mutex<Reading>,
    data: PathBuf,
}

#[derive(Debug)]
struct Reading {
    /// `None` on a system that cannot be read.
    system: Option<System>,
    /// The processor load is a difference between two readings.
    seen_before: bool,
}

impl SystemProbe {
    /// A probe that looks at the disk of that folder.
    pub fn new(data: &Path) -> Self {
        Self {
            system: Mutex::new(Reading {
                system: System::new().ok(),
                seen_before: false,
            }),
            data: data.to_owned(),
        }
    }

    /// The figures now. Reads a few files of the system; call it off the async threads.
    pub fn read(&self) -> SystemFigures {
        let mut reading = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        let seen_before = std::mem::replace(&mut reading.seen_before, true);
        let Some(system) = &mut reading.system else {
            return SystemFigures::default();
        };
        system.refresh_cpu_usage();
        system.refresh_memory();
        let cpu = seen_before.then(|| f64::from(system.global_cpu_usage()));
        SystemFigures {
            cpu_percent: cpu.filter(|cpu| cpu.is_finite()),
            memory_used_percent: share(system.used_memory(), system.total_memory()),
            disk_used_percent: self.disk(),
        }
    }

    /// Use of the mount that holds the folder: the one with the longest matching mount point.
    fn disk(&self) -> Option<f64> {
        let path = self.data.canonicalize().ok()?;
        let disks = Disks::new_with_refreshed_list().ok()?;
        let mounts = disks
            .iter()
            .filter(|disk| path.starts_with(disk.mount_point()));
        let disk = mounts.max_by_key(|disk| disk.mount_point().as_os_str().len())?;
        let total = disk.total_space();
        share(total.saturating_sub(disk.available_space()), total)
    }
}

fn share(used: u64, total: u64) -> Option<f64> {
    (total > 0).then(|| (used as f64 / total as f64 * 1000.0).round() / 10.0)
}
