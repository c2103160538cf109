//! Programs of the lab besides the kernel program, written as instructions.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
};

use super::frame::{SOURCE_ADDRESS_LOW, SOURCE_PORT};
use crate::sys::bpf_load::{Kind, Program};

/// The order of flow numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// 0, 1, 2 and so on, repeated.
    Sequence,
    /// A random number for each packet.
    Random,
    /// The same on all CPUs at the same time, and another every two microseconds.
    Together,
}

/// Octets of the key of [`add_to_element`].
pub(super) const KEY: u32 = 24;
/// Octets of its value: packets and octets.
pub(super) const COUNTS: u32 = 16;

/// `TC_ACT_UNSPEC`: continue with the next program.
const UNSPEC: i32 = -1;
/// `XDP_PASS`: continue to the network stack.
const PASS: i32 = 2;
/// Helper functions by number.
const LOOK_UP: i32 = 1;
const UPDATE: i32 = 2;
const KTIME_GET_NS: i32 = 5;
const TAIL_CALL: i32 = 12;
const PRANDOM: i32 = 7;
/// Kind of the number behind `r = ...` of a wide load.
const MAP: u8 = 1;
const MAP_VALUE: u8 = 2;

/// Encodes `struct bpf_insn`.
const fn op(code: u8, to: u8, from: u8, offset: i16, number: i32) -> u64 {
    code as u64
        | (to as u64) << 8
        | (from as u64) << 12
        | (offset.cast_unsigned() as u64) << 16
        | (number.cast_unsigned() as u64) << 32
}

const fn set(to: u8, number: i32) -> u64 {
    op(0xb7, to, 0, 0, number)
}

const fn copy(to: u8, from: u8) -> u64 {
    op(0xbf, to, from, 0, 0)
}

const fn call(helper: i32) -> u64 {
    op(0x85, 0, 0, 0, helper)
}

const EXIT: u64 = op(0x95, 0, 0, 0, 0);

/// `to` = a map, or the address of its first value.
fn map(to: u8, what: u8, map: &OwnedFd) -> [u64; 2] {
    [op(0x18, to, what, 0, map.as_raw_fd()), 0]
}

fn load(kind: Kind, instructions: &[u64]) -> io::Result<OwnedFd> {
    let program = Program {
        kind,
        name: "",
        license: c"GPL",
        instructions,
    };
    program.load_silently()
}

/// Loads a program that does nothing, to measure the cost of running any program.
pub(super) fn empty() -> io::Result<OwnedFd> {
    load(Kind::SchedCls, &[set(0, UNSPEC), EXIT])
}

/// r7 = number of the next packet's flow.
fn choose(order: Order, flows: u32, counter: &OwnedFd) -> Vec<u64> {
    let mut code = match order {
        Order::Random => vec![call(PRANDOM), copy(7, 0)],
        // r7 = r0 >> 11
        Order::Together => vec![call(KTIME_GET_NS), copy(7, 0), op(0x77, 7, 0, 0, 11)],
        Order::Sequence => {
            let [first, second] = map(1, MAP_VALUE, counter);
            // r7 = 1; r7 = fetch and add
            vec![first, second, set(7, 1), op(0xdb, 1, 7, 0, 1)]
        }
    };
    // w7 %= flows
    code.push(op(0x94, 7, 0, 0, flows.cast_signed()));
    code
}

/// Writes the number in r7 into the frame's source port and the lower half of its source address. r6 has the context;
/// `data` and `end` are the offsets of the frame's limits in it. Jumps over `after` instructions if the frame is too
/// short.
fn rewrite(data: i16, end: i16, after: i16) -> [u64; 8] {
    [
        // r2 = data; r3 = end
        op(0x61, 2, 6, data, 0),
        op(0x61, 3, 6, end, 0),
        // r4 = r2 + all that is written; jump if r4 > r3
        copy(4, 2),
        op(0x07, 4, 0, 0, i32::from(SOURCE_PORT) + 2),
        op(0x2d, 4, 3, after + 3, 0),
        // 16 bits of r7; r7 >>= 16; 16 bits of r7
        op(0x6b, 2, 7, SOURCE_PORT, 0),
        op(0x77, 7, 0, 0, 16),
        op(0x6b, 2, 7, SOURCE_ADDRESS_LOW, 0),
    ]
}

