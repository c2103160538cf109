//! TCP as its segments show it from beside the path: retransmissions, order, round trips, responses.
//!
//! One function, [`follow`], decides what a segment means, of the sequence numbers seen so far. The kernel program and the offline source
//! share it; each keeps the state and adds the counts in its own way. It reads the clock for a segment that begins or ends something that
//! is timed, and for no other.

mod record;
mod segment;

pub use segment::{NOT_ANALYSED, Segment, is_before, payload};

use crate::{
    abi::tcp_analysis::{Gap, Sender, known},
    wire::tcp::flag,
};

/// A gap that is filled sooner than this was reordered, where the handshake was not seen, ns. The sender cannot have learnt of a loss
/// before; tshark takes the same time.
const REORDERED: u64 = 3_000_000;

/// Meanings of a segment, in bits.
pub mod event {
    /// Octets that had been seen before.
    pub const RETRANSMITTED: u16 = 1;
    /// It fills a gap, too soon to have been sent again.
    pub const OUT_OF_ORDER: u16 = 2;
    /// A duplicate acknowledgment (RFC 5681 section 2).
    pub const DUPLICATE_ACK: u16 = 4;
    /// A window of zero.
    pub const ZERO_WINDOW: u16 = 8;
    /// A reset.
    pub const RESET: u16 = 16;
    /// It acknowledges the segment of the other side that is timed.
    pub const ROUND_TRIP: u16 = 32;
    /// That segment had opened the connection.
    pub const HANDSHAKE: u16 = 64;
    /// It answers a request of the other side.
    pub const RESPONSE: u16 = 128;
    /// The other side's request is no longer waited for.
    pub const ANSWERED: u16 = 256;
    /// The direction's gap is another one.
    pub const GAP: u16 = 512;
}

/// The changes that a segment makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The direction's state from now on.
    pub sender: Sender,
    /// Bits of [`event`].
    pub events: u16,
    /// With [`event::RETRANSMITTED`]: octets of payload that had been seen before.
    pub octets: u32,
    /// With [`event::ROUND_TRIP`]: its time, ns.
    pub round_trip: u64,
    /// With [`event::RESPONSE`]: its time, ns.
    pub response: u64,
    /// With [`event::GAP`].
    pub gap: Gap,
}

/// Facts that are read where the order of segments is in doubt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The direction's gap.
    pub gap: Gap,
    /// Round trips of the handshake from here to either side, ns; 0 where one is not known.
    pub handshake: [u64; 2],
}

impl Order {
    /// The time in which a sender cannot learn of a loss: a round trip between the ends.
    const fn limit(&self) -> u64 {
        let [one, other] = self.handshake;
        if one == 0 || other == 0 {
            REORDERED
        } else {
            one.saturating_add(other)
        }
    }
}

/// The time of a segment: the clock costs as much as the rest, so a segment that needs it twice reads it once.
struct Now<C> {
    /// 0 if it was not read.
    read: u64,
    clock: C,
}

impl<C: Fn() -> u64> Now<C> {
    #[inline(always)]
    fn get(&mut self) -> u64 {
        if self.read == 0 {
            self.read = (self.clock)();
        }
        self.read
    }
}

/// Decides what a segment means, of a direction in state `own` whose other direction is in state `peer`. The clock gives ns, 0 where
/// there is no time.
#[inline(always)]
pub fn follow(
    own: &Sender,
    peer: &Sender,
    segment: &Segment,
    order: impl Fn() -> Order,
    clock: impl Fn() -> u64,
) -> Outcome {
    let mut now = Now { read: 0, clock };
    let mut outcome = Outcome {
        sender: *own,
        ..Outcome::default()
    };
    if segment.has(flag::RST) {
        // Its sequence number may be any within the window.
        outcome.events = event::RESET;
        return outcome;
    }
    if segment.has(flag::ACK) {
        acknowledge(&mut outcome, own, peer, segment, &mut now);
    }
    if segment.window == 0 && !segment.has(flag::SYN | flag::FIN) {
        outcome.events |= event::ZERO_WINDOW;
    }
    outcome.sender.window = segment.window;
    if segment.length() != 0 {
        send(&mut outcome, own, peer, segment, &order, &mut now);
    } else if own.known & known::SENT == 0 {
        outcome.sender.next = segment.sequence;
        outcome.sender.known |= known::SENT;
    }
    outcome
}

