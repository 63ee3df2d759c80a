//! What can be asked of running simulated encoders.

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    place: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Injection {
    place: usize,
    fault: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clearing {
    place: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    place: usize,
    parameter: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    place: usize,
    parameter: String,
    value: String,
}

/// A destination: an address and a stream key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    url: String,
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusing {
    url: Option<String>,
    key: Option<String>,
    refuse: bool,
}

impl Running {
    /// Answers one question, or does one thing.
    pub(super) fn ask(&self, name: &str, arguments: Value) -> Result<Value> {
        match name {
            "urls" => Ok(json!(self.fleet.urls())),
            "inject" => self.inject(read(name, arguments)?),
            "clear_faults" => self.clear_faults(&read(name, arguments)?),
            "faults" => {
                let At { place } = read(name, arguments)?;
                Ok(json!(self.device(place)?.device().faults()))
            }
            "requests" => {
                let At { place } = read(name, arguments)?;
                Ok(self.requests(self.device(place)?))
            }
            "turn_on" => {
                let At { place } = read(name, arguments)?;
                self.device(place)?.device().turn_on();
                Ok(Value::Null)
            }
            "get" | "release" => self.parameter(name, &read(name, arguments)?),
            "set" | "command" => self.write(name, read(name, arguments)?),
            other => self.ask_ingest(other, arguments),
        }
    }

    fn device(&self, place: usize) -> Result<&Helo> {
        self.fleet.get(place).ok_or_else(|| {
            let count = self.fleet.len();
            let message = format!("no device {place}; there are {count}, counted from 0");
            Error::new(ErrorKind::NotFound, message)
        })
    }

    fn inject(&self, Injection { place, fault }: Injection) -> Result<Value> {
        let device = self.device(place)?;
        device.inject(read::<Fault>("fault", fault)?);
        Ok(Value::Null)
    }

    fn clear_faults(&self, Clearing { place }: &Clearing) -> Result<Value> {
        match place {
            Some(place) => self.device(*place)?.clear_faults(),
            None => self.fleet.iter().for_each(Helo::clear_faults),
        }
        Ok(Value::Null)
    }

    fn parameter(&self, name: &str, Named { place, parameter }: &Named) -> Result<Value> {
        let device = self.device(*place)?.device();
        if name == "release" {
            device.release(parameter).map_err(|error| unknown(&error))?;
            return Ok(Value::Null);
        }
        let value = device.get(parameter);
        let message = format!("no parameter {parameter}");
        Ok(json!(value.ok_or_else(|| unknown(&message))?))
    }

    fn write(&self, name: &str, setting: Setting) -> Result<Value> {
        let Setting {
            place,
            parameter,
            value,
        } = setting;
        let device = self.device(place)?.device();
        let written = match name {
            "command" => device.command(&parameter, &value),
            _ => device.set(&parameter, value),
        };
        written.map_err(|error| unknown(&error))?;
        Ok(Value::Null)
    }

    fn requests(&self, device: &Helo) -> Value {
        let requests = device.requests();
        let shown = requests.iter().map(|request| {
            json!({
                "sequence": request.sequence,
                "at_seconds": self.seconds(request.at),
                "method": request.method,
                "path": request.path,
                "params": request.params,
                "authenticated": request.authenticated,
            })
        });
        shown.collect()
    }

    fn ask_ingest(&self, name: &str, arguments: Value) -> Result<Value> {
        let none = || misuse("no ingest is simulated; streams go nowhere");
        let ingest = self.fleet.ingest().ok_or_else(none)?;
        match name {
            "publishers" => {
                let Place { url, key } = read(name, arguments)?;
                Ok(self.publishers(ingest, &url, &key))
            }
            "most_publishers" => {
                let Place { url, key } = read(name, arguments)?;
                Ok(json!(ingest.most_publishers(&url, &key)))
            }
            "drop_publishers" => {
                let Place { url, key } = read(name, arguments)?;
                ingest.drop_publishers(&url, &key);
                Ok(Value::Null)
            }
            "refuse" => {
                match read(name, arguments)? {
                    Refusing {
                        url: Some(url),
                        key: Some(key),
                        refuse,
                    } => {
                        ingest.refuse_key(&url, &key, refuse);
                    }
                    Refusing { refuse, .. } => ingest.refuse_everybody(refuse),
                }
                Ok(Value::Null)
            }
            "history" => Ok(self.history(ingest)),
            other => {
                let message = format!("a simulator has no `{}`", other.escape_default());
                Err(Error::new(ErrorKind::NotFound, message))
            }
        }
    }

    fn publishers(&self, ingest: &SimulatedIngest, url: &str, key: &str) -> Value {
        let publishers = ingest.publishers(url, key).into_iter().map(|publisher| {
            json!({
                "serial": publisher.serial,
                "since_seconds": self.seconds(publisher.since),
                "silent_since_seconds": publisher.silent_since.map(|at| self.seconds(at)),
            })
        });
        publishers.collect()
    }

    fn history(&self, ingest: &SimulatedIngest) -> Value {
        let history = ingest.history().into_iter().map(|record| {
            json!({
                "at_seconds": self.seconds(record.at),
                "serial": record.serial,
                "url": record.url,
                "what": record.what,
            })
        });
        history.collect()
    }

    /// Since the devices run.
    fn seconds(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.since).as_secs_f64()
    }
}

fn unknown(error: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::NotFound, error.to_string())
}
