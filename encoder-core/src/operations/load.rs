//! How the balancer sees the fleet. Pure.

use crate::fleet::Scoreboard;
use crate::model::{LoadBalancerReport, LoadBalancerRow, LoadDistribution};

pub(crate) fn report(policy: &str, board: &Scoreboard) -> LoadBalancerReport {
    let rows = (0..board.len()).map(|row| LoadBalancerRow {
        encoder_id: board.id(row).clone(),
        weight: board.weight(row),
        load: board.load(row),
        health_score: board.health(row),
        temperature_score: board.heat(row),
        streams: board.streams(row),
        eligible: board.is_eligible(row),
        reasons: board.reasons(row).to_vec(),
    });
    LoadBalancerReport {
        policy: policy.to_owned(),
        encoders: rows.collect(),
        distribution: distribution((0..board.len()).map(|row| board.load(row)).collect()),
    }
}

fn distribution(loads: Vec<f64>) -> LoadDistribution {
    use statrs::statistics::Statistics;
    if loads.is_empty() {
        return LoadDistribution::default();
    }
    let imbalance = Statistics::max(&loads) - Statistics::min(&loads);
    LoadDistribution {
        variance: loads.as_slice().population_variance(),
        imbalance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_load_has_no_variance() {
        let even = distribution(vec![0.5, 0.5]);
        assert_eq!((even.variance, even.imbalance), (0.0, 0.0));
        let uneven = distribution(vec![0.0, 1.0]);
        assert_eq!((uneven.variance, uneven.imbalance), (0.25, 1.0));
        assert_eq!(distribution(Vec::new()), LoadDistribution::default());
    }
}
