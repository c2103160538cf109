//! Sampling of whole flows, where it is on: a constant lets the verifier remove all of it elsewhere.

use mermin_bpf::abi::{
    key::KeyWords,
    sampling::{Rate, point},
    slot::{Slot, mark},
};

use super::{
    atomic, free,
    maps::{GLOBALS, is_sampled, point_seed},
    options::Options,
};

/// The present rate.
#[inline(always)]
pub(super) fn rate() -> Rate {
    if !is_sampled() {
        return Rate::ALL;
    }
    GLOBALS.get_ptr(0).map_or(
        Rate::ALL,
        #[inline(always)]
        // SAFETY: the array has its one element; the word is stored whole.
        |globals| unsafe { (&raw const (*globals).rate).read_volatile() },
    )
}

/// True if a flow that begins at this rate is kept.
#[inline(always)]
pub(super) fn keeps(rate: Rate, key: &KeyWords) -> bool {
    !is_sampled() || rate.keeps(point(key, &point_seed()))
}

/// True if a flow was kept at a lower rate than this one.
#[inline(always)]
pub(super) fn is_lower(slot: *mut Slot, rate: Rate) -> bool {
    is_sampled() && lower_than(rate, slot) != 0
}

/// Not 0 if a flow was kept at a lower rate than the present one. A number rather than a condition, because it is part of a comparison
/// that the verifier is to follow once.
#[inline(always)]
pub(super) fn excess<O: Options>(slot: *mut Slot) -> u64 {
    if O::is_sampled() {
        lower_than(rate(), slot)
    } else {
        0
    }
}

#[inline(always)]
fn lower_than(rate: Rate, slot: *mut Slot) -> u64 {
    u64::from(rate.shift()).wrapping_sub(u64::from(kept_at(slot))) >> 63
}

/// The shift of the higher of two rates: this one, and the one that a flow was kept at.
#[inline(always)]
pub(super) fn higher_of(rate: Rate, slot: *mut Slot) -> u8 {
    if !is_sampled() {
        return 0;
    }
    let (now, before) = (rate.shift(), kept_at(slot));
    if before < now { before } else { now }
}

/// Lowers the rate if free slots run short. If another CPU or user space changes it meanwhile, that change counts.
#[inline(always)]
pub(super) fn lower(rate: Rate) {
    if !is_sampled() {
        return;
    }
    if let Some(lower) = rate.halved(free::left())
        && let Some(globals) = GLOBALS.get_ptr_mut(0)
    {
        // SAFETY: the array has its one element; the word is only changed atomically.
        unsafe { atomic::swap((&raw mut (*globals).rate).cast(), rate.0, lower.0) };
    }
}

#[inline(always)]
fn kept_at(slot: *mut Slot) -> u8 {
    // SAFETY: within the slot; these bits do not change while a packet can find it.
    mark::shift(unsafe { (&raw const (*slot).marks).read_volatile() })
}
