//! The least that a program of flows could do: what the real one's figures are to be seen beside.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use mermin_bpf::abi::{ledger::Direction, slot::Slot};

use super::{Driver, Order, inject, inject::Context, inject::Run, instructions};
use crate::{
    attach::order::Position,
    sys::{
        bpf_link::attach_tcx,
        bpf_pin::{self, Shape},
    },
};

/// `BPF_MAP_TYPE_HASH`.
const HASH: u32 = 1;

/// What it does with each packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// Nothing: what it costs that there is a hook.
    Nothing,
    /// Adds to one line of memory, in an array like that of the slots, found without a key: one wait for memory.
    Line,
    /// Looks a key of addresses, ports and interface up in the kernel's hash, made in advance, adds to two counters there, and
    /// makes what is not there: what any program that keeps flows in a hash does at least.
    Hash,
}

/// Such a program, and its map.
#[derive(Debug)]
pub struct Least {
    program: OwnedFd,
    /// Holds it.
    _map: Option<OwnedFd>,
}

/// Where it is attached, for as long as this lives.
#[derive(Debug)]
pub struct Hooked {
    _link: OwnedFd,
}

impl Least {
    /// Loads it with room for this many flows.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(floor: Floor, room: u32) -> io::Result<Self> {
        let (program, map) = match floor {
            Floor::Nothing => (instructions::empty()?, None),
            Floor::Line => {
                let lines = bpf_pin::array_shape(size_of::<Slot>(), room);
                let lines = bpf_pin::create("floor_lines", lines)?;
                (instructions::add_to_line(&lines)?, Some(lines))
            }
            Floor::Hash => {
                let flows = Shape {
                    kind: HASH,
                    key_size: instructions::KEY,
                    value_size: instructions::COUNTS,
                    entries: room,
                    flags: 0,
                };
                let flows = bpf_pin::create("floor_flows", flows)?;
                (instructions::add_to_element(&flows)?, Some(flows))
            }
        };
        Ok(Self { program, _map: map })
    }

    /// As [`Injector::run`](super::Injector::run).
    ///
    /// # Errors
    /// As there.
    pub fn run(&self, frame: &[u8], context: &Context, repeat: u32) -> io::Result<Run> {
        inject::run(self.program.as_fd(), frame, context, repeat)
    }

    /// Packets of many flows for it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn driver(&self, order: Order, flows: u32) -> io::Result<Driver> {
        Driver::new(&self.program, order, flows)
    }

    /// Has it see what an interface of the calling thread's network namespace receives.
    ///
    /// # Errors
    /// The kernel's: EINVAL where it has no TCX.
    pub fn attach(&self, ifindex: u32) -> io::Result<Hooked> {
        let (program, direction) = (self.program.as_fd(), Direction::Ingress);
        let link = attach_tcx(program, ifindex, direction, Position::First)?;
        Ok(Hooked { _link: link })
    }
}
