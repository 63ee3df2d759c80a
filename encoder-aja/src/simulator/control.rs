//! The control endpoint of the binary: faults and looks inside, over HTTP.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::faults::Fault;
use super::{Simulator, SimulatorFleet};

/// What the control endpoint works on.
#[derive(Clone, Debug)]
pub struct Control {
    fleet: Arc<SimulatorFleet>,
    started: Instant,
}

impl Control {
    /// Control over `fleet`; times in answers count from now.
    #[must_use]
    pub fn new(fleet: Arc<SimulatorFleet>) -> Self {
        Self {
            fleet,
            started: Instant::now(),
        }
    }

    fn device(&self, place: usize) -> Result<&Simulator, Refused> {
        let found = place.checked_sub(1).and_then(|index| self.fleet.get(index));
        found.ok_or_else(|| refused(StatusCode::NOT_FOUND, "no such device"))
    }

    fn millis_since_start(&self, at: Instant) -> u128 {
        at.saturating_duration_since(self.started).as_millis()
    }
}

/// The routes; devices are counted from 1.
///
/// - `GET /devices`: every device with address, state and faults
/// - `POST /devices/{n}/faults`: a [`Fault`] as JSON; `DELETE` ends them all
/// - `POST /devices/{n}/set`: `{"param": …, "value": …}`, as the device itself
/// - `POST /devices/{n}/on`: turns a unit on again
/// - `GET /devices/{n}/requests`: the requests received
/// - `GET /ingest`: what happened at the shared ingest
pub fn control_router(control: Control) -> Router {
    Router::new()
        .route("/devices", get(devices))
        .route("/devices/{n}/faults", post(inject).delete(clear))
        .route("/devices/{n}/set", post(set))
        .route("/devices/{n}/on", post(turn_on))
        .route("/devices/{n}/requests", get(requests))
        .route("/ingest", get(ingest))
        .with_state(control)
}

type Refused = (StatusCode, Json<Value>);

fn refused(status: StatusCode, why: &str) -> Refused {
    (status, Json(json!({"error": why})))
}

#[derive(Serialize)]
struct DeviceView {
    device: usize,
    url: String,
    serial: String,
    stream_state: Option<String>,
    record_state: Option<String>,
    temperature: Option<String>,
    faults: Vec<Fault>,
}

async fn devices(State(control): State<Control>) -> Json<Vec<DeviceView>> {
    let views = control.fleet.iter().zip(1..).map(|(simulator, place)| {
        let device = simulator.device();
        DeviceView {
            device: place,
            url: simulator.url(),
            serial: device.serial().to_owned(),
            stream_state: device.get("ReplicatorStreamState"),
            record_state: device.get("ReplicatorRecordState"),
            temperature: device.get("Temperature"),
            faults: device.faults(),
        }
    });
    Json(views.collect())
}

async fn inject(
    State(control): State<Control>,
    Path(place): Path<usize>,
    Json(fault): Json<Fault>,
) -> Result<StatusCode, Refused> {
    control.device(place)?.inject(fault);
    Ok(StatusCode::NO_CONTENT)
}

async fn clear(
    State(control): State<Control>,
    Path(place): Path<usize>,
) -> Result<StatusCode, Refused> {
    control.device(place)?.clear_faults();
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    param: String,
    value: String,
}

async fn set(
    State(control): State<Control>,
    Path(place): Path<usize>,
    Json(setting): Json<Setting>,
) -> Result<StatusCode, Refused> {
    let device = control.device(place)?.device();
    match device.set(&setting.param, setting.value) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(unknown) => Err(refused(StatusCode::NOT_FOUND, &unknown.to_string())),
    }
}

async fn turn_on(
    State(control): State<Control>,
    Path(place): Path<usize>,
) -> Result<StatusCode, Refused> {
    control.device(place)?.device().turn_on();
    Ok(StatusCode::NO_CONTENT)
}

async fn requests(
    State(control): State<Control>,
    Path(place): Path<usize>,
) -> Result<Json<Vec<Value>>, Refused> {
    let requests = control.device(place)?.requests();
    let shown = requests.iter().map(|request| {
        json!({
            "sequence": request.sequence,
            "at_ms": control.millis_since_start(request.at),
            "method": request.method,
            "path": request.path,
            "params": request.params,
            "authenticated": request.authenticated,
        })
    });
    Ok(Json(shown.collect()))
}

async fn ingest(State(control): State<Control>) -> Result<Json<Vec<Value>>, Refused> {
    let Some(ingest) = control.fleet.ingest() else {
        return Err(refused(StatusCode::NOT_FOUND, "no ingest is simulated"));
    };
    let history = ingest.history();
    let shown = history.iter().map(|record| {
        json!({
            "at_ms": control.millis_since_start(record.at),
            "serial": record.serial,
            "url": record.url,
            "what": record.what,
        })
    });
    Ok(Json(shown.collect()))
}