/// The direction's state after a segment that is in order, times nothing and means nothing else: most are. `None` for any other, about
/// which [`follow`] decides, and which it reads the clock for.
#[inline(always)]
#[must_use]
pub const fn continued(own: &Sender, peer: &Sender, segment: &Segment) -> Option<Sender> {
    const BOTH: u8 = known::SENT | known::ACKNOWLEDGED;
    if segment.flags & (flag::SYN | flag::FIN | flag::RST | flag::ACK) != flag::ACK
        || segment.window == 0
        || own.known & (BOTH | known::GAP) != BOTH
        || segment.sequence != own.next
        || is_before(segment.acknowledgment, own.acknowledged)
        || (peer.timed_at != 0 && !is_before(segment.acknowledgment, peer.timed))
    {
        return None;
    }
    if segment.payload == 0 {
        if segment.acknowledgment == own.acknowledged {
            return None;
        }
    } else if own.timed_at == 0
        || own.asked_at == 0
        || peer.asked_at != 0
        // It may ask for a window.
        || segment.payload == 1
        || segment.has(flag::PSH)
    {
        return None;
    }
    Some(Sender {
        next: own.next.wrapping_add(segment.payload),
        acknowledged: segment.acknowledgment,
        window: segment.window,
        ..*own
    })
}

/// Takes up an acknowledgment.
#[inline(always)]
fn acknowledge(
    outcome: &mut Outcome,
    own: &Sender,
    peer: &Sender,
    segment: &Segment,
    now: &mut Now<impl Fn() -> u64>,
) {
    let number = segment.acknowledgment;
    if peer.timed_at != 0 && !is_before(number, peer.timed) {
        outcome.events |= event::ROUND_TRIP;
        if peer.known & known::OPENING != 0 {
            outcome.events |= event::HANDSHAKE;
        }
        outcome.round_trip = since(peer.timed_at, now.get());
    }
    if own.known & known::ACKNOWLEDGED == 0 || is_before(own.acknowledged, number) {
        outcome.sender.acknowledged = number;
        outcome.sender.known |= known::ACKNOWLEDGED;
    } else if number == own.acknowledged
        && segment.length() == 0
        && segment.window == own.window
        && segment.window != 0
        // A keep-alive repeats the acknowledgment as well.
        && own.known & known::SENT != 0
        && segment.sequence == own.next
        && peer.known & known::SENT != 0
        && is_before(number, peer.next)
    {
        outcome.events |= event::DUPLICATE_ACK;
    }
}

/// Takes up octets, SYN or FIN.
#[inline(always)]
fn send(
    outcome: &mut Outcome,
    own: &Sender,
    peer: &Sender,
    segment: &Segment,
    order: impl Fn() -> Order,
    now: &mut Now<impl Fn() -> u64>,
) {
    let (sequence, end) = (segment.sequence, segment.end());
    let has_gap = own.known & known::GAP != 0 && !is_acknowledged(peer, order().gap.end);
    if !has_gap {
        outcome.sender.known &= !known::GAP;
    }
    if own.known & known::SENT == 0 || sequence == own.next {
        if is_window_probe(own, peer, segment) {
            return;
        }
        outcome.sender.next = end;
        outcome.sender.known |= known::SENT;
        time(outcome, own, peer, segment, has_gap, now);
    } else if is_before(sequence, own.next) {
        if is_keep_alive(own, segment) {
            return;
        }
        if is_before(own.next, end) {
            outcome.sender.next = end;
        }
        if has_gap && fills(outcome, segment, &order(), now.get()) {
            return;
        }
        outcome.events |= event::RETRANSMITTED;
        let seen = own.next.wrapping_sub(sequence);
        outcome.octets = if seen < segment.payload {
            seen
        } else {
            segment.payload
        };
        // An acknowledgment or a response may belong to either transmission (Karn's algorithm, RFC 6298 section 3).
        outcome.sender.timed_at = 0;
        outcome.sender.asked_at = 0;
    } else {
        pass_over(outcome, own, peer, segment, has_gap, order, now);
    }
}

/// True if the other side has acknowledged all octets before a number: a gap before it was filled, seen here or not.
#[inline(always)]
const fn is_acknowledged(peer: &Sender, number: u32) -> bool {
    peer.known & known::ACKNOWLEDGED != 0 && !is_before(peer.acknowledged, number)
}

