//! What is in force where several settings say whether to repair.

use std::collections::BTreeMap;

use crate::model::{AutoRemediation, TroubleKind};

/// What is in force for a kind of trouble on an encoder: the most restrictive of what the whole
/// manager, the encoder and the kind are set to.
///
/// ```
/// use std::collections::BTreeMap;
/// use encoder_core::model::{AutoRemediation, TroubleKind};
/// use encoder_core::remediation::in_force;
///
/// let kinds = BTreeMap::from([(TroubleKind::Network, AutoRemediation::Observe)]);
/// let on = AutoRemediation::On;
/// assert_eq!(in_force(on, None, &kinds, TroubleKind::Network), AutoRemediation::Observe);
/// assert_eq!(in_force(on, None, &kinds, TroubleKind::Stream), on);
/// let encoder = Some(AutoRemediation::Off);
/// assert_eq!(in_force(on, encoder, &kinds, TroubleKind::Network), AutoRemediation::Off);
/// ```
pub fn in_force(
    manager: AutoRemediation,
    encoder: Option<AutoRemediation>,
    kinds: &BTreeMap<TroubleKind, AutoRemediation>,
    kind: TroubleKind,
) -> AutoRemediation {
    let kind = kinds.get(&kind).copied();
    [Some(manager), encoder, kind]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or_default()
}
