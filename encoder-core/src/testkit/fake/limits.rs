//! What a fake encoder cannot be set to.

use crate::driver::Limits;
use crate::model::{PublishTarget, StreamConfig};

/// The first setting beyond the limits.
pub(super) fn beyond(
    limits: &Limits,
    config: &StreamConfig,
    target: &PublishTarget,
) -> Option<&'static str> {
    let (smallest, largest) = (limits.min_resolution, limits.max_resolution);
    let resolution = config.resolution;
    let scheme = target.url.split("://").next().unwrap_or_default();
    let audio = &limits.audio_bitrates;
    let checks = [
        (
            "resolution",
            (smallest.width..=largest.width).contains(&resolution.width)
                && (smallest.height..=largest.height).contains(&resolution.height),
        ),
        (
            "bitrate",
            (limits.min_bitrate..=limits.max_bitrate).contains(&config.bitrate),
        ),
        (
            "audio_bitrate",
            audio.is_empty() || audio.contains(&config.audio_bitrate),
        ),
        (
            "keyframe_interval",
            config.gop_frames() <= limits.max_gop_frames,
        ),
        (
            "url",
            limits.schemes.is_empty() || limits.schemes.iter().any(|known| known == scheme),
        ),
    ];
    checks
        .into_iter()
        .find(|(_, fits)| !fits)
        .map(|(field, _)| field)
}