/// True for the octet that asks a receiver without window for its window: it is sent again until there is one.
#[inline(always)]
const fn is_window_probe(own: &Sender, peer: &Sender, segment: &Segment) -> bool {
    segment.payload == 1
        && segment.length() == 1
        && own.known & known::SENT != 0
        && peer.known & known::ACKNOWLEDGED != 0
        && peer.window == 0
}

/// True for a keep-alive (RFC 9293 section 3.8.4), and for a window probe of Linux: the octet before the next one, or nothing.
#[inline(always)]
const fn is_keep_alive(own: &Sender, segment: &Segment) -> bool {
    segment.payload <= 1
        && !segment.has(flag::SYN | flag::FIN)
        && segment.sequence.wrapping_add(1) == own.next
}

/// Begins and ends times with a segment in order.
#[inline(always)]
fn time(
    outcome: &mut Outcome,
    own: &Sender,
    peer: &Sender,
    segment: &Segment,
    has_gap: bool,
    now: &mut Now<impl Fn() -> u64>,
) {
    // A segment that fills a gap is acknowledged together with the segments after it.
    let is_timed = own.timed_at == 0 && !has_gap;
    let answers = segment.payload != 0 && peer.asked_at != 0;
    // Of a long request only segments that end a write are timed (RFC 9293 section 3.9.1.2, PSH): reading the clock for
    // all would cost each of them as much as everything else.
    let asks = segment.payload != 0 && (own.asked_at == 0 || segment.has(flag::PSH));
    if !is_timed && !answers && !asks {
        return;
    }
    let now = now.get();
    if is_timed {
        outcome.sender.timed = segment.end();
        outcome.sender.timed_at = now;
        if segment.has(flag::SYN) {
            outcome.sender.known |= known::OPENING;
        } else {
            outcome.sender.known &= !known::OPENING;
        }
    }
    if answers {
        outcome.events |= event::RESPONSE | event::ANSWERED;
        outcome.response = since(peer.asked_at, now);
    }
    if asks {
        outcome.sender.asked_at = now;
    }
}

/// Passes over octets that have not been seen.
#[inline(always)]
fn pass_over(
    outcome: &mut Outcome,
    own: &Sender,
    peer: &Sender,
    segment: &Segment,
    has_gap: bool,
    order: impl Fn() -> Order,
    now: &mut Now<impl Fn() -> u64>,
) {
    // A second gap is put together with the first, as what was seen in between is not kept.
    let start = if has_gap { order().gap.start } else { own.next };
    outcome.events |= event::GAP;
    outcome.gap = Gap {
        start,
        end: segment.sequence,
        at: now.get(),
    };
    outcome.sender.known |= known::GAP;
    outcome.sender.next = segment.end();
    if segment.payload != 0 && peer.asked_at != 0 {
        // The first segment of the response is not known.
        outcome.events |= event::ANSWERED;
    }
}

/// True if a segment is within the gap, and so soon that it was reordered. The part of the gap that it covers is closed.
#[inline(always)]
fn fills(outcome: &mut Outcome, segment: &Segment, order: &Order, now: u64) -> bool {
    let (start, end) = (segment.sequence, segment.end());
    let gap = order.gap;
    let is_recent = since(gap.at, now) < order.limit();
    if !is_before(start, gap.end) || !is_before(gap.start, end) {
        return false;
    }
    let is_within = !is_before(start, gap.start) && !is_before(gap.end, end);
    let rest = if !is_before(gap.start, start) {
        Gap { start: end, ..gap }
    } else if !is_before(end, gap.end) {
        Gap { end: start, ..gap }
    } else {
        gap
    };
    outcome.events |= event::GAP;
    outcome.gap = rest;
    if !is_before(rest.start, rest.end) {
        outcome.sender.known &= !known::GAP;
    }
    let is_reordered = is_within && is_recent;
    if is_reordered {
        outcome.events |= event::OUT_OF_ORDER;
    }
    is_reordered
}

/// Time between two readings of the clock, at least one ns: zero stands for none.
#[inline(always)]
const fn since(then: u64, now: u64) -> u64 {
    let passed = now.saturating_sub(then);
    if passed == 0 { 1 } else { passed }
}

/// Returns the difference of a sample from the one before (`last`), which is added to the variation; 0 for the first
/// sample (`last` is 0).
#[inline(always)]
#[must_use]
pub const fn variation(last: u64, sample: u64) -> u64 {
    if last == 0 { 0 } else { last.abs_diff(sample) }
}

#[cfg(test)]
mod tests;
