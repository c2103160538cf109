//! Interfaces to watch, and how programs get to them.

use mermin_core::{Attach, NetNs, Pattern, Preset, TcxOrder};

use super::Informer;
use crate::{
    diagnostic::Problem,
    node::Node,
    schema::{Reader, section},
    value::{AbsolutePath, Bounded, InstanceName},
};

section! {
    /// Discovery of interfaces and Kubernetes objects.
    Discovery, Labels {
        /// Interfaces to watch, and options for attaching programs.
        instrument: Instrument = Instrument::defaults(), Application;
        /// Objects that flows are matched with.
        informer: Informer = Informer::defaults(), Application;
    }
}

section! {
    /// Interfaces to watch, and options for attaching programs.
    Instrument, Nested, effective {
        /// Interfaces to watch. The default lists interfaces of Kubernetes networks. If a host has none of them, every
        /// interface that is up is watched, except loopback. An empty list means the default.
        interfaces: Vec<Pattern> = usual_interfaces(), Capture;
        /// Interfaces that are not watched although `interfaces` matches them.
        exclude: Vec<Pattern> = Vec::new(), Capture;
        /// Also watch interfaces that match and appear later.
        auto_discover_interfaces: bool = true, Capture;
        /// Priority of the tc filter: lower numbers run first. It has no effect on TCX (Linux 6.6 or newer); see
        /// `tcx_order`.
        tc_priority: Bounded<1, 32767> = Bounded::constant::<1>(), Capture;
        /// Position of the TCX program: before or after all others. The first program sees packets before others change
        /// them.
        tcx_order: TcxOrder = TcxOrder::First, Capture;
        /// Mechanism by which programs are attached. `tcx` and `tc` have no fallback.
        attach: Attach = Attach::Auto, Capture;
        /// Network namespace whose interfaces are watched: that of the process, that of the host, or one at a path.
        netns: NetNs = NetNs::Own, Capture;
        /// Mount point of the BPF file system.
        pin_path: AbsolutePath = AbsolutePath::bpffs(), Capture;
        /// Name of the pinned instance. With a name, flows outlive the process, and the next process continues them.
        /// Empty disables pinning.
        instance: InstanceName = InstanceName::default(), Capture;
    }
}

/// Says which keys that the file has can have no effect beside the others.
fn effective(instrument: &Instrument, node: &Node, reader: &mut Reader) {
    let attach = instrument.attach();
    for (key, idle, why, hint) in [
        (
            "tc_priority",
            attach == Attach::Tcx,
            "with `attach = \"tcx\"`",
            "take it out; `tcx_order` says where a TCX program stands",
        ),
        (
            "tcx_order",
            attach == Attach::Tc,
            "with `attach = \"tc\"`",
            "take it out; `tc_priority` says where a filter stands",
        ),
        (
            "pin_path",
            instrument.instance().as_str().is_empty(),
            "without `instance`",
            "name an instance, or take it out",
        ),
    ] {
        if let Some(entry) = node.entry(key).filter(|_| idle) {
            let message = format!("`{key}` has no effect {why}");
            reader.warn(Problem::at(&entry.span, message).with_hint(hint));
        }
    }
}

/// Interfaces that Kubernetes networks make.
fn usual_interfaces() -> Vec<Pattern> {
    let patterns = Preset::AnyCni.patterns().iter();
    patterns.filter_map(|text| text.parse().ok()).collect()
}

impl Instrument {
    /// True if the usual interfaces are meant, for which there is a way out where a host has none of them.
    pub(crate) fn usual(&self) -> bool {
        self.interfaces.is_empty() || self.interfaces == usual_interfaces()
    }
}
