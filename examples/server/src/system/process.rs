//! What the server's own process uses.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use encoder_core::monitor::series::Metric;
use serde::Serialize;
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};
use utoipa::ToSchema;

/// Processor time is counted in hundredths of a second, so a shorter span would show steps.
const MIN_SPAN: Duration = Duration::from_secs(1);

/// What the server's process uses, `null` where the system does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct ProcessFigures {
    /// Share of one core since the last reading, at the first one since the process started;
    /// more than 100 with several busy threads.
    pub cpu_percent: Option<f64>,
    /// Memory that it occupies, in bytes.
    pub resident_bytes: Option<u64>,
    /// Files and connections that it has open.
    pub open_files: Option<usize>,
    /// Threads.
    pub threads: Option<usize>,
    /// Since it started.
    pub uptime_seconds: Option<u64>,
}

impl ProcessFigures {
    /// Those that are known and recorded over time.
    pub fn recorded(&self) -> Vec<(Metric, f64)> {
        let figures = [
            (Metric::CpuPercent, self.cpu_percent),
            (
                Metric::MemoryBytes,
                self.resident_bytes.map(|bytes| bytes as f64),
            ),
            (Metric::OpenFiles, self.open_files.map(|files| files as f64)),
            (Metric::Threads, self.threads.map(|threads| threads as f64)),
        ];
        let known = figures
            .into_iter()
            .filter_map(|(metric, value)| Some((metric, value?)));
        known.collect()
    }
}

/// Counts of the process since it started, `None` where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessTotals {
    /// Processor time of all threads.
    pub cpu_seconds: Option<f64>,
    /// Memory that it occupies.
    pub resident_bytes: Option<u64>,
    /// Files and connections that it has open.
    pub open_files: Option<usize>,
    /// When it started, in seconds since 1970.
    pub started_at: Option<u64>,
}

/// Reads the process.
#[derive(Debug)]
pub struct ProcessProbe(Mutex<Reading>);

#[derive(Debug)]
struct Reading {
    /// `None` on a system that cannot be read.
    system: Option<(System, Pid)>,
    cpu: Option<CpuReading>,
}

/// Processor time so far, in milliseconds, and the share that came out.
#[derive(Clone, Copy, Debug)]
struct CpuReading {
    at: Instant,
    millis: u64,
    percent: Option<f64>,
}

impl Default for ProcessProbe {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcessProbe {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self(Mutex::new(Reading {
            system: System::new().ok().zip(get_current_pid().ok()),
            cpu: None,
        }))
    }

    /// The figures now. Reads a few files of the system; call it off the async threads.
    pub fn read(&self) -> ProcessFigures {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Reading { system, cpu } = &mut *reading;
        let Some((system, pid)) = system else {
            return ProcessFigures::default();
        };
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[*pid]),
            true,
            what.with_tasks(),
        );
        let Some(process) = system.process(*pid) else {
            return ProcessFigures::default();
        };
        let now = tokio::time::Instant::now().into_std();
        *cpu = Some(CpuReading::of(process, *cpu, now));
        let others = |tasks: &std::collections::HashSet<Pid>| {
            1 + tasks.iter().filter(|task| *task != pid).count()
        };
        ProcessFigures {
            cpu_percent: cpu.and_then(|cpu| cpu.percent),
            resident_bytes: Some(process.memory()).filter(|bytes| *bytes > 0),
            open_files: process.open_files(),
            threads: process.tasks().map(others),
            uptime_seconds: Some(process.run_time()),
        }
    }

    /// The counts now. Reads a few files of the system; call it off the async threads.
    pub fn totals(&self) -> ProcessTotals {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((system, pid)) = &mut reading.system else {
            return ProcessTotals::default();
        };
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[*pid]), true, what);
        let Some(process) = system.process(*pid) else {
            return ProcessTotals::default();
        };
        ProcessTotals {
            cpu_seconds: Some(process.accumulated_cpu_time() as f64 / 1000.0),
            resident_bytes: Some(process.memory()).filter(|bytes| *bytes > 0),
            open_files: process.open_files(),
            started_at: Some(process.start_time()).filter(|at| *at > 0),
        }
    }
}

impl CpuReading {
    fn of(process: &Process, last: Option<Self>, now: Instant) -> Self {
        let millis = process.accumulated_cpu_time();
        let share = |spent: u64, span: Duration| {
            let percent = spent as f64 / 10.0 / span.as_secs_f64();
            percent
                .is_finite()
                .then_some((percent * 10.0).round() / 10.0)
        };
        match last {
            Some(last) if now.saturating_duration_since(last.at) < MIN_SPAN => last,
            Some(last) => Self {
                at: now,
                millis,
                percent: share(millis.saturating_sub(last.millis), now - last.at),
            },
            None => Self {
                at: now,
                millis,
                percent: share(millis, Duration::from_secs(process.run_time())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_does_not_tell_is_not_recorded() {
        let figures = ProcessFigures {
            threads: Some(7),
            ..ProcessFigures::default()
        };
        assert_eq!(figures.recorded(), [(Metric::Threads, 7.0)]);
        assert_eq!(ProcessFigures::default().recorded(), []);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_everything_of_the_process() {
        let probe = ProcessProbe::new();
        let figures = probe.read();
        let totals = probe.totals();
        assert!(
            totals.cpu_seconds.is_some() && totals.started_at.is_some(),
            "{totals:?}"
        );
        assert!(figures.resident_bytes.unwrap() > 1 << 20, "{figures:?}");
        assert!(figures.open_files.unwrap() >= 3, "{figures:?}");
        assert!(
            figures.threads.unwrap() >= 2,
            "the runner's and the test's: {figures:?}"
        );
        let again = probe.read();
        assert_eq!(
            figures.cpu_percent, again.cpu_percent,
            "too soon for another figure"
        );
    }
}
