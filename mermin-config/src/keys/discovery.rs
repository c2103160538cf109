//! Interfaces to watch, and how programs get to them.

use mermin_core::{NetNs, Pattern, Preset};

use super::Informer;
use crate::{
    diagnostic::Problem,
    node::{Kind, Node},
    schema::{Reader, section},
    value::{AbsolutePath, AttachMode, Bounded, InstanceName, TcxOrder},
};

section! {
    /// Discovery of interfaces and of objects of Kubernetes.
    Discovery, Labels {
        /// Interfaces to watch, and how programs get to them.
        instrument: Instrument = Instrument::preset(), Application;
        /// Objects that flows are matched with.
        informer: Informer = Informer::preset(), Application;
    }
}

section! {
    /// Interfaces to watch, and how programs get to them.
    Instrument, Nested, effective {
        /// Interfaces to watch. The default is what Kubernetes networks make; where a host has none of those, it is every
        /// interface that is up, loopback aside. An empty list is the default.
        interfaces: Vec<Pattern> = usual_interfaces(), Capture;
        /// Interfaces to leave alone, though `interfaces` has them.
        exclude: Vec<Pattern> = Vec::new(), Capture;
        /// Interfaces that come later are watched too, and not only those there are at the start.
        auto_discover_interfaces: bool = true, Capture;
        /// Priority of the netlink filter: lower ones run first. Without effect on TCX (Linux 6.6 or newer), see
        /// `tcx_order`.
        tc_priority: Bounded<1, 32767> = Bounded::preset::<1>(), Capture;
        /// Place of the TCX program: before all others or behind them. The first sees traffic before others change it.
        tcx_order: TcxOrder = TcxOrder::First, Capture;
        /// How programs are attached. A mode other than auto is a requirement.
        attach: AttachMode = AttachMode::Auto, Capture;
        /// Network namespace whose interfaces are watched: the process's own, the host's, or the one at a path.
        netns: NetNs = NetNs::Own, Capture;
        /// Where bpffs is mounted.
        pin_path: AbsolutePath = AbsolutePath::bpffs(), Capture;
        /// Name under which flows outlive the process, so that the next one carries on; empty for no pinning.
        instance: InstanceName = InstanceName::default(), Capture;
    }
}

/// Says which keys that the file has can have no effect beside the others.
fn effective(instrument: &Instrument, node: &Node, reader: &mut Reader) {
    let Kind::Table(entries) = &node.kind else {
        return;
    };
    let given = |key| entries.iter().find(|entry| entry.key == key);
    let attach = instrument.attach();
    for (key, idle, why, hint) in [
        (
            "tc_priority",
            attach == AttachMode::Tcx,
            "with `attach = \"tcx\"`",
            "take it out; `tcx_order` says where a TCX program stands",
        ),
        (
            "tcx_order",
            attach == AttachMode::Tc,
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
        if let Some(entry) = given(key).filter(|_| idle) {
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