/// Offsets of the packet's length, its interface and the frame's limits in `__sk_buff`.
const LENGTH: i16 = 0;
const IFINDEX: i16 = 40;
const DATA: i16 = 76;
const DATA_END: i16 = 80;

/// Loads a classifier that does `work` with each frame that has ports: r6 = context; r2 = the frame.
fn on_frames_with_ports(work: &[u64]) -> io::Result<OwnedFd> {
    let mut code = vec![
        copy(6, 1),
        op(0x61, 2, 6, DATA, 0),
        op(0x61, 3, 6, DATA_END, 0),
        // r4 = r2 + all that is read; jump if r4 > r3
        copy(4, 2),
        op(0x07, 4, 0, 0, i32::from(SOURCE_PORT) + 4),
        op(0x2d, 4, 3, over(work), 0),
    ];
    code.extend(work);
    code.extend([set(0, UNSPEC), EXIT]);
    load(Kind::SchedCls, &code)
}

/// Returns the offset of a jump over these instructions. If it is too far for a jump, the offset makes the verifier
/// reject the program.
fn over(instructions: &[u64]) -> i16 {
    i16::try_from(instructions.len()).unwrap_or(i16::MAX)
}

/// r1 = a map; r2 = a key on the stack.
fn keyed(of: &OwnedFd, key_at: i16) -> [u64; 4] {
    let [first, second] = map(1, MAP, of);
    [
        first,
        second,
        copy(2, 10),
        op(0x07, 2, 0, 0, i32::from(key_at)),
    ]
}

/// Loads a classifier that adds one to the array element whose index [`rewrite`] has written.
pub(super) fn add_to_line(lines: &OwnedFd) -> io::Result<OwnedFd> {
    const KEY_AT: i16 = -4;
    // r1 = 1; add
    let add = [set(1, 1), op(0xdb, 0, 1, 0, 0)];
    let mut work = vec![
        // r7 = 16 bits; r8 = the upper 16; r7 |= r8 << 16
        op(0x69, 7, 2, SOURCE_PORT, 0),
        op(0x69, 8, 2, SOURCE_ADDRESS_LOW, 0),
        op(0x67, 8, 0, 0, 16),
        op(0x4f, 7, 8, 0, 0),
        op(0x63, 10, 7, KEY_AT, 0),
    ];
    work.extend(keyed(lines, KEY_AT));
    // Jump if there is no element.
    work.extend([call(LOOK_UP), op(0x15, 0, 0, over(&add), 0)]);
    work.extend(add);
    on_frames_with_ports(&work)
}

