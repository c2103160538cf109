//! Counts packets whose slot was not found at once, and those that may open a connection, may be counted already, or have
//! a payload that may be read.

use aya_ebpf::{helpers::bpf_ktime_get_ns, programs::TcContext};
use mermin_bpf::{
    abi::{
        globals::{SLOTS_A_WORD, next},
        key::{KEY_WORDS, KeyV4, KeyWords},
        ledger::Reason,
        slot::{LANES, Sample, Slot, first, mark, origin, state},
    },
    index::{
        insert::{Inserted, insert, replace},
        memory::Memory,
        search::{Found, search},
    },
    track::{answer::Sent, initial, key::sender_port, origin::decide},
    wire::ethernet,
};

use super::{
    carried,
    count::{add, open, restarts},
    free,
    index::Table,
    ledger::{self, Account},
    maps::{FRESH, PROGRAMS, SLOTS, index_shape},
    options::Chosen,
    outer,
    pass::Pass,
    sampling, section, sender,
    skb::{Anywhere, Skb},
    tcp_analysis, tcp_socket,
    workspace::{Opening, PendingFlow, Workspace, launder},
};

/// How often a packet is overtaken by other CPUs before it is counted under [`Reason::Race`].
const MOST_OVERTAKEN: u8 = 16;

/// Counts the workspace's packet into its flow, into one made for it, or under a reason.
#[inline(always)]
pub(super) fn count(context: &TcContext, workspace: *mut Workspace) {
    let skb = Skb(context.skb.skb);
    let cpu = ledger::cpu();
    // SAFETY: this CPU's own workspace; the call does not return where it succeeds.
    unsafe {
        let account = (*workspace).account;
        let packet = &raw mut (*workspace).flowless;
        if !(*packet).facts.is_total {
            account.total(cpu, skb.len(), &(*packet).facts.measure);
            (*packet).facts.is_total = true;
        }
        let reason = match count_or_refuse(skb, account, workspace) {
            Ok(slot) => {
                section::pass(skb, workspace, slot);
                let ports = || KeyV4::from_words(&(*packet).key).tail.ports;
                tcp_socket::note::<Chosen>(skb, slot, ports, &(*packet).facts);
                // Last, because the call of another program does not return.
                tcp_analysis::add::<Chosen, _>(skb, Anywhere(skb), account, slot, &(*packet).facts);
                return;
            }
            Err(reason) => reason,
        };
        // Another CPU has changed the key's bucket, its slot or the free slots meanwhile, so the program begins again. It
        // calls itself, because the verifier would follow each round of a loop.
        if matches!(reason, Reason::Race) && (*packet).overtaken < MOST_OVERTAKEN {
            (*packet).overtaken += 1;
            PROGRAMS.tail_call(context, next::CREATE);
        }
        let reason = if (*packet).later && matches!(reason, Reason::Race) {
            Reason::Fragment
        } else {
            reason
        };
        account.ignored(cpu, reason, &(*packet).facts.measure);
    }
}

/// The error is the reason to count the packet under; [`Reason::Race`] if it was overtaken.
///
/// # Safety
/// `workspace` is this CPU's own.
#[inline(always)]
unsafe fn count_or_refuse(
    skb: Skb,
    account: Account,
    workspace: *mut Workspace,
) -> Result<*mut Slot, Reason> {
    // SAFETY: by the contract above.
    let (packet, opening) = unsafe {
        let packet = &(*workspace).flowless;
        let opening = launder(&raw mut (*workspace).opening, opening(skb, packet));
        (packet, opening)
    };
    let slot = find_or_create(skb, workspace, packet, opening)?;
    let facts = &packet.facts;
    let pass = Pass::new(skb, account, packet.digest, facts);
    let is_hairpin = pass.is_doubtful(slot) && pass.is_hairpin(slot, facts);
    pass.note();
    if is_hairpin {
        return Err(Reason::Hairpin);
    }
    add(slot, facts);
    Ok(slot)
}

