//! Which ffmpeg it is.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::process;

/// How long ffmpeg may take to name itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// The version of an ffmpeg, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// Asks the ffmpeg at that path.
    ///
    /// # Errors
    /// Those of starting a program, [`io::ErrorKind::NotFound`] for a missing ffmpeg;
    /// [`io::ErrorKind::InvalidData`] for a program that is no ffmpeg.
    pub async fn of(ffmpeg: &Path) -> io::Result<Self> {
        let mut command = Command::new(ffmpeg);
        command.arg("-version").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let output = async { process::spawn(command).await?.wait_with_output().await };
        let output = tokio::time::timeout(PATIENCE, output).await;
        let output = output.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        let words = String::from_utf8_lossy(&output.stdout);
        Self::parse(&words).ok_or_else(|| {
            let message = format!("{} is not ffmpeg", ffmpeg.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        })
    }

    /// Reads what `ffmpeg -version` prints.
    pub fn parse(words: &str) -> Option<Self> {
        let rest = words.lines().next()?.strip_prefix("ffmpeg version ")?;
        rest.split_whitespace()
            .next()
            .map(|text| Self(text.to_owned()))
    }

    /// Whether options of a connection can be told in a preset file. Tried with 4.2, 5.1 and 7.0,
    /// where they can; 9.0 reads the file and loses them. Of any other nobody knows.
    pub(crate) fn reads_presets(&self) -> bool {
        let number = self.0.trim_start_matches('n');
        let major = number.split(['.', '-']).next().unwrap_or_default();
        matches!(major.parse(), Ok(4..=7))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_its_third_word() {
        let words = "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026\nbuilt with gcc";
        assert_eq!(
            Version::parse(words).unwrap().to_string(),
            "5.1.9-0+deb12u1"
        );
        assert_eq!(Version::parse("GNU bash, version 5\n"), None);
    }

    #[test]
    fn presets_are_trusted_where_they_were_tried() {
        let cases = [
            ("4.2.2-static", true),
            ("5.1.9-0+deb12u1", true),
            ("n7.0.2-17-g2a57", true),
            ("8.0", false),
            ("n9.0.2-17-g2a571b6068-20260930", false),
            ("N-109542-g1bf1beb", false),
        ];
        for (text, trusted) in cases {
            assert_eq!(Version(text.to_owned()).reads_presets(), trusted, "{text}");
        }
    }
}
