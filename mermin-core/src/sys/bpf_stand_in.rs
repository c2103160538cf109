//! Programs that replace one while it is at two places of a hook, so that each packet is counted at one of them.
//!
//! They share a number per CPU: a packet passes both places on one CPU, and no other packet passes that hook meanwhile.
//! Each program has 11 to 21 instructions, written here in the kernel's encoding.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
};

use super::{
    bpf_load::{Kind, Program},
    bpf_pin::{self, Shape},
};

/// Name of the program that counts nothing.
pub(crate) const PASSING: &str = "mermin_passing";

/// The part of a program in a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandIn {
    /// Counts a packet and notes that.
    Noting,
    /// Counts a packet unless that was noted, and removes the note.
    Heeding,
    /// Counts nothing, and removes the note.
    Passing,
}

/// Creates the numbers.
///
/// # Errors
/// The kernel's.
pub(crate) fn create_notes() -> io::Result<OwnedFd> {
    const PERCPU_ARRAY: u32 = 6;
    let shape = Shape {
        kind: PERCPU_ARRAY,
        key_size: 4,
        value_size: 8,
        entries: 1,
        flags: 0,
    };
    bpf_pin::create("mermin_notes", shape)
}

/// Loads a program that calls the counting program at `place` of `calls`.
///
/// # Errors
/// The kernel's.
pub(crate) fn load(
    role: StandIn,
    notes: BorrowedFd<'_>,
    calls: BorrowedFd<'_>,
    place: u32,
) -> io::Result<OwnedFd> {
    let name = match role {
        StandIn::Noting => "mermin_noting",
        StandIn::Heeding => "mermin_heeding",
        StandIn::Passing => PASSING,
    };
    Program {
        kind: Kind::SchedCls,
        name,
        license: c"GPL",
        instructions: &instructions(role, notes, calls, place),
    }
    .load_silently()
}

/// An instruction: operation, registers (the destination's number low), offset, number.
const fn instruction(code: u64, registers: u64, offset: i16, number: i32) -> u64 {
    code | registers << 8
        | (offset.cast_unsigned() as u64) << 16
        | (number.cast_unsigned() as u64) << 32
}

/// Loads the address of a map into a register: two instructions.
fn map(register: u64, map: BorrowedFd<'_>) -> [u64; 2] {
    const FROM_DESCRIPTOR: u64 = 1 << 4;
    [
        instruction(0x18, register | FROM_DESCRIPTOR, 0, map.as_raw_fd()),
        0,
    ]
}

fn instructions(
    role: StandIn,
    notes: BorrowedFd<'_>,
    calls: BorrowedFd<'_>,
    place: u32,
) -> Vec<u64> {
    const LOOKUP: i32 = 1;
    const TAIL_CALL: i32 = 12;
    let place = i32::try_from(place).unwrap_or(i32::MAX);
    // return TC_ACT_UNSPEC: the next program runs.
    let end = [instruction(0xb7, 0, 0, -1), instruction(0x95, 0, 0, 0)];
    // Tail call; the next instruction runs if the call fails.
    let count = [
        &[instruction(0xbf, 0x61, 0, 0)],
        &map(2, calls)[..],
        &[
            instruction(0xb7, 3, 0, place),
            instruction(0x85, 0, 0, TAIL_CALL),
        ],
    ]
    .concat();
    let work = match role {
        // *r0 += 1
        StandIn::Noting => [
            &[
                instruction(0x79, 0x01, 0, 0),
                instruction(0x07, 1, 0, 1),
                instruction(0x7b, 0x10, 0, 0),
            ],
            &count[..],
        ]
        .concat(),
        // if *r0 != 0 { *r0 -= 1; return }
        StandIn::Heeding => [
            &[
                instruction(0x79, 0x01, 0, 0),
                instruction(0x15, 1, 4, 0),
                instruction(0x07, 1, 0, -1),
                instruction(0x7b, 0x10, 0, 0),
            ],
            &end[..],
            &count[..],
        ]
        .concat(),
        // *r0 = 0
        StandIn::Passing => vec![instruction(0x7a, 0, 0, 0)],
    };
    let skip = i16::try_from(work.len()).unwrap_or(0);
    [
        // r6 = the packet; r0 = where the number is, of key 0, which is on the stack
        &[
            instruction(0xbf, 0x16, 0, 0),
            instruction(0x62, 10, -4, 0),
            instruction(0xbf, 0xa2, 0, 0),
            instruction(0x07, 2, 0, -4),
        ],
        &map(1, notes)[..],
        &[
            instruction(0x85, 0, 0, LOOKUP),
            instruction(0x15, 0, skip, 0),
        ],
        &work,
        &end,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::sys::{bpf, bpf_load::trial};

    /// A program with a verdict that shows that it was called.
    const COUNTED: i32 = 7;

    fn verdicts(parts: &[StandIn]) -> io::Result<Vec<u32>> {
        let notes = create_notes()?;
        let counting = trial::load_verdict("counting", COUNTED)?;
        let calls = bpf::create_calls(&[counting.as_fd(), counting.as_fd()])?;
        let run = |role: &StandIn| {
            let program = load(*role, notes.as_fd(), calls.as_fd(), 1)?;
            Ok(bpf::test_run(program.as_fd(), &[0; 64], &[], 1)?.verdict)
        };
        // The numbers are per CPU, so this thread stays on one.
        let own = rustix::thread::sched_getcpu();
        let mut one = rustix::thread::CpuSet::new();
        one.set(own);
        rustix::thread::sched_setaffinity(None, &one)?;
        parts.iter().map(run).collect()
    }

    #[test]
    fn packet_is_counted_at_one_of_two_places() {
        use StandIn::{Heeding, Noting, Passing};
        const NOT: u32 = u32::MAX;
        const YES: u32 = COUNTED.cast_unsigned();
        let parts = [
            Heeding, Noting, Heeding, Heeding, Noting, Noting, Heeding, Heeding, Heeding, Noting,
            Passing, Heeding,
        ];
        let expected = [YES, YES, NOT, YES, YES, YES, NOT, NOT, YES, YES, NOT, YES];
        let found = std::thread::spawn(move || verdicts(&parts)).join().unwrap();
        match found {
            Ok(found) => assert_eq!(found, expected),
            Err(error) => {
                assert!(
                    std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none(),
                    "{error}"
                );
                eprintln!("skipped: {error}");
            }
        }
    }
}
