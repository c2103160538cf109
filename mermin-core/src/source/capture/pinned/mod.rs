//! A source that outlives its process: take-over, journal, and the state that it leaves.
//!
//! # Layout
//!
//! * **The layout** is a hash of sizes and offsets, so a build finds only pins whose bytes it can interpret.
//! * **Before maps are reused**, their types, sizes and flags are compared with those this build would create, and the
//!   network namespace with the one they were created in. Two sizes may differ: `max_flows`, and the number of CPUs,
//!   which differs where `/sys` is hidden from one of two processes. Maps for fewer CPUs than there are cannot be used,
//!   because a CPU beyond them would count in the totals of another hook.
//!
//! # Taking over
//!
//! The process may be interrupted between any two steps:
//!
//! 1. Load the programs again, for the existing maps. Only the map of free slots is created anew.
//! 2. Put the new programs into `PROGRAMS`. From now on the old programs at the hooks also call the new one to make
//!    flows, and it takes slots from the new stack.
//! 3. Detach from interfaces that have disappeared (below).
//! 4. Give each link and each filter the new program, from one packet to the next (`BPF_LINK_UPDATE`; a filter is
//!    replaced under its handle). Filters are recognised by the ids of the pinned programs. A program that belongs at
//!    another place moves (below). A program that is no longer wanted is removed.
//! 5. Wait for a grace period. No old program runs any more.
//! 6. Look at every slot. A slot that was used before, has no flow now and is not on the new stack has no owner: it
//!    is put on the new stack. (A process may be killed between emptying a slot and giving it back, and programs at the
//!    hooks continue to take slots; so the stack is created anew, not repaired.) If a flow
//!    was being closed, its key is deleted if it still leads to the slot, and the flow is finished a grace period later. All other flows
//!    continue.
//!
//! # Journal
//!
//! The journal has 136 bytes a flow, and exists only for pinned sources. Its price: a flow has one unacknowledged
//! record at a time, and a flow that has ended keeps its slot until its last record is acknowledged. The id of a
//! redelivered record is the same, because the epoch, the slot and the time of the first packet are kept; header fields
//! and flags in it may be newer.
//!
//! A suppressed record moves counts to the reason `filtered` of one hook or both, and the journal has to say so; see
//! [`redo`](crate::bpf::pin::redo). An unacknowledged record is delivered again whatever the new filter says, because
//! its packets must not be under `filtered` as well.
//!
//! The counts of removed interfaces (`Stats::removed_interfaces`) are taken over too; see
//! [`retired`](crate::bpf::pin::retired). Ledgers of interfaces that disappeared between two processes are added when
//! the instance is taken over.
//!
//! At most half of the table may wait for last records to be acknowledged. Otherwise processes that are killed one
//! after the other would fill the table: each leaves flows with unacknowledged records, which keep their slots, while
//! packets with the same endpoints begin new flows. At that limit, flows are still counted, but have no record until
//! another one is acknowledged.
//!
//! # Interfaces that have disappeared
//!
//! Another interface may have the index of one that has disappeared, and a key identifies its interface only by index.
//!
//! * An interface is the same while a link or a filter of the instance is at its hook. The source checks this at the
//!   hook, in its own network namespace. If an interface moved to another namespace, its links moved too, and show its
//!   index in that namespace.
//! * All other links are detached. After a grace period no program counts for such an interface. Then the keys of its
//!   flows are deleted, its ledger is added to the sums, and only then is anything attached. Its flows get their last
//!   records like other flows that were being closed.
//! * For a while, the table can hold flows of both interfaces under one index. `INTERFACES` records which interface had
//!   an index since when, so a flow gets the name of the interface that had it when the flow began
//!   (`source/capture/interface_names.rs`).
//!
//! # Passing
//!
//! A process with privileges can do the steps 1 to 4 and pass the descriptors to a process without privileges, which does the
//! rest ([`hand_over`], [`passed`]). The lock is a descriptor as well, so the instance is owned until the last process with
//! that descriptor has ended. The pins belong to the process that made them: the capturing process ends flows and detaches,
//! and removes no pin.
//!
//! # Closing
//!
//! When a source closes, keys are deleted before last records are made, although no program runs any more. If the
//! process were killed in between, the next one would attach before it reads the slots, and a packet would find a flow
//! that already has its last record.
//!
//! The way a source ends decides which pins stay:
//!
//! | the source | leaves |
//! |---|---|
//! | is closed, shut down or dropped | nothing, once its thread is done |
//! | is closed with `persist` | everything; it ends no flow |
//! | fails, by an error or a panic | everything, as if it had been killed |
//! | does not open, because of an error or a cancelled `open` | the pins and attachments that it found. Some hooks may have the new program already, which counts in the same maps. Attachments at other hooks are removed |
//!
//! Pins of another layout cannot be read. They are removed once the new programs are in place, and the report says so.
//!
//! The name of a filter also contains its process's token (`attach/owner.rs`). A filter of a dead process waits for the
//! next source of its instance while the instance has pins. A BPF file system that was mounted in a container
//! disappears with it: the kernel then empties `PROGRAMS`, which no process and no pin holds any more. The next source
//! in that network namespace finds that the filter calls nothing, and removes it. Checking that takes `CAP_SYS_ADMIN`;
//! without it, the filter is in the report.
//!
//! # Not covered
//!
//! * A source that moves to another network namespace leaves its filters in the former one.
//! * An interface may move to another namespace after one process has ended and before the next one opens, and get
//!   another index there. Until then its packets are counted under the new index. If another interface of the instance
//!   has that index, they are in the flows of that interface. The report says so.

mod degradations;
mod descriptors;
mod found;
mod hand_over;
mod instance;
mod notes;
mod part;
mod passed;
mod prepare;
mod take_over;

pub(super) use self::{
    hand_over::Passing,
    instance::PinnedInstance,
    part::part,
    passed::prepare_passed,
    prepare::{Prepared, prepare},
    take_over::{FlowToClose, Leftovers, TakeOver},
};
