//! Ids of traces and spans. The same record always has the same ids.

use std::time::Duration;

use mermin_core::flow::FlowId;

/// FNV-1a of 128 bits. It never changes, unlike the hashers of std.
#[derive(Clone, Copy)]
struct Fnv(u128);

impl Fnv {
    const BASIS: Self = Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

    fn add(mut self, octets: &[u8]) -> Self {
        for octet in octets {
            self.0 = (self.0 ^ u128::from(*octet)).wrapping_mul(Self::PRIME);
        }
        self
    }

    /// Combines both halves with XOR.
    fn folded(self) -> u64 {
        let [high, low] = [self.0 >> 64, self.0 & u128::from(u64::MAX)];
        u64::try_from(high ^ low).unwrap_or(0)
    }
}

/// Returns the trace id of flows with one Community ID that begin within the same period of `timeout`. The boundaries
/// of periods differ between Community IDs, so not all traces end together.
///
/// It needs no state, so a restart changes nothing, and two hosts that see one conversation give it the same trace.
pub(crate) fn trace(community_id: &[u8], start: u64, timeout: Duration) -> [u8; 16] {
    let hash = Fnv::BASIS.add(community_id);
    let length = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX).max(1);
    let piece = start.saturating_add(hash.folded() % length) / length;
    let id = hash.add(&piece.to_be_bytes()).0;
    // All zeros is not a valid id (W3C Trace Context).
    id.max(1).to_be_bytes()
}

/// Returns the span id of a record.
pub(crate) fn span(id: FlowId, sequence: u64) -> [u8; 8] {
    let hash = Fnv::BASIS
        .add(&id.to_u128().to_be_bytes())
        .add(&sequence.to_be_bytes());
    hash.folded().max(1).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const HOUR: u64 = 3600 * 1_000_000_000;
    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn hash_is_fnv_1a() {
        // Test vectors of draft-eastlake-fnv: the empty text and `foobar`.
        assert_eq!(Fnv::BASIS.add(b"").0, Fnv::BASIS.0);
        assert_eq!(
            Fnv::BASIS.add(b"foobar").0,
            0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18
        );
    }

    #[test]
    fn conversation_keeps_its_trace_id_for_the_configured_time() {
        let traces = |step: u64, count: u64| -> Vec<_> {
            let moments = (0..count).map(|number| 400_000 * HOUR + number * step);
            moments.map(|start| trace(b"1:abc=", start, DAY)).collect()
        };
        let hourly = traces(HOUR, 24 * 10);
        let mut distinct = hourly.clone();
        distinct.dedup();
        // Ten days have nine to eleven boundaries, one per day.
        assert!((10..=11).contains(&distinct.len()), "{}", distinct.len());
        let pieces: HashSet<_> = hourly.iter().collect();
        assert_eq!(pieces.len(), distinct.len());
        assert_ne!(trace(b"1:abc=", 0, DAY), trace(b"1:abd=", 0, DAY));
    }

    #[test]
    fn each_record_has_its_own_span_id() {
        let spans: HashSet<_> = (0..100_u128)
            .flat_map(|id| (0..100).map(move |sequence| span(FlowId::from_u128(id), sequence)))
            .collect();
        assert_eq!(spans.len(), 10_000);
        assert_eq!(span(FlowId::from_u128(7), 3), span(FlowId::from_u128(7), 3));
    }
}
