//! Registrations: what the store knows of encoders.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::driver::EncoderDriver;
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::Fleet;
use crate::model::{
    EncoderId, EncoderSpec, EncoderView, FailoverRequest, StreamState, Trigger, Violation,
};
use crate::store::{Expect, Key, Revision, StateStore};
use crate::streams::Streams;

const ENCODERS: &str = "encoders/";

fn key(id: &EncoderId) -> Key {
    Key::try_new(format!("{ENCODERS}{id}")).expect("encoder ids are made of key characters")
}

fn encode(spec: &EncoderSpec) -> Result<Vec<u8>> {
    serde_json::to_vec(spec).map_err(|error| {
        Error::new(ErrorKind::Unexpected, "a registration cannot be written").with_source(error)
    })
}

/// Checks what types alone cannot.
fn check(spec: &EncoderSpec) -> Result<()> {
    let mut violations = Vec::new();
    if !spec.weight.is_finite() || !(0.0..=100.0).contains(&spec.weight) {
        violations.push(Violation::new(
            "weight",
            "out_of_range",
            "weight must be 0 to 100",
        ));
    }
    if !(1..=64).contains(&spec.capacity) {
        violations.push(Violation::new(
            "capacity",
            "out_of_range",
            "capacity must be 1 to 64",
        ));
    }
    if violations.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the registration of {} breaks {} rule(s)",
        spec.id,
        violations.len()
    );
    Err(Error::new(ErrorKind::ValidationFailed, message).with_violations(violations))
}

/// Enters what the store and the program know, at start. The program's word wins. With `write`
/// its registrations are written to the store.
///
/// # Errors
/// What is wrong with a registration of the program. One of the store, or a driver that the machine
/// cannot offer now, is left out instead: the rest of the fleet has streams to keep on air.
pub(crate) async fn load(
    fleet: &Fleet,
    store: &dyn StateStore,
    specs: Vec<EncoderSpec>,
    drivers: BTreeMap<EncoderId, Arc<dyn EncoderDriver>>,
    write: bool,
) -> Result<()> {
    let driver_of = |spec: &EncoderSpec| match drivers.get(&spec.id) {
        Some(driver) => Ok(Arc::clone(driver)),
        None => fleet.make_driver(spec),
    };
    let mut made = BTreeMap::new();
    // All of them before anything is written or watched.
    for spec in &specs {
        check(spec)?;
        match driver_of(spec) {
            Err(error) if error.kind() == ErrorKind::ValidationFailed => {
                return Err(error.with_context("encoder", &spec.id));
            }
            driver => made.insert(spec.id.clone(), driver),
        };
    }
    for (id, (spec, revision)) in registered(store, specs, write).await? {
        match made.remove(&id).unwrap_or_else(|| driver_of(&spec)) {
            Ok(driver) => fleet.enter(spec, revision.0, driver),
            Err(error) => tracing::error!(encoder = %id, %error, "encoder left out"),
        }
    }
    Ok(())
}

/// The registrations of the store with those of the program laid over them.
async fn registered(
    store: &dyn StateStore,
    specs: Vec<EncoderSpec>,
    write: bool,
) -> Result<BTreeMap<EncoderId, (EncoderSpec, Revision)>> {
    let mut known = BTreeMap::new();
    let prefix = Key::try_new(ENCODERS).expect("the prefix is a constant");
    for stored in store.list(&prefix).await? {
        match serde_json::from_slice::<EncoderSpec>(&stored.value) {
            Ok(spec) => {
                known.insert(spec.id.clone(), (spec, stored.revision));
            }
            Err(error) => tracing::error!(key = %stored.key, %error, "registration unreadable"),
        }
    }
    for spec in specs {
        let revision = match known.get(&spec.id) {
            Some((same, revision)) if *same == spec => *revision,
            _ if write => {
                store
                    .put(&key(&spec.id), &encode(&spec)?, Expect::Any)
                    .await?
            }
            _ => Revision::default(),
        };
        known.insert(spec.id.clone(), (spec, revision));
    }
    Ok(known)
}

pub(crate) async fn add(
    fleet: &Fleet,
    store: &dyn StateStore,
    spec: EncoderSpec,
) -> Result<EncoderView> {
    check(&spec)?;
    let exists = || {
        Error::new(
            ErrorKind::AlreadyExists,
            "an encoder of that name is registered",
        )
        .with_context("encoder", &spec.id)
    };
    if fleet.find(&spec.id).is_some() {
        return Err(exists());
    }
    let driver = fleet.make_driver(&spec)?;
    let written = store
        .put(&key(&spec.id), &encode(&spec)?, Expect::Absent)
        .await;
    let revision = written.map_err(|error| match error.kind() {
        ErrorKind::RevisionMismatch => exists(),
        _ => error,
    })?;
    let id = spec.id.clone();
    fleet.enter(spec, revision.0, driver);
    Ok(fleet.view(fleet.get(&id)?.as_ref()))
}

pub(crate) async fn update(
    fleet: &Fleet,
    store: &dyn StateStore,
    spec: EncoderSpec,
    expect: Option<u64>,
) -> Result<EncoderView> {
    check(&spec)?;
    let encoder = fleet.get(&spec.id)?;
    let old = encoder.spec();
    let moved =
        (&old.address, &old.driver, &old.password) != (&spec.address, &spec.driver, &spec.password);
    let driver = moved.then(|| fleet.make_driver(&spec)).transpose()?;
    let expect = expect.map_or(Expect::Any, |revision| Expect::Revision(Revision(revision)));
    let revision = store.put(&key(&spec.id), &encode(&spec)?, expect).await?;
    let id = spec.id.clone();
    match driver {
        Some(driver) => fleet.enter(spec, revision.0, driver),
        None => fleet.amend(spec, revision.0)?,
    }
    Ok(fleet.view(fleet.get(&id)?.as_ref()))
}

/// Sees to it that no stream needs the encoder any more.
pub(crate) async fn clear(
    fleet: &Fleet,
    streams: &Streams,
    id: &EncoderId,
    drain: bool,
) -> Result<()> {
    fleet.get(id)?;
    let holding: Vec<_> = fleet
        .holders(id)
        .into_iter()
        .filter_map(|stream| streams.view(&stream).ok())
        .filter(|view| view.record.state.is_active() && view.record.holds(id))
        .collect();
    if !holding.is_empty() && !drain {
        let names: Vec<_> = holding
            .iter()
            .map(|view| view.record.id.to_string())
            .collect();
        let message = format!(
            "serves {}; use drain to move it away first",
            names.join(", ")
        );
        return Err(Error::new(ErrorKind::Conflict, message).with_context("encoder", id));
    }
    for view in holding {
        if view.record.primary.encoder_id == *id {
            move_away(streams, &view.record.id, id).await?;
        }
    }
    Ok(())
}

async fn move_away(
    streams: &Streams,
    stream: &crate::model::StreamId,
    id: &EncoderId,
) -> Result<()> {
    let request = FailoverRequest {
        reason: Some(format!("{id} is drained")),
        to: None,
    };
    let accepted = streams.failover(stream, request, Trigger::Manual).await?;
    let view = streams.settled(&accepted).await?;
    if view.record.state == StreamState::Live && view.record.primary.encoder_id != *id {
        return Ok(());
    }
    let message = format!("{stream} could not be moved away; its timeline says why");
    Err(Error::new(ErrorKind::Conflict, message).with_context("encoder", id))
}

pub(crate) async fn remove(fleet: &Fleet, store: &dyn StateStore, id: &EncoderId) -> Result<()> {
    store.delete(&key(id), Expect::Any).await?;
    fleet.leave(id);
    Ok(())
}
