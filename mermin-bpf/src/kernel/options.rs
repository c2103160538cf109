//! Options that the packets of known flows may pay for.
//!
//! The programs at the hooks are compiled twice: without these options, and with constants that the loader writes. The verifier removes
//! code behind a constant, but the compiler has kept values on the stack because of it, which each packet pays for.

use super::maps;

/// The options in one build of a program.
pub(super) trait Options {
    /// True if VLANs and tunnels are not part of the key.
    fn is_bare() -> bool;
    /// True if TCP segments are analysed.
    fn analyses() -> bool;
    /// True if the kernel's values of TCP sockets are read.
    fn reads_sockets() -> bool;
    /// True if flows are sampled.
    fn is_sampled() -> bool;
}

/// None of the options, known to the compiler.
pub(super) struct Without;

impl Options for Without {
    #[inline(always)]
    fn is_bare() -> bool {
        false
    }

    #[inline(always)]
    fn analyses() -> bool {
        false
    }

    #[inline(always)]
    fn reads_sockets() -> bool {
        false
    }

    #[inline(always)]
    fn is_sampled() -> bool {
        false
    }
}

/// Those that the loader chose.
pub(super) struct Chosen;

impl Options for Chosen {
    #[inline(always)]
    fn is_bare() -> bool {
        maps::is_bare()
    }

    #[inline(always)]
    fn analyses() -> bool {
        maps::analyses()
    }

    #[inline(always)]
    fn reads_sockets() -> bool {
        maps::reads_sockets()
    }

    #[inline(always)]
    fn is_sampled() -> bool {
        maps::is_sampled()
    }
}