/// Finds the flow's slot, or makes one.
#[inline(always)]
fn find_or_create(
    skb: Skb,
    workspace: *mut Workspace,
    packet: &PendingFlow,
    opening: &Opening,
) -> Result<*mut Slot, Reason> {
    let shape = index_shape();
    let table = Table {
        words: &packet.key,
        version: packet.version,
        workspace,
    };
    let rate = sampling::rate();
    let home = table
        .bucket(shape.bucket(packet.digest, 0))
        .ok_or(Reason::IndexFull)?;
    let head = table.head(home);
    let ended = match search(&table, shape, packet.digest, head) {
        Found::Live(at) => {
            let slot = SLOTS
                .get_ptr_mut(shape.slot(at.entry))
                .ok_or(Reason::Race)?;
            let then = if restarts(slot, &packet.facts, opening.number) {
                state::REPLACED
            } else if sampling::is_lower(slot, rate) && !packet.later {
                state::RESAMPLED
            } else {
                join(slot, packet, opening);
                return Ok(slot);
            };
            // SAFETY: a slot's state is one byte. If it is `FREE`, the CPU that inserted the slot has not marked it live
            // yet. That mark must not overwrite the mark of a replaced flow.
            if unsafe { (&raw const (*slot).state).read_volatile() } == state::FREE {
                return Err(Reason::Race);
            }
            Some((at, slot, then))
        }
        Found::Pending => return Err(Reason::Race),
        // Before the next case: the first fragment's flow may have been left out as well.
        Found::Nothing if !sampling::keeps(rate, &packet.key) => return Err(Reason::NotSampled),
        // The first fragment has stored its flow, and another CPU is about to make it; or the flow has ended.
        Found::Nothing if packet.later => return Err(Reason::Race),
        Found::Nothing => None,
    };
    sampling::lower(rate);
    let number = match free::take() {
        Ok(number) => number,
        Err(reason) => {
            // The last slot may be this key's by now.
            let is_overtaken = match ended {
                Some((at, _, _)) => table.entry(at.bucket, at.number) != at.entry,
                None => table.head(home) != head,
            };
            return match ended {
                _ if is_overtaken => Err(Reason::Race),
                // A flow that is open loses no packet.
                Some((_, slot, state::RESAMPLED)) => {
                    join(slot, packet, opening);
                    Ok(slot)
                }
                _ => Err(reason),
            };
        }
    };
    let slot = SLOTS.get_ptr_mut(number).ok_or(Reason::TableFull)?;
    let shift = match ended {
        // A flow that was kept stays kept, as does the next one on its ports.
        Some((_, old, _)) => sampling::higher_of(rate, old),
        None => rate.shift(),
    };
    let starter = match ended {
        // SAFETY: within the slot; a slot's origin does not change while it is not free.
        Some((_, old, state::RESAMPLED)) => unsafe {
            (&raw const (*old).origin).read_volatile() & origin::STARTER
        },
        _ => opening.origin,
    };
    fill(slot, number, skb, packet, opening, starter, shift);
    let refused = if let Some((at, old, then)) = ended {
        let replaced = replace(&table, shape, &at, number);
        if replaced {
            // SAFETY: a slot's state is one byte; if user space is closing the slot already, it uses its own list and
            // ignores this state.
            unsafe { (&raw mut (*old).state).write_volatile(then) };
        }
        (!replaced).then_some(Reason::Race)
    } else {
        match insert(&table, shape, packet.digest, head, number) {
            Inserted::Done => None,
            Inserted::Overtaken => Some(Reason::Race),
            Inserted::Full => Some(Reason::IndexFull),
        }
    };
    if let Some(reason) = refused {
        give_back(slot, number);
        return Err(reason);
    }
    // SAFETY: the slot is this program's until it is live. Inserted first, live second: a slot that user space sees live
    // is in the index.
    unsafe { (&raw mut (*slot).state).write_volatile(state::LIVE) };
    mark_fresh(number);
    Ok(slot)
}

/// Notes in a flow's slot if this packet's VLANs or tunnels differ from those of its first packet, and if it opens the
/// connection.
#[inline(always)]
fn join(slot: *mut Slot, packet: &PendingFlow, opening: &Opening) {
    carried::compare::<Chosen>(slot, &packet.key, &packet.facts);
    if packet.facts.may_begin() {
        // SAFETY: takes nothing.
        let now = unsafe { bpf_ktime_get_ns() };
        open(slot, &packet.facts, now, opening.number);
    }
}

