//! The kernel's way to free slots.

use mermin_bpf::{
    abi::{
        free::{FreeLine, NUMBERS, Top},
        ledger::Reason,
    },
    index::free::{self, FreeMemory, Taken},
};

use super::{
    atomic, ledger,
    maps::{FREE, GLOBALS, free_shape, slot_count},
};

/// An unused slot's number: one that was given back, otherwise one that was never used. The error is the reason to count the
/// packet under; [`Reason::Race`] if others took slots meanwhile.
#[inline(always)]
pub(super) fn take() -> Result<u32, Reason> {
    match free::take(&FreeSlots, ledger::cpu()) {
        Taken::Slot(number) => Ok(number),
        Taken::Overtaken => Err(Reason::Race),
        Taken::Nothing => never_used().ok_or(Reason::TableFull),
    }
}

/// Keeps a slot that was taken and not used for this CPU's next new flow.
#[inline(always)]
pub(super) fn keep(number: u32) {
    // In test builds only: the slot is lost.
    if cfg!(mermin_fault = "unkept") {
        return;
    }
    free::keep(&FreeSlots, ledger::cpu(), number);
}

/// How many slots are free, apart from those that CPUs keep.
#[inline(always)]
pub(super) fn left() -> u32 {
    let used = GLOBALS.get_ptr(0).map_or(
        0,
        #[inline(always)]
        // SAFETY: the array has its one element.
        |globals| unsafe { (&raw const (*globals).high_water).read_volatile() },
    );
    let never_used = u64::from(slot_count()).saturating_sub(used);
    (u64::from(FreeSlots.top().count()) + never_used) as u32
}

#[inline(always)]
fn never_used() -> Option<u32> {
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

struct FreeSlots;

impl FreeMemory for FreeSlots {
    /// The number's address depends on the top that is read here, so the number is read afterwards on every machine.
    #[inline(always)]
    fn top(&self) -> Top {
        // SAFETY: a line's first eight octets, aligned.
        FREE.get_ptr(0).map_or(
            Top(0),
            #[inline(always)]
            |line| Top(unsafe { line.cast::<u64>().read_volatile() }),
        )
    }

    #[inline(always)]
    fn swap_top(&self, from: Top, to: Top) -> bool {
        let Some(line) = FREE.get_ptr_mut(0) else {
            return false;
        };
        // In test builds only: two CPUs take the same number.
        if cfg!(mermin_fault = "unchecked") {
            // SAFETY: as above.
            unsafe { atomic::add(line.cast::<u64>(), to.0.wrapping_sub(from.0)) };
            return true;
        }
        // SAFETY: as above; the top is only changed atomically.
        unsafe { atomic::swap(line.cast::<u64>(), from.0, to.0) }
    }

    #[inline(always)]
    fn number(&self, place: u32) -> u32 {
        let (line, number) = free_shape().place(place);
        // SAFETY: within the line, whatever the number.
        FREE.get_ptr(line).map_or(
            u32::MAX,
            #[inline(always)]
            |line| unsafe { number_of(line.cast_mut(), number).read_volatile() },
        )
    }

    /// Does nothing: only user space pushes.
    #[inline(always)]
    fn set_number(&self, _: u32, _: u32) {}

    #[inline(always)]
    fn spare(&self, cpu: u32, number: usize) -> u32 {
        // SAFETY: within the line.
        FREE.get_ptr(free_shape().spare(cpu)).map_or(
            0,
            #[inline(always)]
            |line| unsafe { number_of(line.cast_mut(), number).read_volatile() },
        )
    }

    #[inline(always)]
    fn swap_spare(&self, cpu: u32, number: usize, to: u32) -> u32 {
        // SAFETY: within the line; a spare is only changed atomically.
        FREE.get_ptr_mut(free_shape().spare(cpu)).map_or(
            0,
            #[inline(always)]
            |line| unsafe { atomic::exchange(number_of(line, number), to) },
        )
    }
}

/// # Safety
/// `line` is valid.
#[inline(always)]
unsafe fn number_of(line: *mut FreeLine, number: usize) -> *mut u32 {
    // SAFETY: by the contract above, and the number is masked.
    unsafe { line.cast::<u32>().add(number & (NUMBERS - 1)) }
}
