//! What a [`Balancer`](crate::balancer::Balancer) reads: the fleet as flat columns.
//!
//! A scoreboard is immutable; watchers publish a new one when a row changed, readers take the
//! present one without a lock. At five hundred rows a copy is a few tens of kilobytes, and rows
//! change a few times per second at most, so copying is cheaper than sharing mutable columns.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

pub use super::row::Row;
use crate::model::{EncoderId, Health, Heat};

/// The fleet at one moment. Columns have one entry per encoder, in the same order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scoreboard {
    ids: Vec<EncoderId>,
    /// Number of each row's failure domain; equal numbers share one.
    domains: Vec<u32>,
    sites: Vec<Option<String>>,
    weights: Vec<f64>,
    capacities: Vec<u32>,
    streams: Vec<u32>,
    health: Vec<Option<Health>>,
    heat: Vec<Option<Heat>>,
    reasons: Vec<Vec<String>>,
}

impl Scoreboard {
    /// Builds the columns.
    pub fn from_rows(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut board = Self::default();
        let mut domains = HashMap::new();
        for row in rows {
            let next = u32::try_from(board.ids.len()).unwrap_or(u32::MAX);
            let domain = match &row.site {
                Some(site) => *domains.entry(site.clone()).or_insert(next),
                None => next,
            };
            board.ids.push(row.id);
            board.domains.push(domain);
            board.sites.push(row.site);
            board.weights.push(row.weight);
            board.capacities.push(row.capacity);
            board.streams.push(row.streams);
            board.health.push(row.health);
            board.heat.push(row.heat);
            board.reasons.push(row.reasons);
        }
        board
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The encoder of a row.
    pub fn id(&self, row: usize) -> &EncoderId {
        &self.ids[row]
    }

    /// The row of an encoder.
    pub fn row_of(&self, id: &EncoderId) -> Option<usize> {
        self.ids.iter().position(|known| known == id)
    }

    /// The rows, as they were entered.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row> + '_ {
        (0..self.len()).map(|row| Row {
            id: self.ids[row].clone(),
            site: self.sites[row].clone(),
            weight: self.weights[row],
            capacity: self.capacities[row],
            streams: self.streams[row],
            health: self.health[row],
            heat: self.heat[row],
            reasons: self.reasons[row].clone(),
        })
    }

    /// The failure domain of a row, as a number.
    pub fn domain(&self, row: usize) -> u32 {
        self.domains[row]
    }

    /// The failure domain of a row, by name.
    pub fn site(&self, row: usize) -> Option<&str> {
        self.sites[row].as_deref()
    }

    /// Operator's preference of a row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights[row]
    }

    /// Streams a row may carry.
    pub fn capacity(&self, row: usize) -> u32 {
        self.capacities[row]
    }

    /// Streams a row holds.
    pub fn streams(&self, row: usize) -> u32 {
        self.streams[row]
    }

    /// Share of a row's capacity in use; 1 for a row without capacity.
    pub fn load(&self, row: usize) -> f64 {
        super::row::load(self.streams[row], self.capacities[row])
    }

    /// Health of a row.
    pub fn health(&self, row: usize) -> Option<Health> {
        self.health[row]
    }

    /// Heat of a row.
    pub fn heat(&self, row: usize) -> Option<Heat> {
        self.heat[row]
    }

    /// Why a row may not take a stream.
    pub fn reasons(&self, row: usize) -> &[String] {
        &self.reasons[row]
    }

    /// Whether a row may take a stream: nothing speaks against it and there is room.
    pub fn is_eligible(&self, row: usize) -> bool {
        self.reasons[row].is_empty() && self.streams[row] < self.capacities[row]
    }
}

/// The present scoreboard, shared between its writers and readers.
#[derive(Debug, Default)]
pub struct LiveScoreboard(ArcSwap<Scoreboard>);

impl LiveScoreboard {
    /// The fleet as it is now.
    pub fn load(&self) -> Arc<Scoreboard> {
        self.0.load_full()
    }

    /// Publishes a new one.
    pub fn store(&self, board: Scoreboard) {
        self.0.store(Arc::new(board));
    }
}
