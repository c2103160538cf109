//! Tells ticks as time: user space runs this program, it is attached nowhere.

use aya_ebpf::{
    bindings::TC_ACT_UNSPEC,
    helpers::{bpf_jiffies64, bpf_ktime_get_coarse_ns, bpf_ktime_get_ns},
    macros::classifier,
    programs::TcContext,
};

use super::maps::GLOBALS;

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
pub fn mermin_clock(_: TcContext) -> i32 {
    if let Some(globals) = GLOBALS.get_ptr_mut(0) {
        // SAFETY: the array has its one element; user space runs this program from one thread.
        unsafe {
            (*globals).clock.ticks = bpf_jiffies64();
            (*globals).clock.monotonic = bpf_ktime_get_coarse_ns();
            (*globals).clock.now = bpf_ktime_get_ns();
        }
    }
    TC_ACT_UNSPEC
}
