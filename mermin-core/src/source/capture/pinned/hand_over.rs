//! Collects the descriptors that another process needs to capture.

use std::os::fd::{AsFd, OwnedFd};

use super::instance::PinnedInstance;
use crate::{
    bpf::{
        loaded::Beside,
        pin::{free_stack::FreeStack, instance::Instance, names},
    },
    error::{Error, ErrorKind},
    source::{
        capture::drops::LiveDrops,
        handover::{
            Handover,
            header::{FreeSlotNumbers, Header, Role},
        },
        options::Options,
    },
    sys::bpf_pin,
};

/// Descriptors of a load that are in no pin.
pub(in crate::source::capture) struct Passing {
    beside: Beside,
    drops: Option<[OwnedFd; 2]>,
}

impl Passing {
    /// Copies the descriptors.
    pub(in crate::source::capture) fn new(
        beside: Beside,
        drops: Option<&LiveDrops>,
    ) -> std::io::Result<Self> {
        let copy = |live: &LiveDrops| -> std::io::Result<_> {
            let program = live.flowless.program().try_clone_to_owned()?;
            Ok([program, live.link.try_clone()?])
        };
        Ok(Self {
            beside,
            drops: drops.map(copy).transpose()?,
        })
    }

    /// Puts together all that another process needs. Everything is attached and pinned, and then stays when the instance
    /// is dropped.
    pub(in crate::source::capture) fn hand_over(
        self,
        instance: &mut PinnedInstance,
        free_stack: Option<&FreeStack>,
        options: &Options,
    ) -> Result<Handover, Error> {
        let handover = self
            .collect(instance, free_stack, options)
            .map_err(|error| {
                Error::new(ErrorKind::System, "cannot read the pins of the source")
                    .with_source(error)
            })?;
        instance.leave();
        Ok(handover)
    }

    fn collect(
        self,
        instance: &PinnedInstance,
        free_stack: Option<&FreeStack>,
        options: &Options,
    ) -> std::io::Result<Handover> {
        let pins = instance.instance.as_ref().map(Instance::find);
        let Some(Some(Ok(pins))) = pins.transpose()? else {
            return Err(std::io::ErrorKind::NotFound.into());
        };
        let mut passed = Vec::new();
        if let Some(lock) = instance.lock.descriptor() {
            passed.push((Role::Lock, lock.try_clone_to_owned()?));
        }
        for (name, (map, _)) in pins.maps {
            if !name.starts_with(names::MOVING) {
                passed.push((Role::Map(name), map));
            }
        }
        if let Some(sections) = self.beside.sections {
            let name = mermin_bpf::abi::names::MAP_SECTIONS.to_owned();
            passed.push((Role::Map(name), sections));
        }
        for (name, program) in self.beside.programs {
            passed.push((Role::Program(name.to_owned()), program));
        }
        for (ifindex, direction, path) in pins.links {
            passed.push((Role::Link(ifindex, direction), bpf_pin::get(&path)?));
        }
        if let Some([program, link]) = self.drops {
            let name = mermin_bpf::abi::names::PROGRAM_DROP.to_owned();
            passed.push((Role::Program(name), program));
            passed.push((Role::DropLink, link));
        }
        let free_stack = free_stack.map(FreeStack::parts);
        if let Some((_, _, Some(former))) = &free_stack {
            passed.push((Role::FormerFree, former.as_fd().try_clone_to_owned()?));
        }
        let (roles, descriptors) = passed.into_iter().unzip();
        let header = Header {
            layout: names::layout(),
            persist: instance.persists(),
            settings: settings(options),
            sections_lost: Some(self.beside.sections_lost),
            free_stack: free_stack.map(|(known, moved, _)| FreeSlotNumbers { known, moved }),
            roles,
        };
        Ok(Handover::new(header, descriptors))
    }
}

/// Returns the options that decide what is attached, and how it counts.
pub(super) fn settings(options: &Options) -> Vec<(String, String)> {
    macro_rules! shown {
        ($($option:ident)*) => {
            vec![$((stringify!($option).to_owned(), format!("{:?}", options.$option)),)*]
        };
    }
    shown!(
        interfaces exclude fallback_to_all max_flows flow_key exact_end tcp_analysis tcp_sockets drops sampling names decapsulation
        tunnel_ports
    )
}
