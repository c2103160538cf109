//! Options of a source, and their validation.

use std::{io, path::Path};

use super::pinning::Pinning;
use crate::{
    attach::AttachOptions,
    bpf::grace::Grace,
    error::{Error, ErrorKind},
    filter::Filter,
    iface::{NetNs, patterns::Patterns, select::Selector},
    join::Join,
    source::{
        flow_key::FlowKey,
        sampling::Sampling,
        tunnels::{Decapsulation, TunnelPorts},
    },
    table::Timeouts,
};

/// Slot numbers have 24 bits in a flow's id.
pub(crate) const MOST_FLOWS: u32 = 1 << 24;
/// Takes 39 MB of kernel memory.
pub(crate) const DEFAULT_FLOWS: u32 = 1 << 16;

/// Receive buffer of link notifications in octets: about 1,500 notifications, by the kernel's accounting.
const NOTIFICATIONS: usize = 4 << 20;

/// Options as the builder collects them.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub(crate) struct Options {
    pub(crate) interfaces: Patterns,
    pub(crate) exclude: Patterns,
    /// Watch everything that is up while `interfaces` matches nothing.
    pub(crate) fallback_to_all: bool,
    /// Ignore interfaces that appear later.
    pub(crate) no_hot_plug: bool,
    pub(crate) attach: AttachOptions,
    pub(crate) netns: NetNs,
    pub(crate) timeouts: Timeouts,
    pub(crate) filter: Filter,
    /// `None` is the default for the kind of source: [`DEFAULT_FLOWS`], or [`MOST_FLOWS`] if no memory is allocated
    /// in advance.
    pub(crate) max_flows: Option<u32>,
    pub(crate) strict: bool,
    /// The source's threads give up the capabilities that they no longer need.
    pub(crate) drop_capabilities: bool,
    pub(crate) pinning: Option<Pinning>,
    pub(crate) flow_key: FlowKey,
    pub(crate) exact_end: bool,
    pub(crate) join: Join,
    /// Look up the processes on both sides of flows.
    pub(crate) process: bool,
    /// Let listening ports decide the direction if no better rule does.
    pub(crate) listening_ports: bool,
    /// Look up the other side of translated flows.
    pub(crate) nat: bool,
    /// TCP segments are analysed.
    pub(crate) tcp_analysis: bool,
    /// The kernel's values of TCP sockets are read.
    pub(crate) tcp_sockets: bool,
    /// Packets that the kernel drops are counted.
    pub(crate) drops: bool,
    /// Flows are sampled.
    pub(crate) sampling: Option<Sampling>,
    /// Names are read from the first payloads.
    pub(crate) names: bool,
    pub(crate) decapsulation: Decapsulation,
    pub(crate) tunnel_ports: TunnelPorts,
    pub(crate) test_hooks: TestHooks,
}

/// Settings that only the lab changes.
#[derive(Clone, Debug)]
pub(crate) struct TestHooks {
    /// The kernel program.
    pub(crate) object: &'static [u8],
    /// Receive buffer of kernel notifications in octets.
    pub(crate) notifications: usize,
    /// Ignore the kernel program's hints of new flows, and find them by reading every slot periodically.
    pub(crate) ignores_hints: bool,
    /// Slots for each bucket of the index.
    pub(crate) slots_a_bucket: u32,
    /// Octets of the ring of sections of payloads, a power of two.
    pub(crate) section_ring: u32,
    /// Octets of a payload in a capture file that names are read from.
    pub(crate) payload_octets: usize,
    /// Creates the method of waiting for grace periods.
    pub(crate) grace: fn() -> io::Result<Grace>,
}

/// Compares everything except `grace`, which is code.
impl PartialEq for TestHooks {
    fn eq(&self, other: &Self) -> bool {
        self.object == other.object
            && self.notifications == other.notifications
            && self.ignores_hints == other.ignores_hints
            && self.slots_a_bucket == other.slots_a_bucket
            && self.section_ring == other.section_ring
            && self.payload_octets == other.payload_octets
    }
}

