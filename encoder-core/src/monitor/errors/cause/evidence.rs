//! Evidence in words.

use std::time::Duration;

use super::{CauseKind, MOMENT, Suspect};

/// How many are affected, and where.
pub(super) struct Scale {
    pub(super) inside: usize,
    pub(super) exposed: usize,
    /// Affected, and not explained by the suspect.
    pub(super) outside: usize,
    /// All that the suspect cannot affect.
    pub(super) elsewhere: usize,
    pub(super) spread: Duration,
}

/// What speaks for a suspect, and what against it.
type ForAndAgainst = (Vec<String>, Vec<String>);

pub(super) fn alone(
    pattern: &str,
    suspect: &Suspect<'_>,
    others: usize,
    repeats: u32,
) -> ForAndAgainst {
    let mut pro = vec![match repeats {
        0 | 1 => format!("{pattern}: {} is affected", suspect.value),
        _ => format!("{pattern}: {} is affected, {repeats} times", suspect.value),
    }];
    let mut contra = Vec::new();
    match others {
        0 => pro.push(format!("{pattern}: no other encoder at the same moment")),
        1 => contra.push(format!("{pattern}: 1 other encoder at the same moment")),
        _ => contra.push(format!(
            "{pattern}: {others} other encoders at the same moment"
        )),
    }
    (pro, contra)
}

pub(super) fn shared(pattern: &str, suspect: &Suspect<'_>, scale: &Scale) -> ForAndAgainst {
    let Scale {
        inside,
        exposed,
        outside,
        elsewhere,
        spread,
    } = scale;
    let (who, whose) = words(suspect.kind, &suspect.value);
    let seconds = spread.as_secs_f64();
    let mut pro = vec![format!(
        "{pattern}: {inside} of {exposed} {who} {whose}, within {seconds:.1} s"
    )];
    let mut contra = Vec::new();
    if inside < exposed {
        let well = exposed - inside;
        contra.push(format!(
            "{pattern}: {well} of {exposed} {who} {whose} not affected"
        ));
    }
    match (outside, elsewhere) {
        (0, 0) if suspect.kind == CauseKind::Manager => {}
        (_, 0) => contra.push(format!("{pattern}: no {who} elsewhere to compare with")),
        (0, _) => pro.push(format!("{pattern}: none of {elsewhere} {who} elsewhere")),
        _ => contra.push(format!(
            "{pattern}: {outside} of {elsewhere} {who} elsewhere affected as well"
        )),
    }
    if *spread > MOMENT {
        contra.push(format!("{pattern}: they did not begin at one moment"));
    }
    (pro, contra)
}

/// Who is counted, and whose they are.
fn words(kind: CauseKind, value: &str) -> (&'static str, String) {
    match kind {
        CauseKind::Destination => ("attempts to publish", format!("to {value}")),
        CauseKind::Site => ("encoders", format!("of site {value}")),
        CauseKind::Firmware => ("encoders", format!("with firmware {value}")),
        CauseKind::Source => ("encoders", format!("labelled {value}")),
        CauseKind::Manager | CauseKind::Encoder => ("encoders", "of this manager".to_owned()),
    }
}
