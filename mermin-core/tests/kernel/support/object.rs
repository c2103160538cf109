//! Kernel programs that the kernel refuses.

/// Numbers of `bpf_ktime_get_ns`, `bpf_tcp_sock` and `bpf_probe_read_kernel` (`linux/bpf.h`).
const GET_NS: u32 = 5;
const TCP_SOCK: u32 = 96;
const READ_KERNEL: u32 = 113;
/// Of no helper.
const NONE: u32 = 0x7fff_0000;
/// A call of a helper, whose number is behind three octets more.
const CALL: [u8; 4] = [0x85, 0, 0, 0];

/// Returns the kernel program with one of its programs calling a helper that no kernel has, instead of reading the clock. A verifier
/// that never comes by there takes it.
pub(crate) fn without_clock(program: &str) -> &'static [u8] {
    without(program, GET_NS)
}

/// As [`without_clock`], of a program that reads the values of TCP sockets.
pub(crate) fn without_sockets(program: &str) -> &'static [u8] {
    without(program, TCP_SOCK)
}

/// As [`without_clock`], of the program that counts dropped packets: it reads no memory of the kernel.
pub(crate) fn without_drops() -> &'static [u8] {
    without("mermin_drop", READ_KERNEL)
}

fn without(program: &str, helper: u32) -> &'static [u8] {
    let mut object = mermin_bpf::OBJECT.to_vec();
    let [start, end] = extent(&object, program);
    let mut calls = 0;
    for instruction in object[start..end].chunks_exact_mut(8) {
        if instruction[..4] == CALL && instruction[4..] == helper.to_le_bytes() {
            instruction[4..].copy_from_slice(&NONE.to_le_bytes());
            calls += 1;
        }
    }
    assert_ne!(calls, 0, "`{program}` does not call {helper}");
    object.leak()
}

/// Offsets of a function in an ELF file of 64 bits.
fn extent(object: &[u8], function: &str) -> [usize; 2] {
    const SYMBOLS: u64 = 2;
    let number = |at: usize, octets: usize| {
        let mut word = [0; 8];
        word[..octets].copy_from_slice(&object[at..at + octets]);
        u64::from_le_bytes(word)
    };
    let place = |at: usize| usize::try_from(number(at, 8)).unwrap();
    let sections = place(0x28);
    let section = |index: u64| sections + usize::try_from(index).unwrap() * 64;
    let table = (0..number(0x3c, 2))
        .map(section)
        .find(|at| number(at + 4, 4) == SYMBOLS)
        .unwrap();
    let names = place(section(number(table + 0x28, 4)) + 0x18);
    let (start, length) = (place(table + 0x18), place(table + 0x20));
    for symbol in (start..start + length).step_by(24) {
        let name = names + usize::try_from(number(symbol, 4)).unwrap();
        let name = object[name..].split(|octet| *octet == 0).next().unwrap();
        if name == function.as_bytes() {
            let code = place(section(number(symbol + 6, 2)) + 0x18) + place(symbol + 8);
            return [code, code + place(symbol + 16)];
        }
    }
    panic!("no `{function}` in the object");
}