/// Writes the fields of a new flow; user space has set the counters to zero.
#[inline(always)]
fn fill(
    slot: *mut Slot,
    place: u32,
    skb: Skb,
    packet: &PendingFlow,
    opening: &Opening,
    starter: u8,
    shift: u8,
) {
    let mac_at = packet.facts.mac_at;
    let outer = outer::keep(slot, place, &packet.facts);
    sender::note(place, skb, packet);
    // SAFETY: the slot is this program's until it is live, so nobody reads it meanwhile.
    unsafe {
        let now = bpf_ktime_get_ns();
        set_key(slot, &packet.key);
        (*slot).first_seen = now;
        (*slot).origin = starter | packet.version | outer | origin::first_lane(packet.facts.lane);
        carried::begin(slot, &packet.facts);
        section::begin(slot, packet);
        (*slot).link_length = packet.facts.link_length;
        (*slot).marks = mark::kept_at(shift);
        let lane = &raw mut (*slot).lanes[packet.facts.lane as usize & (LANES - 1)];
        if mac_at != 0 {
            skb.load(mac_at, &raw mut (*lane).first);
            if outer == 0 {
                let lane = first::lane(packet.facts.lane as usize, first::RECEIVER_MAC);
                let receiver = &raw mut (*slot).lanes[lane].first;
                skb.load(mac_at - ethernet::SOURCE_AT as u32, receiver);
            }
        }
        if packet.facts.may_begin() {
            open(slot, &packet.facts, now, opening.number);
        }
    }
}

/// Reads the fields of a packet that may begin a connection.
#[inline(always)]
fn opening(skb: Skb, packet: &PendingFlow) -> Opening {
    let tail = KeyV4::from_words(&packet.key).tail;
    let facts = &packet.facts;
    let sent = Sent {
        protocol: tail.protocol(),
        tcp_flags: facts.tcp_flags,
        icmp_type: Sample::unpack(facts.sample).icmp_type,
        port: sender_port(tail.ports, facts.direction),
        transport_at: facts.transport_at,
    };
    let bytes = Anywhere(skb);
    Opening {
        number: initial::number(bytes, &sent).map_or(0, initial::pack),
        origin: decide(sent.is_answer(bytes), facts.tcp_flags, facts.direction),
    }
}

/// Writes a key word by word: left to itself the compiler calls `memset` for the zeroes, here a loop over bytes that
/// the verifier would follow for each path that leads to it.
///
/// # Safety
/// `slot` is this program's alone.
#[inline(always)]
unsafe fn set_key(slot: *mut Slot, words: &KeyWords) {
    for (number, &word) in words.iter().enumerate() {
        // SAFETY: by the contract above.
        unsafe { (&raw mut (*slot).key[number]).write_volatile(word) };
    }
}

/// Empties a slot that was filled and not published, for this CPU's next new flow.
#[inline(always)]
fn give_back(slot: *mut Slot, number: u32) {
    // SAFETY: the slot is still this program's.
    unsafe {
        set_key(slot, &[0; KEY_WORDS]);
        section::forget(slot);
        for lane in 0..LANES {
            let first = (&raw mut (*slot).lanes[lane].first).cast::<u8>();
            for octet in 0..ethernet::MAC {
                first.add(octet).write_volatile(0);
            }
            (&raw mut (*slot).lanes[lane].syn_at).write_volatile(0);
        }
    }
    free::keep(number);
}

/// Marks the slot for user space's next sweep.
///
/// Stores the word even if it is already set: user space clears a word before it reads the slots, so a store that is
/// skipped because of an earlier read would be missing.
#[inline(always)]
fn mark_fresh(number: u32) {
    if let Some(word) = FRESH.get_ptr_mut(number / SLOTS_A_WORD) {
        // SAFETY: the word lives as long as its map, and is stored whole.
        unsafe { word.write_volatile(1) };
    }
}
