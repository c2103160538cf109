//! The parts of a live capture.

use std::{os::fd::OwnedFd, sync::Arc};

use super::{
    arguments::CaptureArguments,
    clock::SourceClock,
    closer::Closer,
    exporter::{Exporter, names::Names, unacked::Unacked},
    interface_names::InterfaceNames,
    interfaces::{Candidates, InterfaceSet, Surroundings},
    pinned::{Leftovers, PinnedInstance, Prepared},
    registry::InterfaceRegistry,
    sampler::Sampler,
    setup,
    shared::{Counts, SharedCounters},
    slots::SlotTable,
};
use crate::{
    bpf::{grace::Grace, openers::OpenerProgram, pin::retired::RetiredCounters},
    error::Error,
    source::{control::Control, engine::Opened},
};

/// Everything the capture thread owns. Dropping it detaches first, and releases the instance last.
pub(super) struct Parts {
    pub(super) interfaces: InterfaceSet,
    pub(super) slots: SlotTable,
    pub(super) exporter: Exporter,
    pub(super) closer: Closer,
    pub(super) clock: SourceClock,
    /// `None` if the source does not sample flows.
    pub(super) sampler: Option<Sampler>,
    pub(super) shared: Arc<SharedCounters>,
    pub(super) control: Arc<Control>,
    /// Keeps the program that counts dropped packets attached.
    pub(super) drop_link: Option<OwnedFd>,
    /// Pins that outlive the process.
    pub(super) instance: Option<PinnedInstance>,
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Some(instance) = &self.instance {
            instance.settle_hooks();
        }
    }
}

impl Parts {
    /// Assembles the parts.
    pub(super) fn new(
        arguments: &CaptureArguments,
        prepared: Prepared,
        grace: Grace,
        candidates: Candidates,
    ) -> Result<(Self, Option<Leftovers>), Error> {
        let Prepared {
            loaded,
            epoch,
            pinned,
            drops,
        } = prepared;
        let (flowless, drop_link) = drops.map(|it| (it.flowless, it.link)).unzip();
        let (instance, leftovers, unacked, retired, known) = match pinned {
            Some(at) => (
                Some(at.instance),
                Some(at.leftovers),
                Some(at.unacked),
                Some(at.retired),
                Some(at.known),
            ),
            None => Default::default(),
        };
        let programs = Arc::new(loaded.programs);
        let slab = Arc::new(loaded.slab);
        let shared = Arc::new(SharedCounters {
            ledger: loaded.ledger,
            registry: registry(arguments, retired),
            counts: Counts::default(),
            drops: flowless,
            capacity: slab.len(),
            #[cfg(feature = "__lab")]
            programs: Arc::clone(&programs),
        });
        let clock = SourceClock::new(loaded.clock, Arc::clone(&slab), epoch)?;
        let closer = Closer::start(
            Arc::clone(&slab),
            loaded.index,
            loaded.free,
            grace,
            Arc::clone(&arguments.control),
        )?;
        let lost_before = loaded.sections_lost_before;
        let sections = loaded.sections;
        let names = sections.map(|sections| Names::new(sections, lost_before));
        let sampling = arguments.options.sampling.as_ref();
        let sampler = sampling.map(|sampling| Sampler::start(sampling, &slab, Arc::clone(&shared)));
        let parts = Self {
            sampler,
            interfaces: InterfaceSet::new(
                candidates,
                InterfaceNames::new(known),
                Arc::clone(&shared),
                programs,
            ),
            slots: SlotTable::new(slab)?,
            exporter: exporter(arguments, &shared, names, unacked, loaded.openers)?,
            closer,
            clock,
            shared,
            control: Arc::clone(&arguments.control),
            drop_link,
            instance,
        };
        Ok((parts, leftovers))
    }

    /// Returns the parts that `FlowSource` and `Handle` hold.
    pub(super) fn opened(&self) -> Opened {
        let unacked = self.exporter.unacked().zip(self.instance.as_ref());
        let receipt = unacked.map(|(unacked, instance)| unacked.receipt(instance.lock()));
        Opened {
            shared: Arc::clone(&self.shared) as _,
            receipt: receipt.map(|receipt| Box::new(receipt) as _),
        }
    }

    /// Returns the interfaces, and the other parts that their steps need.
    pub(super) fn surroundings(&mut self) -> (&mut InterfaceSet, Surroundings<'_>) {
        let around = Surroundings {
            slots: &self.slots,
            closer: &mut self.closer,
            clock: &self.clock,
        };
        (&mut self.interfaces, around)
    }
}

fn registry(arguments: &CaptureArguments, retired: Option<RetiredCounters>) -> InterfaceRegistry {
    let changes = Arc::clone(arguments.control.changes());
    InterfaceRegistry::new(retired, arguments.options.attach.clone(), changes)
}

/// Creates the exporter. If an option needs look-ups of sockets or translations, also starts their thread.
fn exporter(
    arguments: &CaptureArguments,
    shared: &Arc<SharedCounters>,
    names: Option<Names>,
    unacked: Option<Unacked>,
    openers: Option<OpenerProgram>,
) -> Result<Exporter, Error> {
    let lookup = setup::lookup(arguments, openers, |rows| shared.registry.degraded(rows))?;
    Ok(Exporter::new(
        Arc::clone(&arguments.queue),
        Arc::clone(shared),
        arguments.options.filter.clone(),
        arguments.options.join,
        lookup,
        names,
        unacked,
    ))
}
