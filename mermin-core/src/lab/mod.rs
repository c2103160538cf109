//! The kernel program and parts of the engine, for benchmarks and tests, not for applications.
//!
//! Semantic versioning does not cover this module. Everything here needs the privileges of capturing.

#[cfg(feature = "pcap")]
mod differential;
mod fault;
mod floor;
pub mod frame;
mod inject;
mod instructions;
mod kernel_info;
pub mod loader;
mod payload;
mod traffic;

use mermin_bpf::abi::names;

pub use mermin_bpf::abi::ledger::HookDirection;

#[cfg(feature = "pcap")]
pub use self::differential::{Difference, Differential};
pub use self::{
    fault::{Fault, with_fault},
    floor::{Floor, Hooked, Least},
    inject::{Context, Injector, Passed, Run},
    instructions::Order,
    kernel_info::{MapInfo, ProgramInfo, VERIFIED_LIMIT},
    payload::{PayloadSection, names_in},
    traffic::{Driver, Generator},
};
#[cfg(feature = "pcap")]
pub use crate::source::{CaptureOutcome, Captured, for_each_captured, read_capture};
pub use crate::{
    failpoint::{FailPoint, kill_at},
    source::{Phases, TableSums},
};

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use crate::{
    error::{Error, ErrorKind},
    flow::Flow,
    report::Stats,
    source::{FlowSource, FlowSourceBuilder, Harness},
};

/// The programs, loaded and not attached, and the engine that reads and closes their flows one step at a time in the
/// calling thread.
#[derive(Debug)]
pub struct Lab {
    harness: Harness,
    injector: Injector,
    empty: OwnedFd,
}

/// Opens a lab for a test. Without the privilege it prints the reason and returns `None`.
///
/// # Panics
/// If there can be no lab, and `MERMIN_REQUIRE_KERNEL` is set.
#[must_use]
pub fn open_or_skip(max_flows: u32) -> Option<Lab> {
    match Lab::open(max_flows) {
        Ok(lab) => Some(lab),
        Err(error) => {
            eprintln!("skipped: {error}");
            assert!(
                std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none(),
                "MERMIN_REQUIRE_KERNEL is set"
            );
            None
        }
    }
}

impl Lab {
    /// Loads the programs with room for this many flows.
    ///
    /// # Errors
    /// Those of opening a source.
    pub fn open(max_flows: u32) -> Result<Self, Error> {
        Self::with(FlowSource::builder().max_flows(max_flows))
    }

    /// Loads the programs as a source with these options does.
    ///
    /// # Errors
    /// Those of opening a source.
    pub fn with(options: FlowSourceBuilder) -> Result<Self, Error> {
        let harness = Harness::open(options)?;
        let injector = Injector::of(Arc::clone(harness.programs()));
        let empty = instructions::empty().map_err(|error| {
            Error::new(ErrorKind::System, "cannot load an empty program").with_source(error)
        })?;
        Ok(Self {
            harness,
            injector,
            empty,
        })
    }

    /// Returns an injector for use in other threads.
    #[must_use]
    pub fn injector(&self) -> Injector {
        self.injector.clone()
    }

    /// Runs a frame, as [`Injector::run`] does.
    ///
    /// # Errors
    /// Those of [`Injector::run`].
    pub fn run(
        &self,
        direction: HookDirection,
        frame: &[u8],
        context: &Context,
        repeat: u32,
    ) -> io::Result<Run> {
        self.injector.run(direction, frame, context, repeat)
    }

    /// Runs a frame through a program that does nothing.
    ///
    /// # Errors
    /// Those of [`Injector::run`].
    pub fn run_empty(&self, frame: &[u8], context: &Context, repeat: u32) -> io::Result<Run> {
        inject::run(self.empty.as_fd(), frame, context, repeat)
    }

