//! Generates packets of many flows in the kernel, because user space is not fast enough.

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

/// A program that makes each packet one of many flows and then calls another, which ends the run.
#[derive(Debug)]
pub struct Driver {
    program: OwnedFd,
    counter: OwnedFd,
    /// Keeps the called program.
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

    pub(super) fn counting(called: &OwnedFd, at: i16, step: u16) -> io::Result<Self> {
        let counter = create_counter()?;
        let calls = instructions::calls(&[called.as_fd()])?;
        Ok(Self {
            program: instructions::counting_driver(at, step, &counter, &calls, 0)?,
            counter,
            _calls: calls,
        })
    }

    /// Restarts the sequence with this number.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn restart(&self, number: u64) -> io::Result<()> {
        set_counter(self.counter.as_fd(), number)
    }

    /// Runs `repeat` packets like `frame`, which must be untagged IPv4 with TCP or UDP. Each has its flow's number in
    /// the source port and the lower half of the source address.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn run(&self, frame: &[u8], context: &Context, repeat: u32) -> io::Result<Run> {
        inject::run(self.program.as_fd(), frame, context, repeat)
    }
}

/// Makes an interface receive frames of many flows (`BPF_F_TEST_XDP_LIVE_FRAMES`), over 10 million a second.
#[derive(Debug)]
pub struct Generator {
    program: OwnedFd,
    _counter: OwnedFd,
}

/// Frames that go through the stack as one batch.
const BATCH: u32 = 64;

impl Generator {
    /// Creates a generator of frames of this many flows.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn new(order: Order, flows: u32) -> io::Result<Self> {
        let counter = create_counter()?;
        Ok(Self {
            program: instructions::generator(order, flows, &counter)?,
            _counter: counter,
        })
    }

    /// Makes an interface of the calling thread's network namespace receive `count` frames like `frame` (see
    /// [`Driver::run`]). Returns when the stack has processed them.
    ///
    /// # Errors
    /// The error of the system call: EINVAL for a veth without receive queues; `ethtool -K <name> gro on` adds them.
    pub fn send(&self, ifindex: u32, frame: &[u8], count: u32) -> io::Result<()> {
        live_frames(self.program.as_fd(), frame, ifindex, count, BATCH)
    }
}
