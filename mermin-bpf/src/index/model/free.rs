//! Taking, keeping and returning of slots.

use core::cell::Cell;

use super::{
    super::free::{FreeMemory, Taken, keep, push, take, take_spare},
    Replay, Turn, World, walk,
};
use crate::abi::free::{SPARES, Top};

/// Number of slots.
const SLOTS: usize = 4;
/// Number of CPUs.
const CPUS: usize = 2;
/// Stands for the number at a place, which is not read yet.
const UNREAD: u32 = 1 << 16;

/// One access.
enum Access {
    Top,
    SwapTop(u64, u64),
    Number(u32),
    SetNumber(u32, u32),
    Spare(u32, usize),
    SwapSpare(u32, usize, u32),
    /// A thread begins or ends to use a slot.
    Own(u32),
    Leave(u32),
}

/// A fault built into the protocol, to see that the model finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The top has no counter of changes.
    ChangesUncounted,
    /// The number is read after the top is changed.
    NumberReadLate,
    /// The number is written after the top is changed.
    NumberWrittenLate,
    /// A spare slot is read and then overwritten, instead of exchanged.
    SpareNotExchanged,
}

/// The memory that all threads share.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Lines {
    top: u64,
    numbers: [u32; SLOTS],
    spares: [[u32; SPARES]; CPUS],
    owners: [u8; SLOTS],
}

impl Lines {
    /// The first `stacked` slots are on the stack. User space has closed the flows of the others.
    fn new(stacked: u32) -> Self {
        let mut lines = Self {
            top: 0,
            numbers: [0; SLOTS],
            spares: [[0; SPARES]; CPUS],
            owners: [1; SLOTS],
        };
        for slot in 0..stacked {
            lines.numbers[slot as usize] = slot;
            lines.owners[slot as usize] = 0;
            lines.top = Top(lines.top).pushed().0;
        }
        lines
    }

    /// Places where a slot is.
    fn places(&self, slot: u32) -> usize {
        let stacked = &self.numbers[..Top(self.top).count() as usize];
        let here = stacked.iter().filter(|number| **number == slot).count();
        let spares = self.spares.iter().flatten();
        let spare = spares.filter(|spare| **spare == slot + 1);
        here + spare.count() + usize::from(self.owners[slot as usize])
    }
}

impl super::Shared for Lines {
    type Access = Access;
    type Fault = Fault;

    fn access(&mut self, access: Access, fault: Option<Fault>) -> u64 {
        match access {
            Access::Top => self.top,
            Access::SwapTop(from, to) => {
                let is_same = match fault {
                    Some(Fault::ChangesUncounted) => Top(self.top).count() == Top(from).count(),
                    _ => self.top == from,
                };
                if is_same {
                    self.top = to;
                }
                is_same.into()
            }
            Access::Number(place) => self.numbers[place as usize].into(),
            Access::SetNumber(place, number) => {
                self.numbers[place as usize] = number;
                0
            }
            Access::Spare(cpu, number) => self.spares[cpu as usize][number].into(),
            Access::SwapSpare(cpu, number, to) => {
                core::mem::replace(&mut self.spares[cpu as usize][number], to).into()
            }
            Access::Own(slot) => {
                self.owners[slot as usize] += 1;
                0
            }
            Access::Leave(slot) => {
                self.owners[slot as usize] -= 1;
                0
            }
        }
    }

    fn defect(&self, at_rest: bool) -> Option<&'static str> {
        let mut slots = 0..SLOTS as u32;
        if self.owners.iter().any(|owners| *owners > 1) {
            return Some("a slot has two owners");
        }
        if at_rest && slots.clone().any(|slot| self.places(slot) == 0) {
            return Some("a slot is lost");
        }
        (at_rest && slots.any(|slot| self.places(slot) > 1)).then_some("a slot is in two places")
    }
}

/// The memory, and what a fault holds back.
struct FaultyMemory<'a> {
    replay: &'a Replay<'a, Lines>,
    number: Cell<(u32, u32)>,
    spare: Cell<u32>,
}

