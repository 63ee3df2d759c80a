//! Reading the settings, and telling everything that is wrong with them at once.

use std::fmt;
use std::path::{Path, PathBuf};

use encoder_core::{Error, ErrorKind, Result};
use figment::error::Kind;
use figment::providers::{Env, Format, Yaml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::{ServerConfig, rules, short};

/// Beginning of every environment variable; `__` stands between nested keys, as in
/// `ENCODER_MANAGER__LIMITS__BODY_BYTES`.
const ENV_PREFIX: &str = "ENCODER_MANAGER__";

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The key, dotted; empty when the source as a whole is at fault.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
    /// The file or the environment.
    pub place: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads `file` (if any), `dotenv` (if it is there) and the environment.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`] naming every problem.
pub fn load(file: Option<&Path>, dotenv: Option<&Path>) -> Result<ServerConfig> {
    read(&all_sources(file, dotenv)).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Error::new(ErrorKind::ConfigInvalid, lines.join("; "))
    })
}

/// Everything that is wrong with what [`load`] reads.
pub fn check(file: Option<&Path>, dotenv: Option<&Path>) -> Vec<ConfigProblem> {
    let figment = all_sources(file, dotenv);
    read(&figment).err().unwrap_or_default()
}

/// The files and the environment.
fn all_sources(file: Option<&Path>, dotenv: Option<&Path>) -> Figment {
    let dotenv = dotenv.filter(|path| path.exists());
    let figment = sources(file, dotenv, |name| std::env::var(name).ok());
    figment.merge(Env::prefixed(ENV_PREFIX).split("__"))
}

/// Everything that is wrong with a file, the environment left aside.
pub fn check_file(file: &Path) -> Vec<ConfigProblem> {
    check_files(file, None)
}

/// Everything that is wrong with a file and, laid over it, a `.env` file; the environment of this
/// process left aside.
pub fn check_files(file: &Path, dotenv: Option<&Path>) -> Vec<ConfigProblem> {
    let figment = sources(Some(file), dotenv, |_| None);
    read(&figment).err().unwrap_or_default()
}

/// The files, and between them the short names, which `environment` may know better.
fn sources(
    file: Option<&Path>,
    dotenv: Option<&Path>,
    environment: impl Fn(&str) -> Option<String>,
) -> Figment {
    let mut figment = Figment::new();
    if let Some(file) = file {
        figment = figment.merge(Yaml::file_exact(file));
    }
    let written = dotenv.map(DotEnv::read).unwrap_or_default();
    for name in short::names() {
        if let Some(value) = environment(name).or_else(|| written.value(name)) {
            figment = figment.merge(short::ShortName { name, value });
        }
    }
    if dotenv.is_some() {
        figment = figment.merge(written);
    }
    figment
}

/// A parser stops at the first fault. To report all of them, each faulty key is noted, taken
/// out, and the rest is read again.
fn read(figment: &Figment) -> std::result::Result<ServerConfig, Vec<ConfigProblem>> {
    let mut problems = Vec::new();
    let mut tree = match figment.data() {
        Ok(profiles) => profiles.into_values().fold(Dict::new(), merged),
        Err(error) => return Err(vec![problem(figment, &error, error.path.clone())]),
    };
    loop {
        match Value::from(tree.clone()).deserialize::<ServerConfig>() {
            Ok(config) => {
                let judged = rules::check(config);
                if problems.is_empty() && judged.is_ok() {
                    return judged;
                }
                let more = judged.err().unwrap_or_default();
                problems.extend(more.into_iter().map(|problem| placed(figment, problem)));
                return Err(problems);
            }
            Err(error) => {
                let mut path = error.path.clone();
                if let Kind::UnknownField(name, _) = &error.kind
                    && path.last() != Some(name)
                {
                    path.push(name.clone());
                }
                problems.push(problem(figment, &error, path.clone()));
                if !remove(&mut tree, &path) {
                    return Err(problems);
                }
            }
        }
    }
}

fn merged(mut into: Dict, from: Dict) -> Dict {
    into.extend(from);
    into
}

fn problem(figment: &Figment, error: &figment::Error, path: Vec<String>) -> ConfigProblem {
    let message = match &error.kind {
        Kind::UnknownField(_, expected) => match nearest(path.last(), expected) {
            Some(name) => format!("unknown key; did you mean `{name}`?"),
            None => format!("unknown key; expected one of {}", expected.join(", ")),
        },
        // The words for a value of the wrong type repeat it.
        _ if path.iter().any(|name| holds_secret(name)) => {
            "must be text; put it into quotes".to_owned()
        }
        // The name of a type of ours helps nobody.
        Kind::InvalidType(actual, expected)
            if expected.starts_with("struct ") || expected == "a map" =>
        {
            format!("must be a group of keys, not {actual}")
        }
        kind => kind.to_string(),
    };
    let found = holder(figment, &path.join("."));
    ConfigProblem {
        key: path.join("."),
        message,
        place: place(found.or(error.metadata.as_ref())),
    }
}

/// Names the source of a value that has the right type and is wrong all the same.
fn placed(figment: &Figment, problem: ConfigProblem) -> ConfigProblem {
    match holder(figment, &problem.key) {
        Some(found) => ConfigProblem {
            place: place(Some(found)),
            ..problem
        },
        None => problem,
    }
}

/// The source of a key. One that is missing, or stands in a list, is its group's; one whose group is
/// set nowhere is the configuration's as a whole.
fn holder<'a>(figment: &'a Figment, key: &str) -> Option<&'a Metadata> {
    let groups = std::iter::successors(Some(key), |key| Some(key.rsplit_once('.')?.0));
    groups
        .into_iter()
        .find_map(|key| figment.find_metadata(key))
}

fn holds_secret(name: &str) -> bool {
    matches!(name, "password" | "secret" | "secrets" | "token")
}

fn place(metadata: Option<&Metadata>) -> String {
    match metadata {
        Some(metadata) => match &metadata.source {
            Some(source) => source.to_string(),
            None => metadata.name.clone().into_owned(),
        },
        None => "configuration".to_owned(),
    }
}

/// The expected name that shares the longest beginning with the given one, three letters at least.
fn nearest<'a>(name: Option<&String>, expected: &[&'a str]) -> Option<&'a str> {
    let shared = |other: &str| {
        let pairs = name.map(|name| name.bytes().zip(other.bytes()));
        pairs.map_or(0, |pairs| pairs.take_while(|(a, b)| a == b).count())
    };
    let best = expected.iter().max_by_key(|other| shared(other))?;
    (shared(best) >= 3).then_some(*best)
}

/// Takes a key out of the tree; a faulty list entry takes its whole entry along.
fn remove(tree: &mut Dict, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return false;
    };
    if rest.is_empty() {
        return tree.remove(first).is_some();
    }
    match tree.get_mut(first) {
        Some(Value::Dict(_, inner)) => remove(inner, rest),
        Some(Value::Array(_, items)) => match rest[0].parse::<usize>() {
            Ok(index) if index < items.len() => {
                items.remove(index);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

/// A `.env` file as a source of its own: reading it into the environment would race with every
/// other reader in the process.
#[derive(Default)]
struct DotEnv {
    path: PathBuf,
    pairs: Vec<(String, String)>,
    fault: Option<String>,
}

impl DotEnv {
    fn read(path: &Path) -> Self {
        let mut file = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        match dotenvy::from_path_iter(path) {
            Ok(pairs) => match pairs.collect() {
                Ok(pairs) => file.pairs = pairs,
                // The parser's message quotes the line, which may hold a password.
                Err(_) => file.fault = Some("a line is not NAME=VALUE".to_owned()),
            },
            Err(error) => file.fault = Some(error.to_string()),
        }
        file
    }

    fn value(&self, name: &str) -> Option<String> {
        let mut found = self.pairs.iter().filter(|(known, _)| known == name);
        found.next_back().map(|(_, value)| value.clone())
    }
}

impl Provider for DotEnv {
    fn metadata(&self) -> Metadata {
        Metadata::from("environment file", self.path.as_path())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        let mut tree = Dict::new();
        for (name, value) in &self.pairs {
            let Some(key) = name.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            let key = key.to_lowercase().replace("__", ".");
            let value = value.parse().expect("figment values parse from any text");
            if let Value::Dict(_, nested) = figment::util::nest(&key, value) {
                tree = join(tree, nested);
            }
        }
        Ok(Profile::Default.collect(tree))
    }
}

pub(super) fn join(mut into: Dict, from: Dict) -> Dict {
    for (key, value) in from {
        let value = match (into.remove(&key), value) {
            (Some(Value::Dict(tag, old)), Value::Dict(_, new)) => Value::Dict(tag, join(old, new)),
            (_, value) => value,
        };
        into.insert(key, value);
    }
    into
}
