//! Names from payloads, by slot.

use std::{
    collections::HashMap,
    os::fd::BorrowedFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use mermin_bpf::abi::slot::state;

use super::Exporter;
use crate::{
    bpf::sections::Sections,
    flow::Application,
    payload::{End, FlowPayloads, Section},
    report::PayloadStats,
    source::capture::slots::SlotTable,
};

/// Counters of [`PayloadStats`].
#[derive(Debug, Default)]
pub(in crate::source::capture) struct PayloadCounts {
    read: AtomicU64,
    /// Lost here: their flow had ended.
    late: AtomicU64,
    /// Lost in the kernel.
    refused: AtomicU64,
    cut: AtomicU64,
    malformed: AtomicU64,
}

impl PayloadCounts {
    pub(in crate::source::capture) fn stats(&self) -> PayloadStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PayloadStats {
            read: count(&self.read),
            lost: count(&self.late) + count(&self.refused),
            cut: count(&self.cut),
            malformed: count(&self.malformed),
        }
    }
}

/// A flow whose payloads were read.
#[derive(Debug)]
struct Named {
    /// A slot that was given back has another.
    first_seen: u64,
    payloads: FlowPayloads,
}

/// The ring, and what was read from it.
#[derive(Debug)]
pub(in crate::source::capture) struct Names {
    sections: Sections,
    /// Sections that the ring had refused before this source: the counter of a pinned source outlives its process.
    refused_before: u64,
    flows: HashMap<u32, Named>,
}

impl Names {
    pub(in crate::source::capture) fn new(sections: Sections, refused_before: u64) -> Self {
        Self {
            sections,
            refused_before,
            flows: HashMap::new(),
        }
    }
}

impl Exporter {
    /// Reads the sections that wait. To be called before last records are made: the sections of a flow are in the ring before it can end.
    pub(in crate::source::capture) fn read_sections(&mut self, slots: &SlotTable) {
        let counts = &self.shared.counts.payloads;
        let slab = slots.slab();
        let Some(Names {
            sections,
            refused_before,
            flows,
        }) = &mut self.names
        else {
            return;
        };
        let refused = slab.globals().read(0).sections_lost;
        let refused = refused.saturating_sub(*refused_before);
        counts.refused.store(refused, Ordering::Relaxed);
        sections.read(|header, octets| {
            let slot = header.slot;
            if slot >= slab.len()
                || slab.state(slot) == state::FREE
                || slab.first_seen(slot) != header.first_seen
            {
                counts.late.fetch_add(1, Ordering::Relaxed);
                return;
            }
            let named = flows.entry(slot).or_insert_with(|| Named {
                first_seen: header.first_seen,
                payloads: FlowPayloads::default(),
            });
            if named.first_seen != header.first_seen {
                named.first_seen = header.first_seen;
                named.payloads = FlowPayloads::default();
            }
            let (protocol, ports) = slab.protocol_and_ports(slot);
            let section = Section {
                direction: header.direction,
                time: Some(header.time),
                sequence: header.sequence,
                payload: header.payload,
                octets,
            };
            counts.read.fetch_add(1, Ordering::Relaxed);
            match named.payloads.add(protocol, ports, &section) {
                Some(End::Cut) => _ = counts.cut.fetch_add(1, Ordering::Relaxed),
                Some(End::Malformed) => _ = counts.malformed.fetch_add(1, Ordering::Relaxed),
                Some(End::Whole) | None => {}
            }
        });
    }

    /// A descriptor that is readable once the ring is half full.
    pub(in crate::source::capture) fn wake_ups(&self) -> Option<BorrowedFd<'_>> {
        self.names.as_ref().map(|names| names.sections.wake_ups())
    }

    /// Reads the sections that wait if the ring was half full.
    pub(in crate::source::capture) fn read_crowded_sections(&mut self, slots: &SlotTable) {
        let names = self.names.as_ref();
        if names.is_some_and(|names| names.sections.was_half_full()) {
            self.read_sections(slots);
        }
    }

    /// True if sections are read.
    pub(in crate::source::capture) fn reads_names(&self) -> bool {
        self.names.is_some()
    }

    /// Names of the flow in a slot, as far as they are known.
    pub(super) fn application(&self, slot: u32, first_seen: u64) -> Option<Arc<Application>> {
        let named = self.names.as_ref()?.flows.get(&slot)?;
        let application = named.payloads.application()?;
        (named.first_seen == first_seen).then(|| Arc::clone(application))
    }

    /// A flow has ended.
    pub(super) fn forget_names(&mut self, slot: u32) {
        if let Some(names) = &mut self.names
            && let Some(named) = names.flows.remove(&slot)
        {
            let cut = &self.shared.counts.payloads.cut;
            cut.fetch_add(named.payloads.unfinished(), Ordering::Relaxed);
        }
    }
}
