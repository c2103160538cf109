//! Minimal programs, whose cost is a lower bound for the real program.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use mermin_bpf::abi::{ledger::HookDirection, slot::Slot};

use super::{Driver, Order, inject, inject::Context, inject::Run, instructions};
use crate::sys::{
    bpf_link::{Position, attach_tcx},
    bpf_pin::{self, Shape},
};

/// `BPF_MAP_TYPE_HASH`.
const HASH: u32 = 1;

/// The work of a program for each packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// Nothing: the cost of a hook itself.
    Nothing,
    /// Adds to one cache line, in an array like that of the slots, found without a key: one memory access.
    Line,
    /// Looks up a key of addresses, ports and interface in a preallocated kernel hash, adds to two counters, and
    /// creates missing elements: the least that any program with flows in a hash does.
    Hash,
}

/// A minimal program and its map.
#[derive(Debug)]
pub struct Least {
    program: OwnedFd,
    /// Keeps the map.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "held, and looked at by tests alone")
    )]
    map: Option<OwnedFd>,
}

/// An attachment that lasts as long as this value.
#[derive(Debug)]
pub struct Hooked {
    _link: OwnedFd,
}

impl Least {
    /// Loads it with room for this many flows.
    ///
    /// # Errors
    /// The error of the system call.
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
        Ok(Self { program, map })
    }

    /// Uses a program of someone else, which is loaded.
    #[must_use]
    pub fn foreign(program: OwnedFd) -> Self {
        Self { program, map: None }
    }

    /// Runs a frame, as [`Injector::run`](super::Injector::run) does.
    ///
    /// # Errors
    /// Those of [`Injector::run`](super::Injector::run).
    pub fn run(&self, frame: &[u8], context: &Context, repeat: u32) -> io::Result<Run> {
        inject::run(self.program.as_fd(), frame, context, repeat)
    }

    /// Returns a driver that sends packets of many flows to it.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn driver(&self, order: Order, flows: u32) -> io::Result<Driver> {
        Driver::new(&self.program, order, flows)
    }

    /// Attaches it to ingress of an interface in the calling thread's network namespace.
    ///
    /// # Errors
    /// The error of the system call: EINVAL if the kernel has no TCX.
    pub fn attach(&self, ifindex: u32) -> io::Result<Hooked> {
        let (program, direction) = (self.program.as_fd(), HookDirection::Ingress);
        let link = attach_tcx(program, ifindex, direction, Position::First)?;
        Ok(Hooked { _link: link })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        lab::frame,
        sys::{bpf, mapping::Mapping},
    };

    const FLOWS: u32 = 100;
    const HERE: Context = Context {
        ifindex: 1,
        ingress_ifindex: 0,
        gso_segs: 0,
        gso_size: 0,
    };

    /// Returns a program that has seen each of this many flows twice, and the frame they were made from.
    fn driven(floor: Floor) -> Option<(Least, Vec<u8>)> {
        let least = match Least::new(floor, FLOWS) {
            Ok(least) => least,
            Err(error) => {
                eprintln!("skipped: {error}");
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                return None;
            }
        };
        let frame = frame::udp(
            "10.0.0.0:1".parse().unwrap(),
            "10.0.0.2:2".parse().unwrap(),
            64,
        );
        let driver = least.driver(Order::Sequence, FLOWS).unwrap();
        driver.run(&frame, &HERE, 2 * FLOWS).unwrap();
        Some((least, frame))
    }

    #[test]
    fn each_packet_is_added_to_its_line() {
        let Some((least, _)) = driven(Floor::Line) else {
            return;
        };
        let map = least.map.as_ref().unwrap();
        let lines = Mapping::<Slot>::new(map.as_fd(), FLOWS as usize).unwrap();
        for flow in 0..FLOWS {
            assert_eq!(lines.read(flow as usize).key[0], 2, "{flow}");
        }
    }

    #[test]
    fn each_flow_has_its_element() {
        let Some((least, mut frame)) = driven(Floor::Hash) else {
            return;
        };
        let keys: Vec<[u64; 3]> = (0..FLOWS)
            .map(|flow| {
                let at = usize::try_from(frame::SOURCE_PORT).unwrap();
                frame[at..at + 2].copy_from_slice(&flow.to_ne_bytes()[..2]);
                let word = |from: usize, length: usize| {
                    let mut word = [0; 8];
                    word[..length].copy_from_slice(&frame[from..from + length]);
                    u64::from_ne_bytes(word)
                };
                [word(26, 8), word(at, 4), u64::from(HERE.ifindex)]
            })
            .collect();
        let map = least.map.as_ref().unwrap().as_fd();
        assert!(bpf::delete_batch(map, &keys).is_ok());
        // Only the first packet of each flow creates an element.
        least.run(&frame, &HERE, 1).unwrap();
        assert!(bpf::delete_batch(map, &keys[FLOWS as usize - 1..]).is_ok());
        let (deleted, error) = bpf::delete_batch(map, &keys).unwrap_err();
        assert_eq!((deleted, error.raw_os_error()), (0, Some(libc::ENOENT)));
    }
}
