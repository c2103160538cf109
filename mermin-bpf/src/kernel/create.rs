//! A flow's first packet.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use mermin_bpf::{
    abi::{
        event::NewFlow,
        key::{KEY_WORDS, KeyWords},
        ledger::Reason,
        slot::{LANES, Slot, state},
    },
    track::origin,
    wire::ethernet,
};

use super::{
    atomic,
    count::{Facts, add, restarts},
    index::{Found, Key, Updated, find, is_live, publish, replace},
    maps::{EVENTS, FREE, GLOBALS, Headers, SLOTS, slot_count},
};

/// Looks before a packet is counted under [`Reason::Race`].
const ATTEMPTS: usize = 3;
/// User space looks at the ring when it sweeps; waking it for each flow would cost more than the flow.
const RING_NO_WAKEUP: u64 = 1;

/// Counts into the flow, creating it where there is none.
#[inline(always)]
pub(super) fn count<K: Key>(headers: &Headers, key: &K, facts: &Facts) -> Result<(), Reason> {
    add(find_or_create(headers, key, *facts)?, facts);
    Ok(())
}

/// Finds the flow's slot, or makes one. Not inlined: the verifier then reads it once per key type and path.
#[inline(never)]
fn find_or_create<K: Key>(headers: &Headers, key: &K, facts: Facts) -> Result<*mut Slot, Reason> {
    for _ in 0..ATTEMPTS {
        let ended = match find(key) {
            // One that user space is closing takes the SYN along: its key is about to be deleted, and a new slot behind
            // that key would be lost to the index with it.
            Found::Flow(slot) if restarts(slot, &facts) && is_live(slot) => Some(slot),
            Found::Flow(slot) => return Ok(slot),
            Found::Recycled => continue,
            Found::Nothing => None,
        };
        let number = take().ok_or(Reason::TableFull)?;
        let Some(slot) = SLOTS.get_ptr_mut(number) else {
            return Err(Reason::TableFull);
        };
        let first_seen = fill(slot, headers, key, &facts);
        let updated = match ended {
            Some(_) => replace(key, number),
            None => publish(key, number),
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
                announce(number, first_seen, key.ifindex());
                return Ok(slot);
            }
            Updated::Overtaken => give_back(slot, number),
            Updated::Refused(reason) => {
                give_back(slot, number);
                return Err(reason);
            }
        }
    }
    Err(Reason::Race)
}

/// A slot number nobody uses: one that was given back, else one that never was used.
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

/// Writes the facts of a new flow; counters are zero, as user space left them.
#[inline(always)]
fn fill<K: Key>(slot: *mut Slot, headers: &Headers, key: &K, facts: &Facts) -> u64 {
    // SAFETY: the slot is this program's until it is live, so nobody reads it meanwhile.
    unsafe {
        let first_seen = bpf_ktime_get_ns();
        set_key(slot, &key.words());
        (*slot).first_seen = first_seen;
        (*slot).origin =
            origin::decide(facts.protocol, facts.tcp_flags, facts.direction) | K::ORIGIN;
        (*slot).link_length = facts.link_length;
        let lane = &raw mut (*slot).lanes[facts.lane as usize & (LANES - 1)];
        if facts.link_length != 0 {
            (*lane).mac = source_mac(headers);
        }
        first_seen
    }
}

/// The sender of an Ethernet frame.
#[inline(always)]
fn source_mac(headers: &Headers) -> [u8; 6] {
    const AT: usize = ethernet::SOURCE_AT;
    [
        headers[AT],
        headers[AT + 1],
        headers[AT + 2],
        headers[AT + 3],
        headers[AT + 4],
        headers[AT + 5],
    ]
}

/// Writes a key word by word: left to itself the compiler calls `memset` for the zeroes, here a loop over bytes that the
/// verifier would walk through for each path that leads to it.
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
            let mac = (&raw mut (*slot).lanes[lane].mac).cast::<u8>();
            for octet in 0..6 {
                mac.add(octet).write_volatile(0);
            }
        }
    }
    let _ = FREE.push(number, 0);
}

#[inline(always)]
fn announce(slot: u32, first_seen: u64, ifindex: u32) {
    let event = NewFlow {
        first_seen,
        slot,
        ifindex,
    };
    if EVENTS.output::<NewFlow>(event, RING_NO_WAKEUP).is_err()
        && let Some(globals) = GLOBALS.get_ptr_mut(0)
    {
        // SAFETY: the array has its one element; the counter is only changed atomically.
        unsafe { atomic::add(&raw mut (*globals).ring_refused, 1) };
    }
}
