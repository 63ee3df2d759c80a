//! What `examples/monitoring` ships: rules, routes, dashboards and runbooks, by themselves and as the
//! programs read them that they are for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod alerts;
mod dashboards;
mod programs;
mod routes;
mod scraped;
mod shipped;
