//! Where pictures and sound come from, named by the address of the encoder.

use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;

use encoder_core::model::{EncoderId, Secret, StreamConfig, Violation};
use encoder_core::{Error, ErrorKind, Result};
use tokio::process::Command;
use url::Url;

use crate::encode::rate;
use crate::script;

const ALLOWED: &str = "must be testsrc:, file:///path, v4l2:///dev/video0, or rtmp://, rtmps:// or \
     srt:// with a host";

/// The input of an encoder.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// A moving test picture and a tone.
    Test,
    /// A file, over and over.
    File(PathBuf),
    /// A capture device, and an ALSA device for its sound.
    Device(PathBuf, Option<String>),
    /// A stream that is fetched.
    Pull(Pull),
}

/// A stream that is fetched. Its address may be a secret, and is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pull {
    url: Secret,
    password: Option<Secret>,
    host: String,
}

impl Input {
    /// Reads an address. For a stream that is fetched, the password is the key after an RTMP
    /// address, or the passphrase of an SRT one: an address is shown to everybody who may look.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] that says what is allowed, without the address.
    pub(crate) fn parse(address: &str, password: Option<&Secret>) -> Result<Self> {
        let url = Url::parse(address).map_err(|_| refuse("address", ALLOWED))?;
        let path = || {
            let path = url.to_file_path().ok().filter(|_| url.fragment().is_none());
            path.ok_or_else(|| refuse("address", ALLOWED))
        };
        match (url.scheme(), url.query()) {
            ("testsrc", None) if url.path().is_empty() => Ok(Self::Test),
            ("file", None) => Ok(Self::File(path()?)),
            ("v4l2", _) => Ok(Self::Device(path()?, sound(&url)?)),
            ("rtmp" | "rtmps" | "srt", _) if url.has_host() => {
                Ok(Self::Pull(Pull::parse(&url, password)?))
            }
            _ => Err(refuse("address", ALLOWED)),
        }
    }

