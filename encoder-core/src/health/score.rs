//! Arithmetic of scores.

/// Score of a reading that is better the lower it is: 100 up to half the threshold, falling to
/// 60 at the threshold and to 0 at the limit.
pub(super) fn strain(value: f64, threshold: f64, limit: f64) -> f64 {
    let ease = threshold / 2.0;
    if value <= ease {
        100.0
    } else if value <= threshold {
        100.0 - 40.0 * (value - ease) / (threshold - ease)
    } else if value < limit {
        60.0 * (limit - value) / (limit - threshold)
    } else {
        0.0
    }
}

/// Mean of the scores that exist, by their weights; `None` when none does.
pub(super) fn weighted_mean<const N: usize>(parts: [(f64, Option<f64>); N]) -> Option<f64> {
    let present = parts
        .into_iter()
        .filter_map(|(weight, score)| Some((weight, score?)));
    let (weights, sum) = present.fold((0.0, 0.0), |(weights, sum), (weight, score)| {
        (weights + weight, sum + weight * score)
    });
    (weights > 0.0).then(|| sum / weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strain_falls_from_100_to_0() {
        let scores = [0.0, 40.0, 60.0, 80.0, 85.0, 90.0, 500.0].map(|c| strain(c, 80.0, 90.0));
        assert_eq!(scores, [100.0, 100.0, 80.0, 60.0, 30.0, 0.0, 0.0]);
        assert_eq!(strain(80.1, 80.0, 80.0), 0.0, "a limit at the threshold");
    }

    #[test]
    fn absent_parts_leave_the_mean_of_the_others() {
        assert_eq!(weighted_mean([(1.0, None), (3.0, Some(50.0))]), Some(50.0));
        assert_eq!(
            weighted_mean([(1.0, Some(0.0)), (1.0, Some(50.0))]),
            Some(25.0)
        );
        assert_eq!(weighted_mean([(1.0, None)]), None);
    }
}
