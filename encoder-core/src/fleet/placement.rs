//! The choice of encoders for a stream.

use std::collections::BTreeMap;

use super::registry::Fleet;
use super::scoreboard::Scoreboard;
use crate::balancer::Demand;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::{EncoderId, StreamConfig, StreamId, Violation};
use crate::validate::validate_for_encoder;

/// How often a choice is made before it is given up: each attempt but the last failed because
/// another stream got its encoder.
const ATTEMPTS: u64 = 32;

/// What a stream wants of the fleet.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) config: &'a StreamConfig,
    pub(crate) url: &'a str,
    pub(crate) demand: Demand,
}

/// The encoders that were chosen and are now held for the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) primary: EncoderId,
    pub(crate) backup: Option<EncoderId>,
}

impl Fleet {
    /// Chooses encoders and holds them for the stream.
    ///
    /// The balancer chooses without any lock, as it may be anybody's code. Its choice counts when
    /// the encoders may still take the stream once it is made; otherwise it chooses anew.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] when the encoder insisted on cannot do what is asked;
    /// [`ErrorKind::NoEncoderAvailable`] with the reasons of each encoder otherwise;
    /// [`ErrorKind::Conflict`], safe to retry, when other streams were quicker again and again.
    pub(crate) fn place(&self, wanted: Wanted<'_>, draw: u64) -> Result<Chosen> {
        let mut demand = wanted.demand;
        let unable = self.unable(wanted.config, wanted.url, &mut demand)?;
        for attempt in 0..ATTEMPTS {
            let board = self
                .context
                .shared
                .build_board(&self.context.shared.claims());
            let draw = draw.wrapping_add(attempt);
            let Some(placement) = self.balancer.select(&demand, &board, draw) else {
                return Err(nobody(&board, &demand, &unable));
            };
            let chosen = Chosen {
                primary: board.id(placement.primary).clone(),
                backup: placement.backup.map(|row| board.id(row).clone()),
            };
            if self.claim(&chosen, wanted.stream) {
                self.context.board_changed();
                return Ok(chosen);
            }
        }
        let message = format!("other streams took the chosen encoders, {ATTEMPTS} times in a row");
        Err(Error::new(ErrorKind::Conflict, message)
            .with_context("stream", wanted.stream)
            .with_retry(Retry::Safe))
    }

    /// Holds the encoders for the stream if each of them may take it now.
    fn claim(&self, chosen: &Chosen, stream: &StreamId) -> bool {
        let mut claims = self.context.shared.claims();
        let board = self.context.shared.build_board(&claims);
        let both = || std::iter::once(&chosen.primary).chain(&chosen.backup);
        let free = |id: &EncoderId| board.row_of(id).is_some_and(|row| board.is_eligible(row));
        if !both().all(free) {
            return false;
        }
        for id in both() {
            claims.add(id, stream);
        }
        true
    }

    /// Excludes encoders that cannot do what is asked and remembers why.
    fn unable(
        &self,
        config: &StreamConfig,
        url: &str,
        demand: &mut Demand,
    ) -> Result<BTreeMap<EncoderId, Vec<Violation>>> {
        let mut unable = BTreeMap::new();
        if let Some(id) = &demand.primary {
            self.get(id)?;
        }
        for encoder in self.all() {
            let snapshot = encoder.snapshot();
            let input = snapshot
                .status
                .as_ref()
                .and_then(|status| status.input.as_ref());
            let found = validate_for_encoder(config, url, &encoder.driver.capability(), input);
            if found.is_empty() {
                continue;
            }
            if demand.primary.as_ref() == Some(encoder.id()) {
                let message = format!("{} cannot do what is asked", encoder.id());
                return Err(Error::new(ErrorKind::ValidationFailed, message).with_violations(found));
            }
            demand.exclude.push(encoder.id().clone());
            unable.insert(encoder.id().clone(), found);
        }
        Ok(unable)
    }
}

fn nobody(
    board: &Scoreboard,
    demand: &Demand,
    unable: &BTreeMap<EncoderId, Vec<Violation>>,
) -> Error {
    let reasons = (0..board.len()).map(|row| {
        let id = board.id(row);
        let limits = unable
            .get(id)
            .into_iter()
            .flatten()
            .map(|limit| limit.message.clone());
        let mut all: Vec<_> = board.reasons(row).iter().cloned().chain(limits).collect();
        if all.is_empty() && demand.exclude.contains(id) {
            all.push("already has a part in this stream".to_owned());
        }
        if all.is_empty() {
            all.push("not the encoder that was asked for".to_owned());
        }
        Violation::new(id.as_str(), "not_eligible", all.join("; "))
    });
    let violations: Vec<_> = reasons.collect();
    let message = if violations.is_empty() {
        "no encoder is registered".to_owned()
    } else {
        format!(
            "none of {} encoders can take the stream now",
            violations.len()
        )
    };
    Error::new(ErrorKind::NoEncoderAvailable, message).with_violations(violations)
}