impl FreeMemory for FaultyMemory<'_> {
    fn top(&self) -> Top {
        Top(self.replay.access(Access::Top))
    }

    fn swap_top(&self, from: Top, to: Top) -> bool {
        let is_same = self.replay.access(Access::SwapTop(from.0, to.0)) != 0;
        let is_push = to.count() > from.count();
        if is_same && is_push && self.replay.has(Fault::NumberWrittenLate) {
            let (place, number) = self.number.get();
            self.replay.access(Access::SetNumber(place, number));
        }
        is_same
    }

    fn number(&self, place: u32) -> u32 {
        if self.replay.has(Fault::NumberReadLate) {
            return UNREAD | place;
        }
        self.replay.access(Access::Number(place)) as u32
    }

    fn set_number(&self, place: u32, number: u32) {
        self.number.set((place, number));
        if !self.replay.has(Fault::NumberWrittenLate) {
            self.replay.access(Access::SetNumber(place, number));
        }
    }

    fn spare(&self, cpu: u32, number: usize) -> u32 {
        let spare = self.replay.access(Access::Spare(cpu, number)) as u32;
        self.spare.set(spare);
        spare
    }

    fn swap_spare(&self, cpu: u32, number: usize, to: u32) -> u32 {
        let spare = self.replay.access(Access::SwapSpare(cpu, number, to)) as u32;
        if self.replay.has(Fault::SpareNotExchanged) {
            return self.spare.get();
        }
        spare
    }
}

/// A step of user space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// A closed flow's slot is returned.
    Return(u32),
    /// A CPU's spare slot is returned.
    Collect(u32),
}

/// The work of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Work {
    /// A CPU's packets, each of which takes a slot. Some use it, the others keep it.
    Packets(u32, &'static [bool]),
    /// User space.
    User(&'static [Step]),
}

impl super::Work for Work {
    type Shared = Lines;

    fn turn(self, number: u8, replay: &Replay<'_, Lines>) -> Turn {
        let held = &FaultyMemory {
            replay,
            number: Cell::new((0, 0)),
            spare: Cell::new(0),
        };
        let number = usize::from(number);
        match self {
            Self::Packets(cpu, uses) => {
                if let Taken::Slot(mut slot) = take(held, cpu) {
                    if slot & UNREAD != 0 {
                        slot = replay.access(Access::Number(slot & !UNREAD)) as u32;
                    }
                    replay.access(Access::Own(slot));
                    if !uses[number] {
                        replay.access(Access::Leave(slot));
                        keep(held, cpu, slot);
                    }
                }
            }
            Self::User(steps) => match steps[number] {
                Step::Return(slot) => {
                    replay.access(Access::Leave(slot));
                    push(held, slot);
                }
                Step::Collect(cpu) => {
                    if let Some(slot) = take_spare(held, cpu) {
                        push(held, slot);
                    }
                }
            },
        }
        Turn::Again
    }

    fn most_turns(self) -> u8 {
        match self {
            Self::Packets(_, uses) => uses.len() as u8,
            Self::User(steps) => steps.len() as u8,
        }
    }
}

/// Two CPUs take slots while user space returns two.
fn taken() -> World<Work> {
    let works = [
        Work::Packets(0, &[true]),
        Work::Packets(1, &[true, true]),
        Work::User(&[Step::Return(2), Step::Return(3)]),
    ];
    World::new(Lines::new(2), &works)
}

/// Two CPUs keep slots that they do not use, and user space collects them.
fn kept() -> World<Work> {
    let works = [
        Work::Packets(0, &[false, true]),
        Work::Packets(1, &[true]),
        Work::User(&[Step::Collect(0), Step::Return(3)]),
    ];
    World::new(Lines::new(3), &works)
}

/// Two runs on one CPU keep slots that they do not use. One run interrupts the other.
fn interrupted() -> World<Work> {
    let works = [
        Work::Packets(0, &[false]),
        Work::Packets(0, &[false, true]),
        Work::User(&[Step::Return(3)]),
    ];
    World::new(Lines::new(3), &works)
}

#[test]
fn no_slot_is_lost_or_given_twice() {
    for (name, world) in [
        ("taken", taken()),
        ("kept", kept()),
        ("interrupted", interrupted()),
    ] {
        let states = walk(world, None);
        std::println!("{name}: {states:?} states");
        assert!(
            states.is_ok_and(|states| states > 500),
            "{name}: {states:?}"
        );
    }
}

#[test]
fn each_mistake_with_free_slots_is_found() {
    let found = |world, fault| walk(world, Some(fault)).err();
    for fault in [
        Fault::ChangesUncounted,
        Fault::NumberReadLate,
        Fault::NumberWrittenLate,
    ] {
        assert!(found(taken(), fault).is_some(), "{fault:?}");
    }
    assert!(found(kept(), Fault::SpareNotExchanged).is_some());
}

/// The places above the top belong to one thread alone.
#[test]
fn two_threads_that_push_lose_a_slot() {
    let works = [2, 3].map(|slot| match slot {
        2 => Work::User(&[Step::Return(2)]),
        _ => Work::User(&[Step::Return(3)]),
    });
    let pushed = World::new(Lines::new(2), &works);
    assert!(walk(pushed, None).is_err());
}
