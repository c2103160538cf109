//! Packets of many flows, made in the kernel: user space could not make them fast enough.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use super::{
    Order,
    inject::{self, Context, Run},
    instructions,
};
use crate::sys::{
    bpf::create_counter,
    bpf_trial::{live_frames, set_counter},
};

/// A program that makes each packet one of many flows and calls another with it, which ends the run.
#[derive(Debug)]
pub struct Driver {
    program: OwnedFd,
    counter: OwnedFd,
    /// Holds the called program.
    _calls: OwnedFd,
}

impl Driver {
    pub(super) fn new(called: &OwnedFd, order: Order, flows: u32) -> io::Result<Self> {
        let counter = create_counter()?;
        let calls = instructions::calls(&[called.as_fd()])?;
        Ok(Self {
            program: instructions::driver(order, flows, &counter, &calls, 0)?,
            counter,
            _calls: calls,
        })
    }

    /// Begins the sequence anew, with this number.
    ///
    /// # Errors
    /// The kernel's.
    pub fn restart(&self, number: u64) -> io::Result<()> {
        set_counter(self.counter.as_fd(), number)
    }

    /// Runs `repeat` packets like `frame`, which is untagged IPv4 with TCP or UDP: each has its flow's number in the
    /// source port and the lower half of the source address.
    ///
    /// # Errors
    /// The kernel's.
    pub fn run(&self, frame: &[u8], context: &Context, repeat: u32) -> io::Result<Run> {
        inject::run(self.program.as_fd(), frame, context, repeat)
    }
}

/// Lets an interface receive frames of many flows (`BPF_F_TEST_XDP_LIVE_FRAMES`), over 10 million a second.
#[derive(Debug)]
pub struct Generator {
    program: OwnedFd,
    _counter: OwnedFd,
}

/// Frames that go through the stack together.
const BATCH: u32 = 64;

impl Generator {
    /// Frames of this many flows.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(order: Order, flows: u32) -> io::Result<Self> {
        let counter = create_counter()?;
        Ok(Self {
            program: instructions::generator(order, flows, &counter)?,
            _counter: counter,
        })
    }

    /// The interface of the calling thread's network namespace receives `count` frames like `frame` (see
    /// [`Driver::run`]). Returns when the stack has them behind it.
    ///
    /// # Errors
    /// The kernel's: EINVAL for a veth without receive queues; `ethtool -K <name> gro on` gives it some.
    pub fn send(&self, ifindex: u32, frame: &[u8], count: u32) -> io::Result<()> {
        live_frames(self.program.as_fd(), frame, ifindex, count, BATCH)
    }
}