    /// What it is, in words fit for everybody.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Test => "the test picture".to_owned(),
            Self::File(path) | Self::Device(path, _) => path.display().to_string(),
            Self::Pull(pull) => pull.host.clone(),
        }
    }

    /// Whether a stall can only be the network's fault.
    pub(crate) const fn never_waits(&self) -> bool {
        matches!(self, Self::Test | Self::File(_))
    }

    /// Whether there is a picture, as far as can be told without fetching one. Looks at the
    /// disk; call it off the async threads.
    pub(crate) fn is_there(&self) -> Option<bool> {
        match self {
            Self::Test => Some(true),
            Self::File(path) | Self::Device(path, _) => Some(path.exists()),
            Self::Pull(_) => None,
        }
    }

    /// What must not be told of it.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Pull(pull) => [Some(pull.url.clone()), pull.password.clone()]
                .into_iter()
                .flatten()
                .collect(),
            _ => Vec::new(),
        }
    }

    /// What ffmpeg has to be told on its standard input.
    pub(crate) fn script(&self) -> Option<String> {
        match self {
            Self::Pull(pull) => Some(script::address(pull.url.expose())),
            _ => None,
        }
    }

    /// Adds the inputs to a command, and which of their streams are used.
    pub(crate) fn add_to(
        &self,
        command: &mut Command,
        id: &EncoderId,
        config: &StreamConfig,
        writes_text: bool,
    ) {
        match self {
            Self::Test => {
                command.args(["-re", "-f", "lavfi", "-i"]);
                command.arg(test_picture(id, config, writes_text));
                let tone = "sine=frequency=1000:sample_rate=48000";
                command.args(["-re", "-f", "lavfi", "-i", tone]);
                command.args(["-map", "0:v:0", "-map", "1:a:0"]);
            }
            Self::File(path) => {
                let mut file = std::ffi::OsString::from("file:");
                file.push(path);
                command.args(["-re", "-stream_loop", "-1", "-i"]).arg(file);
                command.args(["-map", "0:v:0", "-map", "0:a:0?"]);
            }
            Self::Device(path, sound) => {
                command.args(["-thread_queue_size", "64", "-f", "v4l2", "-i"]);
                command.arg(path);
                command.args(["-thread_queue_size", "1024"]);
                match sound {
                    Some(device) => command.args(["-f", "alsa", "-i", device]),
                    // Many ingests take no stream without sound.
                    None => command.args(["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo"]),
                };
                command.args(["-map", "0:v:0", "-map", "1:a:0"]);
            }
            Self::Pull(_) => {
                command.args(script::INPUT).stdin(Stdio::piped());
                command.args(["-map", "0:v:0", "-map", "0:a:0?"]);
            }
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Pull {
    fn parse(url: &Url, password: Option<&Secret>) -> Result<Self> {
        let open = !url.username().is_empty() || url.password().is_some();
        let passphrase = |(name, _): (_, _)| name == "passphrase";
        if open || url.query_pairs().any(passphrase) {
            let message = "must not hold a user, password or passphrase; give the encoder's \
                 password separately";
            return Err(refuse("address", message));
        }
        let mut whole = url.as_str().to_owned();
        if let Some(password) = password {
            if url.query().is_some() && url.scheme() != "srt" || url.fragment().is_some() {
                return Err(refuse(
                    "address",
                    "must end with the path when there is a password",
                ));
            }
            whole = joined(url, password.expose())?;
        }
        let port = url
            .port()
            .map_or_else(String::new, |port| format!(":{port}"));
        Ok(Self {
            url: Secret::new(whole),
            password: password.cloned(),
            host: format!(
                "{}://{}{port}",
                url.scheme(),
                url.host_str().unwrap_or_default()
            ),
        })
    }
}

/// The address with the key after it.
fn joined(url: &Url, password: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_graphic() && (url.scheme() != "srt" || !"&?+%#".contains(c));
    if password.is_empty() || !password.chars().all(plain) {
        let message = "holds characters that cannot stand in the address of a stream";
        return Err(refuse("password", message));
    }
    let address = url.as_str();
    Ok(match (url.scheme(), url.query()) {
        ("srt", Some(_)) => format!("{address}&passphrase={password}"),
        ("srt", None) => format!("{address}?passphrase={password}"),
        _ => format!("{}/{password}", address.trim_end_matches('/')),
    })
}

/// The sound of a capture device: nothing, or `audio=alsa:` and the device's name.
fn sound(url: &Url) -> Result<Option<String>> {
    let message = "may have audio=alsa:DEVICE after the question mark, and nothing else";
    let pairs: Vec<_> = url.query_pairs().collect();
    match pairs.as_slice() {
        [] => Ok(None),
        [(name, value)] if name == "audio" => {
            let device = value.strip_prefix("alsa:").filter(|name| !name.is_empty());
            let device = device.ok_or_else(|| refuse("address", message))?;
            Ok(Some(device.to_owned()))
        }
        _ => Err(refuse("address", message)),
    }
}

fn test_picture(id: &EncoderId, config: &StreamConfig, writes_text: bool) -> String {
    let (size, rate) = (config.resolution, rate(config.fps));
    let mut graph = format!("testsrc2=size={size}:rate={rate}");
    if writes_text {
        // Nothing in the id of an encoder means anything to a filter.
        graph += &format!(
            ",drawtext=text='{id}  %{{frame_num}}  %{{gmtime}}':fontsize=h/14:fontcolor=white:\
             box=1:boxcolor=black:boxborderw=4:x=(w-tw)/2:y=h/2"
        );
    }
    graph
}

fn refuse(field: &str, message: &str) -> Error {
    let violation = Violation::new(field, "invalid_address", message);
    let message = format!("the {field} of the encoder is not usable: it {message}");
    Error::new(ErrorKind::ValidationFailed, message).with_violations(vec![violation])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str, password: &str) -> Result<Input> {
        let password = Some(password).filter(|text| !text.is_empty());
        Input::parse(address, password.map(Secret::from).as_ref())
    }

    #[test]
    fn addresses_name_inputs() {
        assert_eq!(parse("testsrc:", "").unwrap(), Input::Test);
        let file = Input::File(PathBuf::from("/srv/a b?.mp4"));
        assert_eq!(parse("file:///srv/a%20b%3F.mp4", "").unwrap(), file);
        let device = |sound: Option<&str>| {
            Input::Device(PathBuf::from("/dev/video0"), sound.map(str::to_owned))
        };
        assert_eq!(parse("v4l2:///dev/video0", "").unwrap(), device(None));
        let with_sound = parse("v4l2:///dev/video0?audio=alsa:hw:0", "").unwrap();
        assert_eq!(with_sound, device(Some("hw:0")));
    }

    #[test]
    fn other_addresses_are_refused_without_being_quoted() {
        let addresses = [
            "",
            "testsrc",
            "testsrc:geheim",
            "http://geheim",
            "file://geheim/a",
            "file:///geheim?x",
            "v4l2:///dev/video0?audio=geheim",
            "v4l2:///dev/video0?geheim=1",
            "rtmp:///geheim",
            "rtmp://geheim:geheim@h/live",
            "srt://h:1?passphrase=geheim",
        ];
        for address in addresses {
            let error = parse(address, "").expect_err(address);
            assert_eq!(error.kind(), ErrorKind::ValidationFailed, "{address}");
            assert_eq!(error.violations()[0].field, "address");
            assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
        }
        let error = parse("srt://h:1", "ge&heim").unwrap_err();
        assert_eq!(error.violations()[0].field, "password");
    }

    #[test]
    fn key_of_a_fetched_stream_goes_to_ffmpeg_and_nowhere_else() {
        let script = |address: &str, key: &str| parse(address, key).unwrap().script().unwrap();
        let rtmp = script("rtmp://h/live/", "ge'heim&x");
        assert!(
            rtmp.contains("\nfile 'rtmp://h/live/ge'\\''heim&x'\n"),
            "{rtmp}"
        );
        let srt = script("srt://h:1?mode=caller", "geheimnisvoll");
        assert!(srt.contains("srt://h:1?mode=caller&passphrase=geheimnisvoll"));
        let input = parse("rtmp://h:1935/live", "geheim").unwrap();
        assert_eq!(format!("{input:?}"), "rtmp://h:1935");
        let mut command = Command::new("ffmpeg");
        let id = EncoderId::try_new("soft-1").unwrap();
        input.add_to(
            &mut command,
            &id,
            &encoder_core::testkit::sample_config(),
            true,
        );
        assert!(!format!("{command:?}").contains("geheim"));
    }
}
