//! What ffmpeg plays, told on its standard input, so that no key is in the list of processes.

use encoder_core::model::PublishTarget;

/// The arguments that make ffmpeg read its input's address from its standard input.
pub const INPUT: &[&str] = &[
    "-f",
    "concat",
    "-safe",
    "0",
    "-protocol_whitelist",
    "file,pipe,rtmp,rtmps,tls,tcp,srt,udp,http,https,crypto,data",
    "-i",
    "pipe:0",
];

/// The script for [`INPUT`] that plays what is published to a target, without first looking at
/// seconds of it to find out what it is: an RTMP stream tells that with its first key frame. Takes
/// ffmpeg 5 or newer.
pub fn play(target: &PublishTarget) -> String {
    let (url, key) = (target.url.trim_end_matches('/'), target.stream_key.expose());
    let script = address(&format!("{url}/{key}"));
    script + "option analyzeduration 0\noption fpsprobesize 0\n"
}

/// The script for [`INPUT`] that plays an address.
pub fn address(url: &str) -> String {
    // Within quotes only the quote itself means anything; a line break would end the line.
    let quoted = url.replace(['\n', '\r'], "").replace('\'', r"'\''");
    format!("ffconcat version 1.0\nfile '{quoted}'\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_leave_its_quotes() {
        let script = address("rtmp://h/a'\nfile '/etc/passwd");
        assert_eq!(
            script,
            "ffconcat version 1.0\nfile 'rtmp://h/a'\\''file '\\''/etc/passwd'\n"
        );
    }
}