    /// Returns a driver that sends packets of many flows to the ingress program.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn driver(&self, order: Order, flows: u32) -> io::Result<Driver> {
        let program = self.injector.program(HookDirection::Ingress);
        Driver::new(&program.try_clone_to_owned()?, order, flows)
    }

    /// Returns a driver that sends packets of one flow to the ingress program, each with a number that is `step` above the one before in
    /// the four octets at `at`.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn counting_driver(&self, at: i16, step: u16) -> io::Result<Driver> {
        let program = self.injector.program(HookDirection::Ingress);
        Driver::counting(&program.try_clone_to_owned()?, at, step)
    }

    /// Returns a driver that sends the same packets to the program that does nothing.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn empty_driver(&self, order: Order, flows: u32) -> io::Result<Driver> {
        Driver::new(&self.empty, order, flows)
    }

    /// Returns the sizes of all programs, by name.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn programs(&self) -> io::Result<Vec<(&'static str, ProgramInfo)>> {
        let programs = self.harness.programs();
        let at_hooks = [
            (names::PROGRAM_INGRESS, &programs.ingress),
            (names::PROGRAM_EGRESS, &programs.egress),
        ];
        let called = programs.handed_to.iter();
        let called = called.map(|(_, name, program)| (*name, program));
        at_hooks
            .into_iter()
            .chain(called)
            .chain(programs.drop.as_deref().map(|it| (names::PROGRAM_DROP, it)))
            .map(|(name, program)| Ok((name, kernel_info::program(program.as_fd())?)))
            .collect()
    }

    /// Returns the maps of the programs.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn maps(&self) -> io::Result<Vec<MapInfo>> {
        kernel_info::maps(self.all_programs())
    }

    /// Returns the ingress program and those that it calls.
    fn all_programs(&self) -> impl Iterator<Item = &OwnedFd> {
        let programs = self.harness.programs();
        let handed_to = programs.handed_to.iter().map(|(_, _, program)| program);
        [&programs.ingress].into_iter().chain(handed_to)
    }

    /// Returns counters and the ledger: of loopback, and of packets with another `ifindex` (index 0).
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.harness.stats()
    }

    /// Reads every live flow, without a system call.
    #[must_use]
    pub fn read(&self) -> TableSums {
        self.harness.read()
    }

    /// Returns in words what does not fit between the index and the slots, while no packet is injected.
    #[must_use]
    pub fn index_defects(&self) -> Vec<String> {
        self.harness.index_defects()
    }

    /// Reads every open flow as [`OpenFlows`](crate::OpenFlows) does.
    ///
    /// # Errors
    /// Those of a source's stream.
    pub fn open_flows(&mut self) -> Result<TableSums, Error> {
        self.harness.open_flows()
    }

    /// Reads one word of each cache line that a decision about all flows needs, and decides nothing. No sweep of all
    /// flows can be faster. The sum of the words has no meaning.
    #[must_use]
    pub fn touch(&self) -> u64 {
        self.harness.touch()
    }

    /// Makes every flow due at the next sweep.
    pub fn make_due(&mut self) {
        self.harness.make_due();
    }

    /// Reads the hints of new flows.
    pub fn listen(&mut self) {
        self.harness.listen();
    }

    /// Runs one sweep over the flows that may be due.
    ///
    /// # Errors
    /// Those of a source's stream.
    pub fn sweep(&mut self) -> Result<(), Error> {
        self.harness.sweep()
    }

    /// Closes every live flow at once, phase by phase.
    ///
    /// # Errors
    /// Those of a source's stream.
    pub fn close_all(&mut self) -> Result<Phases, Error> {
        self.harness.close_all()
    }

    /// Makes the engine close every live flow as after their timeouts, at its own pace, with a consumer that takes
    /// records at once. Returns the number of records.
    ///
    /// # Errors
    /// Those of a source's stream.
    pub fn expire(&mut self) -> Result<u64, Error> {
        self.harness.expire()
    }

    /// Works like a source whose monotonic clock has jumped ahead, until all flows due then are closed. The caller
    /// must [take](Self::take) the records.
    ///
    /// # Errors
    /// Those of a source's stream.
    pub fn jump(&mut self, ahead: Duration) -> Result<(), Error> {
        self.harness.jump(ahead)
    }

    /// Returns the records made so far.
    pub fn take(&mut self) -> Vec<Flow> {
        self.harness.take()
    }
}

/// Moves the calling thread into a new network namespace, with a loopback interface that is down. Threads that it
/// starts are in it as well. The namespace ends with the last of them.
///
/// # Errors
/// The error of the system call: EPERM without `CAP_SYS_ADMIN`.
pub fn enter_new_namespace() -> io::Result<()> {
    crate::sys::netns::enter_new()
}
