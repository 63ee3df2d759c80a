//! What a viewer loses when an encoder is lost, with real video through a real ingest.
//!
//! Each case is a broadcast of its own: simulated encoders that send what ffmpeg encodes, nginx as
//! ingest, the whole server, and players at both addresses. The players, the devices and the
//! manager share a clock, so that the time a picture was made, in the picture, can be compared with
//! the time it was shown.

use std::fmt::Write;
use std::time::Duration;

use clap::Args;
use encoder_aja::AjaConfig;
use encoder_aja::simulator::SimulatorConfig;
use encoder_core::ManagerConfig;
use encoder_tests::broadcast::case::{Blow, Guard, Measured, measure as measure_case};
use encoder_tests::broadcast::{FPS, GOP, Stage, sending};

use crate::Outcome;
use crate::report::{Figure, Report, Spread, millis};

/// The manager's part when somebody reports the fault, in milliseconds.
const MANAGER_GOAL: f64 = 100.0;
/// What may come on top of the device's start and one distance of key frames, in milliseconds.
const GAP_SLACK: f64 = 250.0;

/// Settings of this measurement.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Moves per case; the figures are medians.
    #[arg(long, default_value_t = 3)]
    samples: usize,
    /// Only cases with this in their name, such as `warm, takeover` or `killed`.
    #[arg(long)]
    only: Option<String>,
}

/// The medians of one case.
struct Row {
    guard: Guard,
    blow: Blow,
    gap: Option<f64>,
    manager: Option<f64>,
    device: Option<f64>,
    lost: Option<f64>,
    repeated: Option<f64>,
    first: Option<f64>,
    witnessed: Option<f64>,
}

pub(crate) async fn measure(options: &Options) -> Outcome<Report> {
    let mut rows = Vec::new();
    let pairs = Guard::ALL
        .iter()
        .flat_map(|guard| Blow::ALL.map(|blow| (*guard, blow)));
    for (guard, blow) in pairs {
        let name = name(guard, blow);
        if options
            .only
            .as_ref()
            .is_some_and(|only| !name.contains(only))
        {
            continue;
        }
        let mut moves = Vec::new();
        for sample in 1..=options.samples {
            eprintln!("{name}, {sample} of {}", options.samples);
            moves.push(measure_case(stage(), guard, blow).await?);
        }
        rows.push(Row::of(guard, blow, &moves));
    }
    if rows.is_empty() {
        return Err("no case has that in its name".into());
    }
    Ok(Report {
        name: "viewer",
        samples: options.samples * rows.len(),
        figures: rows.iter().flat_map(Row::figures).collect(),
        text: Some(markdown(&rows)),
    })
}

/// Devices with the delays that are assumed of real ones, and the manager's defaults.
fn stage() -> Stage {
    Stage {
        encoders: 3,
        device: sending(SimulatorConfig::default()),
        manager: ManagerConfig::default(),
        aja: AjaConfig::default(),
    }
}

fn name(guard: Guard, blow: Blow) -> String {
    format!("{}, {}", guard.name(), blow.name())
}

impl Row {
    fn of(guard: Guard, blow: Blow, moves: &[Measured]) -> Self {
        let median = |value: &dyn Fn(&Measured) -> Option<f64>| {
            Spread::of_millis(moves.iter().filter_map(value).collect()).percentile(50)
        };
        let time = |value: &dyn Fn(&Measured) -> Option<Duration>| {
            median(&|measured| value(measured).map(millis))
        };
        Self {
            guard,
            blow,
            gap: time(&|m| Some(m.viewer.gap)),
            manager: time(&|m| Some(m.manager())),
            device: time(&|m| Some(m.device())),
            lost: median(&|m| Some(f64::from(m.viewer.lost_pictures))),
            repeated: time(&|m| Some(m.viewer.repeated)),
            first: time(&|m| m.viewer.first_after),
            witnessed: time(&|m| m.witnessed.map(|witnessed| witnessed.gap)),
        }
    }

    /// Whether somebody reports the fault, so that noticing it is not a matter of patience.
    fn is_reported(&self) -> bool {
        matches!(self.blow, Blow::Cut | Blow::Failing | Blow::Planned)
    }

    fn figures(&self) -> Vec<Figure> {
        let name = name(self.guard, self.blow);
        let what = |figure: &str| format!("{name}: {figure}");
        let mut gap = Figure::millis(what("gap"), self.gap);
        let mut manager = Figure::millis(what("manager"), self.manager);
        let mut lost = Figure::new(what("lost"), "pictures", self.lost);
        if self.guard == Guard::WarmTakeover && self.is_reported() {
            manager = manager.at_most(MANAGER_GOAL);
            if let Some(device) = self.device {
                gap = gap.at_most(device + millis(GOP) + GAP_SLACK);
            }
        }
        if self.guard == Guard::WarmSeparate && self.blow == Blow::Planned {
            lost = lost.at_most(0.0);
        }
        vec![
            gap,
            manager,
            Figure::millis(what("device"), self.device),
            lost,
            Figure::millis(what("repeated"), self.repeated),
            Figure::millis(what("first picture after"), self.first),
            Figure::millis(what("gap by the ingest's statistics"), self.witnessed),
        ]
    }
}

/// The table of the documentation.
fn markdown(rows: &[Row]) -> String {
    let mut table = format!(
        "Pictures at {FPS} per second, a key frame each {} s; times in ms, pictures as a number.\n\n\
         | Protection, ingest | What happened | Gap | Manager | Device | Lost pictures | Repeated | First after | Gap at the ingest |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        GOP.as_secs()
    );
    let cell = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
    for row in rows {
        let figures = [
            row.gap,
            row.manager,
            row.device,
            row.lost,
            row.repeated,
            row.first,
            row.witnessed,
        ];
        let figures = figures.map(cell).join(" | ");
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {} | {} | {figures} |",
            row.guard.name(),
            row.blow.name()
        );
    }
    table.trim_end().to_owned()
}