/// Loads a classifier that counts packets and octets by addresses, ports and interface in a hash.
pub(super) fn add_to_element(flows: &OwnedFd) -> io::Result<OwnedFd> {
    /// Offset of both addresses in the frame.
    const ADDRESSES: i16 = SOURCE_ADDRESS_LOW - 2;
    const KEY_AT: i16 = -24;
    const COUNTS_AT: i16 = -40;
    let mut make = vec![
        op(0x7b, 10, 7, COUNTS_AT, 0),
        op(0x7b, 10, 8, COUNTS_AT + 8, 0),
    ];
    make.extend(keyed(flows, KEY_AT));
    // r3 = the counts; r4 = replace or create
    make.extend([
        copy(3, 10),
        op(0x07, 3, 0, 0, i32::from(COUNTS_AT)),
        set(4, 0),
        call(UPDATE),
    ]);
    let add = [
        op(0xdb, 0, 7, 0, 0),
        op(0xdb, 0, 8, 8, 0),
        op(0x05, 0, 0, over(&make), 0),
    ];
    let mut work = vec![
        op(0x79, 5, 2, ADDRESSES, 0),
        op(0x7b, 10, 5, KEY_AT, 0),
        op(0x61, 5, 2, SOURCE_PORT, 0),
        op(0x7b, 10, 5, KEY_AT + 8, 0),
        op(0x61, 5, 6, IFINDEX, 0),
        op(0x7b, 10, 5, KEY_AT + 16, 0),
    ];
    work.extend(keyed(flows, KEY_AT));
    // r7 = 1; r8 = length
    work.extend([call(LOOK_UP), set(7, 1), op(0x61, 8, 6, LENGTH, 0)]);
    // Jump to the creation if there is no element.
    work.push(op(0x15, 0, 0, over(&add), 0));
    work.extend(add);
    work.extend(make);
    on_frames_with_ports(&work)
}

/// Loads a classifier that makes each packet one of `flows` and then calls the program at `index` of `calls`.
pub(super) fn driver(
    order: Order,
    flows: u32,
    counter: &OwnedFd,
    calls: &OwnedFd,
    index: i32,
) -> io::Result<OwnedFd> {
    let mut code = vec![copy(6, 1)];
    code.extend(choose(order, flows, counter));
    let [first, second] = map(2, MAP, calls);
    let rest = [copy(1, 6), first, second, set(3, index), call(TAIL_CALL)];
    code.extend(rewrite(DATA, DATA_END, 5));
    code.extend(rest);
    code.extend([set(0, UNSPEC), EXIT]);
    load(Kind::SchedCls, &code)
}

/// Loads a classifier that writes 0, `step`, twice `step` and so on into the four octets at `at`, in network byte order, and then calls
/// the program at `index` of `calls`.
pub(super) fn counting_driver(
    at: i16,
    step: u16,
    counter: &OwnedFd,
    calls: &OwnedFd,
    index: i32,
) -> io::Result<OwnedFd> {
    let [first, second] = map(1, MAP_VALUE, counter);
    let mut code = vec![
        copy(6, 1),
        // r7 = 1; r7 = fetch and add; r7 *= step; to network byte order
        first,
        second,
        set(7, 1),
        op(0xdb, 1, 7, 0, 1),
        op(0x27, 7, 0, 0, step.into()),
        op(0xdc, 7, 0, 0, 32),
        // r2 = data; r3 = end
        op(0x61, 2, 6, DATA, 0),
        op(0x61, 3, 6, DATA_END, 0),
        // r4 = r2 + everything written; jump if r4 > r3
        copy(4, 2),
        op(0x07, 4, 0, 0, i32::from(at) + 4),
    ];
    let [first, second] = map(2, MAP, calls);
    let rest = [
        op(0x63, 2, 7, at, 0),
        copy(1, 6),
        first,
        second,
        set(3, index),
        call(TAIL_CALL),
    ];
    code.push(op(0x2d, 4, 3, over(&rest), 0));
    code.extend(rest);
    code.extend([set(0, UNSPEC), EXIT]);
    load(Kind::SchedCls, &code)
}

/// Loads an XDP program that makes each frame one of `flows` and passes it on.
pub(super) fn generator(order: Order, flows: u32, counter: &OwnedFd) -> io::Result<OwnedFd> {
    /// Offsets of the frame's limits in `xdp_md`.
    const DATA: i16 = 0;
    const DATA_END: i16 = 4;
    let mut code = vec![copy(6, 1)];
    code.extend(choose(order, flows, counter));
    code.extend(rewrite(DATA, DATA_END, 0));
    code.extend([set(0, PASS), EXIT]);
    load(Kind::Xdp, &code)
}

/// Creates an array of programs for a driver, in the order of their indexes.
pub(super) fn calls(programs: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    crate::sys::bpf::create_calls(programs)
}
