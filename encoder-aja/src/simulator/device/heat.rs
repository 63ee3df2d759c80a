//! The temperature, as a course from one moment on; nothing ticks.

use std::time::Duration;

use tokio::time::Instant;

/// How the temperature moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Course {
    /// Fast at first, then slower; after this time about two thirds are done.
    Settling(Duration),
    /// Evenly, in this time.
    Ramp(Duration),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Heat {
    from: f64,
    to: f64,
    since: Instant,
    course: Course,
}

impl Heat {
    pub(super) fn resting_at(celsius: f64, now: Instant) -> Self {
        Self {
            from: celsius,
            to: celsius,
            since: now,
            course: Course::Settling(Duration::from_secs(1)),
        }
    }

    pub(super) fn head_for(&mut self, to: f64, course: Course, now: Instant) {
        if (self.to - to).abs() > f64::EPSILON || self.course != course {
            *self = Self {
                from: self.at(now),
                to,
                since: now,
                course,
            };
        }
    }

    /// The temperature in degrees Celsius.
    pub(super) fn at(&self, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(self.since).as_secs_f64();
        let done = match self.course {
            Course::Settling(constant) => 1.0 - (-elapsed / seconds(constant)).exp(),
            Course::Ramp(whole) => (elapsed / seconds(whole)).min(1.0),
        };
        self.from + (self.to - self.from) * done
    }

    pub(super) fn is_moving(&self, now: Instant) -> bool {
        (self.at(now) - self.to).abs() > 0.5
    }

    /// When the rising temperature reaches `limit`.
    pub(super) fn reaches(&self, limit: f64) -> Option<Instant> {
        if self.from >= limit {
            return Some(self.since);
        }
        if self.to < limit || (self.to - self.from).abs() < f64::EPSILON {
            return None;
        }
        let share = (limit - self.from) / (self.to - self.from);
        let elapsed = match self.course {
            Course::Settling(constant) => -(1.0 - share).ln() * seconds(constant),
            Course::Ramp(whole) => share * seconds(whole),
        };
        // A limit that is also the goal of a settling course is never quite reached.
        let elapsed = Duration::try_from_secs_f64(elapsed).ok()?;
        self.since.checked_add(elapsed)
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64().max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramp_reaches_its_goal_in_its_time() {
        let now = Instant::now();
        let mut heat = Heat::resting_at(40.0, now);
        heat.head_for(100.0, Course::Ramp(Duration::from_secs(60)), now);
        assert!((heat.at(now + Duration::from_secs(30)) - 70.0).abs() < 0.001);
        let hot = heat.reaches(90.0).unwrap();
        assert_eq!((hot - now).as_secs(), 50);
        assert!(!heat.is_moving(now + Duration::from_secs(61)));
    }

    #[test]
    fn settling_course_never_reaches_what_lies_beyond_its_goal() {
        let now = Instant::now();
        let mut heat = Heat::resting_at(40.0, now);
        heat.head_for(52.0, Course::Settling(Duration::from_secs(120)), now);
        assert_eq!(heat.reaches(75.0), None);
        let warm = heat.reaches(50.0).unwrap();
        assert!((heat.at(warm) - 50.0).abs() < 0.001);
    }
}
