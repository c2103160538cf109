//! Adds a segment to the analysis of its flow, which lies beside the slot.
//!
//! Counters are added to atomically. The other words are stored whole, and two CPUs that follow one direction at once may each store over
//! what the other one saw: a segment is then taken for another one's gap, or is not seen to be sent again. No count is torn.

use core::hint::cold_path;

use aya_ebpf::{helpers::bpf_ktime_get_ns, programs::TcContext};
use mermin_bpf::{
    abi::{
        globals::next,
        slot::{DIRECTIONS, Slot},
        tcp_analysis::{Direction, Latency, Sender, TcpAnalysis},
    },
    track::{
        measure::Measure,
        tcp_analysis::{
            NOT_ANALYSED, Order, Outcome, Segment, continued, event, follow, variation,
        },
    },
    wire::bytes::Bytes,
};

use super::{
    atomic,
    count::Facts,
    ledger::{self, Account},
    maps::{PROGRAMS, TCP_ANALYSIS, analyses, slot_number},
    options::Options,
    skb::{Anywhere, Skb},
    workspace::{WORKSPACE, Workspace, launder},
};

/// A segment that a closer look is wanted at, for the program that takes it.
#[repr(C)]
pub(super) struct PendingSegment {
    /// The place of its flow.
    number: u32,
    /// The rest as in [`Facts`], of which copying all would take a tenth of the time.
    direction: u8,
    is_total: bool,
    tcp_flags: u8,
    transport_at: u32,
    payload: u32,
    measure: Measure,
}

/// Takes up a packet that was counted in a slot, if it is a TCP segment and TCP is analysed. Another program takes it up where it is not
/// just the next segment, and counts it in the totals as well.
#[inline(always)]
pub(super) fn add<O: Options, B: Bytes>(
    skb: Skb,
    bytes: B,
    account: Account,
    slot: *mut Slot,
    facts: &Facts,
) {
    if !O::analyses() || facts.payload == NOT_ANALYSED {
        return;
    }
    let Some(number) = slot_number(slot) else {
        return;
    };
    if is_continued(bytes, number, facts) {
        return;
    }
    cold_path();
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        // SAFETY: this CPU's own workspace; the call does not return where it succeeds.
        unsafe {
            (*workspace).account = account;
            (*workspace).segment = PendingSegment {
                number,
                direction: facts.direction,
                is_total: facts.is_total,
                tcp_flags: facts.tcp_flags,
                transport_at: facts.transport_at,
                payload: facts.payload,
                measure: facts.measure,
            };
            PROGRAMS.tail_call(&TcContext::new(skb.0), next::TCP);
        }
    }
}

/// True if the segment is just the next one, which it then was taken up as.
#[inline(always)]
fn is_continued<B: Bytes>(bytes: B, number: u32, facts: &Facts) -> bool {
    let at = facts.transport_at as usize;
    let Some(segment) = Segment::read(bytes, at, facts.tcp_flags, facts.payload) else {
        return false;
    };
    let Some(analysis) = TCP_ANALYSIS.get_ptr_mut(number) else {
        return false;
    };
    let own = usize::from(facts.direction) & (DIRECTIONS - 1);
    // SAFETY: both directions are within the array's element.
    unsafe {
        let sender = &raw mut (*analysis).senders[own];
        let peer = &raw const (*analysis).senders[(own ^ 1) & (DIRECTIONS - 1)];
        let Some(after) = continued(&*sender, &*peer, &segment) else {
            return false;
        };
        (&raw mut (*sender).next).write_volatile(after.next);
        (&raw mut (*sender).acknowledged).write_volatile(after.acknowledged);
        (&raw mut (*sender).window).write_volatile(after.window);
    }
    true
}

/// Takes up a pending segment.
#[inline(always)]
pub(super) fn take(skb: Skb, workspace: *mut Workspace) {
    // A kernel that refuses the analysis takes the program without it.
    if !analyses() {
        return;
    }
    // SAFETY: this CPU's own workspace.
    let (account, pending) = unsafe { ((*workspace).account, &(*workspace).segment) };
    if !pending.is_total {
        account.total(ledger::cpu(), skb.len(), &pending.measure);
    }
    let at = pending.transport_at as usize;
    // One by one: of an `Option` that is `None` a verifier sees registers without a value.
    let Some(header) = Anywhere(skb).window::<{ Segment::HEADER }>(at) else {
        return;
    };
    let Some(analysis) = TCP_ANALYSIS.get_ptr_mut(pending.number) else {
        return;
    };
    let segment = Segment::of(header, pending.tcp_flags, pending.payload);
    let own = usize::from(pending.direction) & (DIRECTIONS - 1);
    let peer = (own ^ 1) & (DIRECTIONS - 1);
    // SAFETY: both directions are within the array's element.
    unsafe {
        let sender = &raw mut (*analysis).senders[own];
        let other = &raw mut (*analysis).senders[peer];
        let before = read(sender);
        let outcome = follow(
            &before,
            &read(other),
            &segment,
            || order(analysis, own),
            || bpf_ktime_get_ns(),
        );
        let outcome = launder(&raw mut (*workspace).outcome, outcome);
        store(sender, &before, &outcome.sender);
        let direction = &raw mut (*analysis).directions[own];
        count(direction, outcome, pending.measure.packets);
        let direction = &raw mut (*analysis).directions[peer];
        sample(direction, other, outcome);
    }
}

