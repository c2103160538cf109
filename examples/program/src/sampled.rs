//! Flows that stand for others.

use mermin_core::Flow;

/// Returns the number of flows that a flow stands for: more than one if flows are sampled.
///
/// ```
/// use std::num::NonZeroU32;
///
/// use mermin_core::flow::{Endpoint, Flow, FlowId, Interface, Protocol};
/// use mermin_program::stands_for;
///
/// let [near, far] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(|address| Endpoint::new(address, 53));
/// let (id, eth0) = (FlowId::from_u128(1), Interface::new(2, "eth0"));
/// let mut flow = Flow::new(id, Protocol::UDP, near, far, eth0, std::time::SystemTime::now());
/// assert_eq!(stands_for(&flow), 1);
/// flow.sampling_interval = NonZeroU32::new(8);
/// assert_eq!(stands_for(&flow), 8);
/// ```
#[must_use]
pub fn stands_for(flow: &Flow) -> u64 {
    let interval = flow.sampling_interval;
    interval.map_or(1, |interval| interval.get().into())
}
