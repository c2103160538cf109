//! A flow's first packet.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use mermin_bpf::{
    abi::{
        globals::SLOTS_A_WORD,
        key::{KEY_WORDS, KeyV4, KeyV6, KeyWords},
        ledger::Reason,
        slot::{LANES, Sample, Slot, origin, state},
    },
    track::{answer::Sent, initial, key::HIGH_TO_LOW, origin::decide},
    wire::ethernet,
};

use super::{
    atomic, carried,
    count::{Facts, add, open, restarts},
    index::{Found, Key, Updated, find, hint, is_live, publish, replace},
    ledger::Account,
    maps::{FREE, FRESH, GLOBALS, SLOTS, slot_count},
    outer,
    pass::Pass,
    skb::{Anywhere, Skb},
    tcp_analysis,
    workspace::{Opening, PendingFlow, launder},
};

/// Looks before a packet is counted under [`Reason::Race`].
const ATTEMPTS: usize = 3;

/// Counts a packet into a flow made for it, or into one that was made meanwhile; or finds that it was counted before.
#[inline(always)]
pub(super) fn count(
    skb: Skb,
    account: Account,
    packet: &PendingFlow,
    place: *mut Opening,
) -> Result<(), Reason> {
    // SAFETY: this CPU's own.
    let opening = unsafe { launder(place, opening(skb, packet)) };
    let slot = if packet.version & origin::IPV6 == 0 {
        find_or_create(skb, &KeyV4::from_words(&packet.key), packet, opening)
    } else {
        find_or_create(skb, &KeyV6::from_words(&packet.key), packet, opening)
    }?;
    let facts = &packet.facts;
    let pass = Pass::new(skb, account, packet.digest, facts);
    let is_hairpin = pass.is_doubtful(slot) && pass.is_hairpin(slot, facts);
    pass.note();
    if is_hairpin {
        return Err(Reason::Hairpin);
    }
    add(slot, facts);
    // The totals have the packet already.
    let facts = Facts {
        is_total: true,
        ..*facts
    };
    tcp_analysis::add(skb, Anywhere(skb), account, slot, &facts);
    Ok(())
}

/// Finds the flow's slot, or makes one.
#[inline(always)]
fn find_or_create<K: Key>(
    skb: Skb,
    key: &K,
    packet: &PendingFlow,
    opening: &Opening,
) -> Result<*mut Slot, Reason> {
    let mut absent = packet.absent;
    for _ in 0..ATTEMPTS {
        let found = if absent {
            Found::Nothing
        } else {
            find(key, packet.digest)
        };
        absent = false;
        let ended = match found {
            // One that user space is closing takes the SYN along: its key is about to be deleted, and a new slot behind
            // that key would be lost to the index with it.
            Found::Flow(slot) if restarts(slot, &packet.facts, opening.number) && is_live(slot) => {
                Some(slot)
            }
            Found::Flow(slot) => {
                carried::compare(slot, key, &packet.facts);
                if packet.facts.may_begin() {
                    // SAFETY: takes nothing.
                    open(
                        slot,
                        &packet.facts,
                        unsafe { bpf_ktime_get_ns() },
                        opening.number,
                    );
                }
                return Ok(slot);
            }
            Found::Recycled => continue,
            Found::Nothing => None,
        };
        let place = take().ok_or(Reason::TableFull)?;
        let Some(slot) = SLOTS.get_ptr_mut(place) else {
            return Err(Reason::TableFull);
        };
        fill::<K>(slot, place, skb, packet, opening);
        let updated = match ended {
            Some(_) => replace(key, place),
            None => publish(key, place),
        };
        match updated {
            Updated::Done => {
                if let Some(ended) = ended {
                    // SAFETY: a slot's state is one byte; if user space is closing it already, it goes by its own list.
                    unsafe { (&raw mut (*ended).state).write_volatile(state::REPLACED) };
                }
                // SAFETY: the slot is this program's until it is live. Published first, live second: a slot that user
                // space sees live is in the index.
                unsafe { (&raw mut (*slot).state).write_volatile(state::LIVE) };
                // The hint is for the flow's second packet.
                hint(packet.digest, place);
                announce(place);
                return Ok(slot);
            }
            Updated::Overtaken => give_back(slot, place),
            Updated::Refused(reason) => {
                give_back(slot, place);
                return Err(reason);
            }
        }
    }
    Err(Reason::Race)
}

/// An unused slot number: one that was given back, otherwise one that was never used.
#[inline(always)]
fn take() -> Option<u32> {
    if let Ok(Some(number)) = FREE.pop() {
        return Some(number);
    }
    let globals = GLOBALS.get_ptr_mut(0)?;
    let slots = u64::from(slot_count());
    // SAFETY: the array has its one element; the counter is only changed atomically.
    unsafe {
        let high_water = &raw mut (*globals).high_water;
        if high_water.read_volatile() >= slots {
            return None;
        }
        let number = atomic::fetch_add(high_water, 1);
        (number < slots).then_some(number as u32)
    }
}

/// Writes the fields of a new flow; user space has set the counters to zero.
#[inline(always)]
fn fill<K: Key>(slot: *mut Slot, place: u32, skb: Skb, packet: &PendingFlow, opening: &Opening) {
    let mac_at = packet.facts.mac_at;
    let outer = outer::keep(slot, place, &packet.facts);
    // SAFETY: the slot is this program's until it is live, so nobody reads it meanwhile.
    unsafe {
        let now = bpf_ktime_get_ns();
        set_key(slot, &packet.key);
        (*slot).first_seen = now;
        (*slot).origin = opening.origin | K::ORIGIN | outer | origin::first_lane(packet.facts.lane);
        carried::begin(slot, &packet.facts);
        (*slot).link_length = packet.facts.link_length;
        let lane = &raw mut (*slot).lanes[packet.facts.lane as usize & (LANES - 1)];
        if mac_at != 0 {
            skb.load(mac_at, &raw mut (*lane).first);
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
    let [low, high] = tail.ports;
    let sent = Sent {
        protocol: tail.protocol(),
        tcp_flags: facts.tcp_flags,
        icmp_type: Sample::unpack(facts.sample).icmp_type,
        port: if facts.direction == HIGH_TO_LOW {
            high
        } else {
            low
        },
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

/// Returns a slot that was filled and not published.
#[inline(always)]
fn give_back(slot: *mut Slot, number: u32) {
    // SAFETY: the slot is still this program's.
    unsafe {
        set_key(slot, &[0; KEY_WORDS]);
        for lane in 0..LANES {
            let first = (&raw mut (*slot).lanes[lane].first).cast::<u8>();
            for octet in 0..ethernet::MAC {
                first.add(octet).write_volatile(0);
            }
            (&raw mut (*slot).lanes[lane].syn_at).write_volatile(0);
        }
    }
    let _ = FREE.push(number, 0);
}

/// Marks the slot for user space's next sweep.
///
/// Stores the word even if it is already set: user space clears a word before it reads the slots, so a store that is
/// skipped because of an earlier read would be missing.
#[inline(always)]
fn announce(number: u32) {
    if let Some(word) = FRESH.get_ptr_mut(number / SLOTS_A_WORD) {
        // SAFETY: the word lives as long as its map, and is stored whole.
        unsafe { word.write_volatile(1) };
    }
}
