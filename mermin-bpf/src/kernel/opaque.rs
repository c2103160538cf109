//! Numbers whose bounds the compiler is not to know.

use core::arch::asm;

/// The same number, in the same register. A mask of it stays in the program even if the compiler could prove that it changes nothing; the
/// verifier cannot always: that of Linux 6.1 knows nothing of a known number to which bits of an unknown one were added by OR.
#[inline(always)]
pub(super) fn opaque(mut number: u32) -> u32 {
    // SAFETY: no instruction at all.
    unsafe {
        asm!("/* {0} */", inlateout(wreg) number, options(pure, nomem, nostack, preserves_flags));
    }
    number
}
