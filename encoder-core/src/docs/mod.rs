//! Longer texts that belong to no single type.

#[doc = include_str!("alerts.md")]
pub mod alerts {}

#[doc = include_str!("certificates.md")]
pub mod certificates {}

#[doc = include_str!("concepts.md")]
pub mod concepts {}

#[doc = include_str!("errors.md")]
pub mod errors {}

#[doc = include_str!("failover.md")]
pub mod failover {}

#[doc = include_str!("thermal.md")]
pub mod thermal {}

#[doc = include_str!("logging.md")]
pub mod logging {}

#[doc = include_str!("metrics.md")]
pub mod metrics {}

#[doc = include_str!("scores.md")]
pub mod scores {}

#[doc = include_str!("storage.md")]
pub mod storage {}

#[doc = include_str!("remediation.md")]
pub mod remediation {}

#[doc = include_str!("runbooks.md")]
pub mod runbooks {}

#[doc = include_str!("upgrade.md")]
pub mod upgrade {}

/// Choices that are hard to reverse, one page each: problem, decision, drawbacks, alternatives.
pub mod adr {
    #[doc = include_str!("adr/0001-virtual-workspace.md")]
    pub mod virtual_workspace {}

    #[doc = include_str!("adr/0002-trait-objects.md")]
    pub mod trait_objects {}

    #[doc = include_str!("adr/0003-immutable-scoreboard.md")]
    pub mod immutable_scoreboard {}

    #[doc = include_str!("adr/0004-key-value-store.md")]
    pub mod key_value_store {}

    #[doc = include_str!("adr/0005-one-task-per-stream.md")]
    pub mod one_task_per_stream {}

    #[doc = include_str!("adr/0006-on-air-without-the-store.md")]
    pub mod on_air_without_the_store {}

    #[doc = include_str!("adr/0007-profile-ten.md")]
    pub mod profile_ten {}

    #[doc = include_str!("adr/0008-statistics-as-witness.md")]
    pub mod statistics_as_witness {}

    #[doc = include_str!("adr/0009-ffmpeg-as-child.md")]
    pub mod ffmpeg_as_child {}

    #[doc = include_str!("adr/0010-settings-by-hand-over.md")]
    pub mod settings_by_hand_over {}

    #[doc = include_str!("adr/0011-json-to-other-languages.md")]
    pub mod json_to_other_languages {}
}
