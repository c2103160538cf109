//! Fields that a server may write as `null`.

use serde::{Deserialize, Deserializer};

/// Reads `null` as the default: Go writes an empty list or map as either (`endpoints: null` of endpoint slices).
pub(super) fn null<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