/// # Safety
/// `sender` is within the array.
#[inline(always)]
unsafe fn read(sender: *const Sender) -> Sender {
    // SAFETY: by the contract above; each word is stored whole.
    unsafe { sender.read() }
}

/// Stores the words that have changed.
///
/// # Safety
/// `sender` is within the array.
#[inline(always)]
unsafe fn store(sender: *mut Sender, before: &Sender, after: &Sender) {
    macro_rules! changed {
        ($($field:ident)*) => {
            $(
                if after.$field != before.$field {
                    (&raw mut (*sender).$field).write_volatile(after.$field);
                }
            )*
        };
    }
    // SAFETY: by the contract above.
    unsafe {
        changed!(next acknowledged timed window known timed_at asked_at);
    }
}

/// # Safety
/// `analysis` is an element of the array.
#[inline(always)]
unsafe fn order(analysis: *const TcpAnalysis, own: usize) -> Order {
    // SAFETY: by the contract above.
    unsafe {
        let directions = &raw const (*analysis).directions;
        Order {
            gap: (&raw const (*directions)[own].gap).read(),
            handshake: [
                (&raw const (*directions)[0].handshake).read(),
                (&raw const (*directions)[1].handshake).read(),
            ],
        }
    }
}

/// Counts a segment of this direction.
///
/// # Safety
/// `direction` is within the array.
#[inline(always)]
unsafe fn count(direction: *mut Direction, outcome: &Outcome, packets: u64) {
    macro_rules! counted {
        ($($event:ident $counter:ident;)*) => {
            $(
                if outcome.events & event::$event != 0 {
                    atomic::add(&raw mut (*direction).counters.$counter, packets);
                }
            )*
        };
    }
    // SAFETY: by the contract above; counters are only changed atomically.
    unsafe {
        counted! {
            RETRANSMITTED retransmissions;
            OUT_OF_ORDER out_of_order;
            DUPLICATE_ACK duplicate_acks;
            ZERO_WINDOW zero_windows;
            RESET resets;
        }
        if outcome.octets != 0 {
            let octets = &raw mut (*direction).counters.retransmitted_octets;
            atomic::add(octets, outcome.octets.into());
        }
        if outcome.events & event::GAP != 0 {
            // Word by word: a copy from map to map would be a call of `memmove`.
            let gap = &raw mut (*direction).gap;
            (&raw mut (*gap).start).write_volatile(outcome.gap.start);
            (&raw mut (*gap).end).write_volatile(outcome.gap.end);
            (&raw mut (*gap).at).write_volatile(outcome.gap.at);
        }
    }
}

/// Takes up samples that a segment of the other direction has ended, and ends what was timed.
///
/// # Safety
/// Both are within the array.
#[inline(always)]
unsafe fn sample(direction: *mut Direction, sender: *mut Sender, outcome: &Outcome) {
    // SAFETY: by the contract above.
    unsafe {
        if outcome.events & event::ROUND_TRIP != 0 {
            (&raw mut (*sender).timed_at).write_volatile(0);
            add_to(&raw mut (*direction).round_trip, outcome.round_trip);
        }
        if outcome.events & event::HANDSHAKE != 0 {
            (&raw mut (*direction).handshake).write_volatile(outcome.round_trip);
        }
        if outcome.events & event::ANSWERED != 0 {
            (&raw mut (*sender).asked_at).write_volatile(0);
        }
        if outcome.events & event::RESPONSE != 0 {
            add_to(&raw mut (*direction).response, outcome.response);
        }
    }
}

/// # Safety
/// `latency` is within the array.
#[inline(always)]
unsafe fn add_to(latency: *mut Latency, sample: u64) {
    // SAFETY: by the contract above; sums are only changed atomically, the other words are stored whole.
    unsafe {
        atomic::add(&raw mut (*latency).samples, 1);
        atomic::add(&raw mut (*latency).sum, sample);
        let last = &raw mut (*latency).last;
        atomic::add(
            &raw mut (*latency).variation,
            variation(last.read_volatile(), sample),
        );
        last.write_volatile(sample);
        let min = &raw mut (*latency).min;
        let before = min.read_volatile();
        if before == 0 || sample < before {
            min.write_volatile(sample);
        }
        let max = &raw mut (*latency).max;
        if sample > max.read_volatile() {
            max.write_volatile(sample);
        }
    }
}
