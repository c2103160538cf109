//! Runs frames through a source's programs.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use super::HookDirection;
use crate::{
    bpf::loaded::Programs,
    sys::{
        bpf::{self, Ran},
        bpf_trial,
    },
};

/// Offsets of `mark` and `priority` in `struct __sk_buff`.
const MARK: usize = 8;
const PRIORITY: usize = 32;

/// Context of a packet, as far as the kernel lets a test run set it (`struct __sk_buff`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Interface of the hook; 0 and 1 are loopback. Any other must exist in the calling thread's network namespace.
    pub ifindex: u32,
    /// Interface that received the packet; 0 for none.
    pub ingress_ifindex: u32,
    /// Segments of a super-packet; 0 for an ordinary one.
    pub gso_segs: u32,
    /// Payload octets of a segment; 0 for an ordinary packet.
    pub gso_size: u32,
}

impl Context {
    /// Returns `struct __sk_buff` of Linux 5.18. Other fields are zero.
    pub(super) fn words(self) -> [u8; 192] {
        let mut words = [0; 192];
        let mut put = |at: usize, value: u32| {
            words[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        };
        put(36, self.ingress_ifindex);
        put(40, self.ifindex);
        put(164, self.gso_segs);
        put(176, self.gso_size);
        words
    }
}

/// Result of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// CPU time of the whole call divided by its runs, ns, without the time of other processes on the CPU. Reliable
    /// from a few thousand runs on.
    pub nanoseconds: f64,
    /// The kernel's own figure, whole ns per run, for few runs. It includes two readings of the clock per call.
    pub kernel_nanoseconds: u32,
    /// Return value of the last run.
    pub verdict: i32,
}

/// A packet after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Return value: -1 (`TC_ACT_UNSPEC`, `TCX_NEXT`) passes the packet to the next program.
    pub verdict: i32,
    /// The frame.
    pub frame: Vec<u8>,
    /// Mark and priority of the socket buffer.
    pub metadata: [u32; 2],
}

pub(super) fn run(
    program: BorrowedFd<'_>,
    frame: &[u8],
    context: &Context,
    repeat: u32,
) -> io::Result<Run> {
    let began = clock_gettime(ClockId::ThreadCPUTime);
    let Ran {
        verdict,
        nanoseconds,
    } = bpf::test_run(program, frame, &context.words(), repeat)?;
    let took = Duration::try_from(clock_gettime(ClockId::ThreadCPUTime) - began);
    Ok(Run {
        nanoseconds: took.unwrap_or_default().as_secs_f64() * 1e9 / f64::from(repeat.max(1)),
        kernel_nanoseconds: nanoseconds,
        verdict: verdict.cast_signed(),
    })
}

/// Runs frames through the programs of an open source, wherever they are attached. Clones can run in parallel.
#[derive(Clone, Debug)]
pub struct Injector {
    programs: Arc<Programs>,
}

impl Injector {
    /// Creates an injector for an open source; `None` for one that reads a file.
    #[must_use]
    pub fn new(handle: &crate::Handle) -> Option<Self> {
        handle
            .programs()
            .map(|programs| Self::of(Arc::clone(programs)))
    }

    pub(super) fn of(programs: Arc<Programs>) -> Self {
        Self { programs }
    }

    fn descriptor(&self, direction: HookDirection) -> &OwnedFd {
        match direction {
            HookDirection::Ingress => &self.programs.ingress,
            HookDirection::Egress => &self.programs.egress,
        }
    }

    pub(super) fn program(&self, direction: HookDirection) -> BorrowedFd<'_> {
        self.descriptor(direction).as_fd()
    }

    /// Runs a frame `repeat` times through the program of one direction (`BPF_PROG_TEST_RUN`).
    ///
    /// # Errors
    /// The error of the system call: EINVAL for a frame of less than 15 octets or more than a page holds; ENODEV for
    /// an interface that does not exist.
    pub fn run(
        &self,
        direction: HookDirection,
        frame: &[u8],
        context: &Context,
        repeat: u32,
    ) -> io::Result<Run> {
        run(self.program(direction), frame, context, repeat)
    }

    /// Runs a frame once through the program of one direction, with this mark and priority, and returns the packet
    /// afterwards.
    ///
    /// # Errors
    /// Those of [`Injector::run`].
    pub fn pass(
        &self,
        direction: HookDirection,
        frame: &[u8],
        context: &Context,
        metadata: [u32; 2],
    ) -> io::Result<Passed> {
        let mut words = context.words();
        for (at, value) in [MARK, PRIORITY].into_iter().zip(metadata) {
            words[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        }
        let mut frame = frame.to_vec();
        let verdict = bpf_trial::pass(self.program(direction), &mut frame, &mut words)?;
        Ok(Passed {
            verdict: verdict.cast_signed(),
            frame,
            metadata: [MARK, PRIORITY].map(|at| {
                let word = words.get(at..at + 4).and_then(|word| word.try_into().ok());
                word.map_or(0, u32::from_ne_bytes)
            }),
        })
    }
}
