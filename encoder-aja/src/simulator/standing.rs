//! How a publication stands, as its device may know.

/// Where a publication has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "media"),
    expect(
        dead_code,
        reason = "only real media take time to connect and can be slow"
    )
)]
pub(super) enum Standing {
    /// The destination has not taken it yet.
    Connecting,
    /// It arrives.
    OnAir {
        /// The destination takes less than is sent.
        slow: bool,
    },
    /// It has ended.
    Lost {
        /// The name of the destination is unknown.
        unknown_name: bool,
    },
}