impl Default for TestHooks {
    fn default() -> Self {
        Self {
            object: mermin_bpf::OBJECT,
            notifications: NOTIFICATIONS,
            ignores_hints: false,
            slots_a_bucket: mermin_bpf::abi::index::SLOTS_A_BUCKET,
            section_ring: crate::bpf::size::SECTION_RING,
            payload_octets: mermin_bpf::abi::section::OCTETS,
            grace: Grace::new,
        }
    }
}

impl Options {
    /// Returns the mount point of the BPF file system.
    pub(crate) fn bpffs(&self) -> &Path {
        self.pinning
            .as_ref()
            .map_or(Path::new(super::pinning::BPFFS), Pinning::mount)
    }

    /// Checks every option; returns the selector of interfaces.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`].
    pub(crate) fn validate(&self) -> Result<Selector, Error> {
        self.attach.validate()?;
        if let Some(pinning) = &self.pinning {
            pinning.validate()?;
        }
        self.tunnel_ports.validate()?;
        if let Some(sampling) = &self.sampling {
            sampling.validate()?;
        }
        if let Some(flows) = self.max_flows
            && !(1..=MOST_FLOWS).contains(&flows)
        {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                format!("cannot use `{flows}` for max_flows"),
            )
            .with_remedy(format!("choose a number from 1 to {MOST_FLOWS}")));
        }
        for (name, timeout) in self.timeouts.named() {
            if timeout.is_zero() {
                return Err(Error::new(
                    ErrorKind::InvalidOption,
                    format!("cannot use a timeout of zero for `{name}`"),
                )
                .with_remedy("choose a time above zero"));
            }
        }
        Ok(Selector {
            include: self.interfaces.checked()?,
            exclude: self.exclude.checked()?,
            fallback_to_all: self.fallback_to_all,
        })
    }
}

#[cfg(feature = "pcap")]
impl Options {
    /// Checks the options of a source that reads a capture.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`], also for an option that only a live source has.
    pub(crate) fn validate_offline(&self) -> Result<(), Error> {
        self.validate()?;
        let live_only = [
            ("interfaces", !self.interfaces.is_empty()),
            ("exclude", !self.exclude.is_empty()),
            ("fallback_to_all", self.fallback_to_all),
            ("hot_plug", self.no_hot_plug),
            ("attach", self.attach != AttachOptions::default()),
            ("netns", self.netns != NetNs::Own),
            ("pinning", self.pinning.is_some()),
            ("process", self.process),
            ("nat", self.nat),
            ("tcp_sockets", self.tcp_sockets),
            ("drops", self.drops),
            ("drop_capabilities", self.drop_capabilities),
        ];
        for (option, given) in live_only {
            if given {
                return Err(Error::new(
                    ErrorKind::InvalidOption,
                    format!("cannot use `{option}` with a capture file"),
                )
                .with_remedy("leave it out; to choose, look at `interface` of each flow"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn refused(change: impl FnOnce(&mut Options)) -> String {
        let mut options = Options::default();
        change(&mut options);
        let error = options.validate().expect_err("must be refused");
        assert_eq!(error.kind(), ErrorKind::InvalidOption);
        assert!(error.remedy().is_some());
        error.to_string()
    }

    #[test]
    fn invalid_options_are_refused_before_any_change() {
        assert!(Options::default().validate().is_ok());
        assert_eq!(
            refused(|options| options.max_flows = Some(0)),
            "cannot use `0` for max_flows"
        );
        refused(|options| options.max_flows = Some(MOST_FLOWS + 1));
        assert_eq!(
            refused(|options| options.timeouts.udp = Duration::ZERO),
            "cannot use a timeout of zero for `udp`"
        );
        assert_eq!(
            refused(|options| options.sampling = Some(Sampling::under_pressure().fill(1.5))),
            "cannot use `1.5` for the fill of `sampling`"
        );
        refused(|options| options.sampling = Some(Sampling::under_pressure().fill(f64::NAN)));
        refused(|options| options.sampling = Some(Sampling::under_pressure().max_interval(1000)));
        refused(|options| {
            options.sampling = Some(Sampling::under_pressure().flows_per_second(0));
        });
        refused(|options| options.attach.tc_priority = Some(0));
        refused(|options| options.pinning = Some(Pinning::instance("a.b")));
        refused(|options| options.interfaces = Patterns::gather(["eth["]));
        refused(|options| options.exclude = Patterns::gather(["/(/"]));
    }
}
