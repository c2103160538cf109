//! Names of files.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    time::UNIX_EPOCH,
};

use chrono::DateTime;
use mermin_core::Flow;

/// Returns a name such as `flows-20261129T014316Z-0123456789abcdef.parquet`: the time of the last packet, to the
/// second, and a digest.
///
/// The same records give the same name. So after an error without a result, the file is written again in its own
/// place, and repeated records are stored once.
pub(crate) fn name(flows: &[Flow]) -> String {
    let mut hasher = DefaultHasher::new();
    for flow in flows {
        (flow.id, flow.sequence).hash(&mut hasher);
    }
    let newest = flows.iter().map(|flow| flow.end).max();
    let since = newest.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let seconds = since.map_or(0, |since| since.as_secs());
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .unwrap_or_default();
    let time = time.format("%Y%m%dT%H%M%SZ");
    format!("flows-{time}-{:016x}.parquet", hasher.finish())
}

#[cfg(test)]
mod tests {
    use mermin_core::sink::testing::flows;

    use super::*;

    #[test]
    fn file_name_depends_on_the_records() {
        let mut flows = flows(3);
        let first = name(&flows);
        assert!(first.starts_with("flows-20251123T000002Z-"), "{first}");
        assert_eq!(name(&flows), first);
        flows[0].sequence += 1;
        assert_ne!(name(&flows), first);
        flows[2].end = UNIX_EPOCH - std::time::Duration::from_secs(1);
        assert_eq!(name(&flows[2..]).find("flows-19700101T000000Z-"), Some(0));
    }
}
