//! Programs that the lab needs besides the kernel program, short enough to be written as instructions.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
};

use super::frame::{SOURCE_ADDRESS_LOW, SOURCE_PORT};
use crate::sys::bpf_trial::{Kind, load};

/// How numbers of flows follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// 0, 1, 2 and so on, over and over.
    Sequence,
    /// Each packet's by chance.
    Random,
}

/// `TC_ACT_UNSPEC`: the next program's turn.
const UNSPEC: i32 = -1;
/// `XDP_PASS`: on to the network stack.
const PASS: i32 = 2;
/// Helper functions by number.
const TAIL_CALL: i32 = 12;
const PRANDOM: i32 = 7;
/// What the number after `r = ...` of a wide load stands for.
const MAP: u8 = 1;
const MAP_VALUE: u8 = 2;

/// `struct bpf_insn`.
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

/// The program that does nothing: what it costs to run any.
pub(super) fn empty() -> io::Result<OwnedFd> {
    load(Kind::SchedCls, &[set(0, UNSPEC), EXIT])
}

/// r7 = number of the flow that the next packet is of.
fn choose(order: Order, flows: u32, counter: &OwnedFd) -> Vec<u64> {
    let mut code = match order {
        Order::Random => vec![call(PRANDOM), copy(7, 0)],
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

/// Writes the number in r7 into the frame's source port and the lower half of its source address. The context is in r6;
/// `data` and `end` are where it keeps the frame's limits. Jumps over `after` instructions when the frame is too short.
fn rewrite(data: i16, end: i16, after: i16) -> [u64; 8] {
    [
        // r2 = data; r3 = end
        op(0x61, 2, 6, data, 0),
        op(0x61, 3, 6, end, 0),
        // r4 = r2 + all that is written; away if r4 > r3
        copy(4, 2),
        op(0x07, 4, 0, 0, i32::from(SOURCE_PORT) + 2),
        op(0x2d, 4, 3, after + 3, 0),
        // 16 bits of r7; r7 >>= 16; 16 bits of r7
        op(0x6b, 2, 7, SOURCE_PORT, 0),
        op(0x77, 7, 0, 0, 16),
        op(0x6b, 2, 7, SOURCE_ADDRESS_LOW, 0),
    ]
}

/// A classifier that makes each packet one of `flows` and then calls the program at `index` of `calls`.
pub(super) fn driver(
    order: Order,
    flows: u32,
    counter: &OwnedFd,
    calls: &OwnedFd,
    index: i32,
) -> io::Result<OwnedFd> {
    /// Where `__sk_buff` has the frame's limits.
    const DATA: i16 = 76;
    const DATA_END: i16 = 80;
    let mut code = vec![copy(6, 1)];
    code.extend(choose(order, flows, counter));
    let [first, second] = map(2, MAP, calls);
    let rest = [copy(1, 6), first, second, set(3, index), call(TAIL_CALL)];
    code.extend(rewrite(DATA, DATA_END, 5));
    code.extend(rest);
    code.extend([set(0, UNSPEC), EXIT]);
    load(Kind::SchedCls, &code)
}

/// An XDP program that makes each frame one of `flows` and lets it pass.
pub(super) fn generator(order: Order, flows: u32, counter: &OwnedFd) -> io::Result<OwnedFd> {
    /// Where `xdp_md` has the frame's limits.
    const DATA: i16 = 0;
    const DATA_END: i16 = 4;
    let mut code = vec![copy(6, 1)];
    code.extend(choose(order, flows, counter));
    code.extend(rewrite(DATA, DATA_END, 0));
    code.extend([set(0, PASS), EXIT]);
    load(Kind::Xdp, &code)
}

/// Programs that a driver calls, in the order of their indexes.
pub(super) fn calls(programs: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    crate::sys::bpf_trial::create_calls(programs)
}
