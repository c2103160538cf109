//! Notes which process opens a socket.
//!
//! The program runs in that process, before anything is sent. The kernel opens its own sockets, those of accepted connections and the subflows
//! of MPTCP without it.

use core::mem::MaybeUninit;

use aya_ebpf::{
    EbpfContext as _,
    bindings::BPF_ANY,
    helpers::generated::{
        bpf_get_current_cgroup_id, bpf_get_current_task, bpf_get_socket_cookie,
        bpf_ktime_get_boot_ns, bpf_map_update_elem, bpf_probe_read_kernel,
        bpf_probe_read_kernel_str,
    },
    macros::cgroup_sock,
    programs::SockContext,
};
use mermin_bpf::abi::opener::{NAME, Opener, fact};

use super::maps::{OPENERS, opener_fact};

/// The socket is opened. The other answer would forbid it.
const ALLOWED: i32 = 1;

#[cgroup_sock(sock_create)]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_opener(context: SockContext) -> i32 {
    let mut opener = MaybeUninit::<Opener>::uninit();
    let to = opener.as_mut_ptr();
    // SAFETY: the helpers take the program's own context, and write the structure on this program's stack, every octet of which is written
    // before the map takes it: word by word, because the compiler would call `memset` for the name. The verifier has the kernel read the
    // socket's field.
    unsafe {
        let cookie = bpf_get_socket_cookie(context.as_ptr());
        let task = bpf_get_current_task();
        let mut pid = 0_u32;
        read(task, fact::PID, &raw mut pid);
        (&raw mut (*to).cgroup).write_volatile(bpf_get_current_cgroup_id());
        (&raw mut (*to).opened).write_volatile(bpf_ktime_get_boot_ns());
        (&raw mut (*to).pid).write_volatile(pid);
        (&raw mut (*to).protocol).write_volatile((*context.sock).protocol);
        let name = &raw mut (*to).name;
        #[expect(
            clippy::cast_ptr_alignment,
            reason = "four whole words are in front of it"
        )]
        let words = name.cast::<u64>();
        for number in 0..NAME / 8 {
            words.add(number).write_volatile(0);
        }
        // Threads may call themselves anything, so the name is that of the executed file.
        let file = follow(follow(task, fact::MEMORY), fact::FILE);
        let from = follow(follow(file, fact::ENTRY), fact::NAME);
        bpf_probe_read_kernel_str(name.cast(), NAME as u32, from as *const _);
        bpf_map_update_elem(
            (&raw const OPENERS).cast_mut().cast(),
            (&raw const cookie).cast(),
            to.cast_const().cast(),
            BPF_ANY.into(),
        );
    }
    ALLOWED
}

/// The pointer in a structure's member; 0 if it cannot be read.
///
/// # Safety
/// As the helper's: any address may be given.
#[inline(always)]
unsafe fn follow(structure: u64, member: usize) -> u64 {
    let mut pointer = 0_u64;
    // SAFETY: by the contract above.
    unsafe { read(structure, member, &raw mut pointer) };
    pointer
}

/// Reads a structure's member: 0 if it cannot be read.
///
/// # Safety
/// `to` is valid for writes.
#[inline(always)]
unsafe fn read<T>(structure: u64, member: usize, to: *mut T) {
    let from = structure.wrapping_add(opener_fact(member));
    // SAFETY: the helper checks the address that it reads, and writes as many octets as `to` has.
    unsafe { bpf_probe_read_kernel(to.cast(), size_of::<T>() as u32, from as *const _) };
}
