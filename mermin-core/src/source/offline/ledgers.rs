//! The ledgers of a capture's interfaces.

use std::sync::Arc;

use mermin_bpf::{
    abi::ledger::{Ignored, Reason},
    track::measure::Measure,
};

use super::shared::{Counts, InterfaceLedger};
use crate::pcap::Interface;

/// Name of an interface without a name in the capture.
const UNNAMED: &str = "pcap";

/// Returns the counts of one packet of this many octets.
pub(super) fn one(octets: u32) -> Ignored {
    Ignored {
        packets: 1,
        octets: octets.into(),
    }
}

/// Name of the interface with this number in the capture.
pub(super) fn name_of(counts: &Counts, place: usize) -> Arc<str> {
    match counts.hooks.get(place) {
        Some(Some(hook)) => Arc::clone(&hook.name),
        _ => Arc::from(UNNAMED),
    }
}

/// Subtracts the counts of fragments from the reason `fragment`, because the flow of their first fragment gets them.
pub(super) fn take_back(counts: &mut Counts, ifindex: u32, taken: &Measure) {
    if let Some(hook) = hook_of(counts, ifindex) {
        hook.taken_back(Reason::Fragment, counts_of(taken));
    }
}

/// Adds these counts to a reason. The packets were counted in the totals before.
pub(super) fn counted_under(counts: &mut Counts, ifindex: u32, reason: Reason, measure: &Measure) {
    if let Some(hook) = hook_of(counts, ifindex) {
        hook.ignored(reason, counts_of(measure));
    }
}

/// Returns the counts as a reason has them: packets and frame octets.
const fn counts_of(measure: &Measure) -> Ignored {
    Ignored {
        packets: measure.packets,
        octets: measure.frame_octets,
    }
}

/// The ledger of the interface with this index, if it has one.
pub(super) fn hook_of(counts: &mut Counts, ifindex: u32) -> Option<&mut InterfaceLedger> {
    let place = (ifindex as usize).wrapping_sub(1);
    counts.hooks.get_mut(place)?.as_mut()
}

/// The ledger of an interface. It exists from the interface's first packet.
pub(super) fn hook<'a>(
    counts: &'a mut Counts,
    place: usize,
    interface: &Interface,
) -> &'a mut InterfaceLedger {
    if counts.hooks.len() <= place {
        counts.hooks.resize_with(place + 1, || None);
    }
    counts.hooks[place].get_or_insert_with(|| InterfaceLedger {
        name: Arc::from(interface.name.as_deref().unwrap_or(UNNAMED)),
        unread: interface.layer.is_none().then_some(interface.link),
        account: Box::default(),
    })
}
