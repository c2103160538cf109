//! Compares another set of options with those of a running source, without any action.

use std::fmt;

use super::options::{DEFAULT_FLOWS, Options};

/// An option, or a group of options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Setting {
    /// The selection of interfaces: `interfaces`, `exclude`, `fallback_to_all`, `hot_plug`.
    Interfaces,
    /// `timeouts`, and the methods for each timeout.
    Timeouts,
    /// `filter`.
    Filter,
    /// `attach`, `tc_priority`, `tcx_order`.
    Attach,
    /// `netns`.
    NetNs,
    /// `max_flows`.
    MaxFlows,
    /// `strict`.
    Strict,
    /// `drop_capabilities`.
    DropCapabilities,
    /// `pinning`.
    Pinning,
    /// `flow_key`.
    FlowKey,
    /// `exact_end`.
    ExactEnd,
    /// `join`.
    Join,
    /// `process`.
    Process,
    /// `listening_ports`.
    ListeningPorts,
    /// `nat`.
    Nat,
    /// `tcp_analysis`.
    TcpAnalysis,
    /// `tcp_sockets`.
    TcpSockets,
    /// `drops`.
    Drops,
    /// `names`.
    Names,
    /// `sampling`.
    Sampling,
    /// `decapsulation`.
    Decapsulation,
    /// `tunnel_ports`.
    TunnelPorts,
}

impl Setting {
    /// Returns the builder's name of the option.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interfaces => "interfaces",
            Self::Timeouts => "timeouts",
            Self::Filter => "filter",
            Self::Attach => "attach",
            Self::NetNs => "netns",
            Self::MaxFlows => "max_flows",
            Self::Strict => "strict",
            Self::DropCapabilities => "drop_capabilities",
            Self::Pinning => "pinning",
            Self::FlowKey => "flow_key",
            Self::ExactEnd => "exact_end",
            Self::Join => "join",
            Self::Process => "process",
            Self::ListeningPorts => "listening_ports",
            Self::Nat => "nat",
            Self::TcpAnalysis => "tcp_analysis",
            Self::TcpSockets => "tcp_sockets",
            Self::Drops => "drops",
            Self::Names => "names",
            Self::Sampling => "sampling",
            Self::Decapsulation => "decapsulation",
            Self::TunnelPorts => "tunnel_ports",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The result of a change, see [`Handle::reconfigure`](super::Handle::reconfigure).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "settings in `needs_restart` are not in effect"]
#[non_exhaustive]
pub struct Reconfigured {
    /// Settings that changed and are now in effect.
    pub applied: Vec<Setting>,
    /// Settings that differ and take effect only in a new source.
    pub needs_restart: Vec<Setting>,
}

/// Returns the settings that differ.
pub(super) fn compare(now: &Options, wanted: &Options) -> Reconfigured {
    // Exhaustive, so that a new option must be handled here.
    let Options {
        interfaces,
        exclude,
        fallback_to_all,
        no_hot_plug,
        attach,
        netns,
        timeouts,
        filter,
        max_flows,
        strict,
        drop_capabilities,
        pinning,
        flow_key,
        exact_end,
        join,
        process,
        listening_ports,
        nat,
        tcp_analysis,
        tcp_sockets,
        drops,
        names,
        sampling,
        decapsulation,
        tunnel_ports,
        test_hooks: _,
    } = wanted;
    let watched = now.interfaces != *interfaces
        || now.exclude != *exclude
        || now.fallback_to_all != *fallback_to_all
        || now.no_hot_plug != *no_hot_plug;
    let flows = |flows: Option<u32>| flows.unwrap_or(DEFAULT_FLOWS);
    Reconfigured {
        applied: differing([
            (Setting::Interfaces, watched),
            (Setting::Timeouts, now.timeouts != *timeouts),
            (Setting::Filter, now.filter != *filter),
        ]),
        needs_restart: differing([
            (Setting::Attach, now.attach != *attach),
            (Setting::NetNs, now.netns != *netns),
            (Setting::MaxFlows, flows(now.max_flows) != flows(*max_flows)),
            (Setting::Strict, now.strict != *strict),
            (
                Setting::DropCapabilities,
                now.drop_capabilities != *drop_capabilities,
            ),
            (Setting::Pinning, now.pinning != *pinning),
            (Setting::FlowKey, now.flow_key != *flow_key),
            (Setting::ExactEnd, now.exact_end != *exact_end),
            (Setting::Join, now.join != *join),
            (Setting::Process, now.process != *process),
            (
                Setting::ListeningPorts,
                now.listening_ports != *listening_ports,
            ),
            (Setting::Nat, now.nat != *nat),
            (Setting::TcpAnalysis, now.tcp_analysis != *tcp_analysis),
            (Setting::TcpSockets, now.tcp_sockets != *tcp_sockets),
            (Setting::Drops, now.drops != *drops),
            (Setting::Names, now.names != *names),
            (Setting::Sampling, now.sampling != *sampling),
            (Setting::Decapsulation, now.decapsulation != *decapsulation),
            (
                Setting::TunnelPorts,
                now.tunnel_ports.ports() != tunnel_ports.ports(),
            ),
        ]),
    }
}

/// Applies the settings that can change in a running source.
pub(super) fn adopt(now: &mut Options, wanted: Options) {
    now.interfaces = wanted.interfaces;
    now.exclude = wanted.exclude;
    now.fallback_to_all = wanted.fallback_to_all;
    now.no_hot_plug = wanted.no_hot_plug;
    now.timeouts = wanted.timeouts;
    now.filter = wanted.filter;
}

fn differing<const N: usize>(settings: [(Setting, bool); N]) -> Vec<Setting> {
    settings
        .into_iter()
        .filter_map(|(setting, differs)| differs.then_some(setting))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        attach::Attach,
        filter::Rule,
        flow::TunnelKind,
        iface::{NetNs, patterns::Patterns},
        source::{Decapsulation, FlowKey, Pinning, Sampling},
    };

    fn change(change: impl FnOnce(&mut Options)) -> (Reconfigured, Reconfigured) {
        let mut now = Options::default();
        let mut wanted = Options::default();
        change(&mut wanted);
        let found = compare(&now, &wanted);
        adopt(&mut now, wanted.clone());
        (found, compare(&now, &wanted))
    }

    #[test]
    fn each_option_is_applied_or_named() {
        type Change = fn(&mut Options);
        let live: [(Setting, Change); 6] = [
            (Setting::Interfaces, |options| {
                options.interfaces = Patterns::gather(["eth0"]);
            }),
            (Setting::Interfaces, |options| {
                options.exclude = Patterns::gather(["eth0"]);
            }),
            (Setting::Interfaces, |options| {
                options.fallback_to_all = true;
            }),
            (Setting::Interfaces, |options| options.no_hot_plug = true),
            (Setting::Timeouts, |options| {
                options.timeouts.udp = Duration::from_secs(1);
            }),
            (Setting::Filter, |options| {
                options.filter.source.port = Rule::matching(["1"]).unwrap();
            }),
        ];
        for (setting, set) in live {
            let (found, then) = change(set);
            assert_eq!(
                (found.applied, found.needs_restart),
                (vec![setting], vec![])
            );
            assert_eq!(then, Reconfigured::default(), "{setting}");
        }
        let fixed: [(Setting, Change); 17] = [
            (Setting::Attach, |options| {
                options.attach = Attach::Tcx.into();
            }),
            (Setting::NetNs, |options| options.netns = NetNs::Host),
            (Setting::MaxFlows, |options| options.max_flows = Some(7)),
            (Setting::Strict, |options| options.strict = true),
            (Setting::DropCapabilities, |options| {
                options.drop_capabilities = true;
            }),
            (Setting::Pinning, |options| {
                options.pinning = Some(Pinning::instance("a"));
            }),
            (Setting::FlowKey, |options| {
                options.flow_key = FlowKey::Endpoints;
            }),
            (Setting::ExactEnd, |options| options.exact_end = true),
            (Setting::ListeningPorts, |options| {
                options.listening_ports = true;
            }),
            (Setting::TcpAnalysis, |options| options.tcp_analysis = true),
            (Setting::Nat, |options| options.nat = true),
            (Setting::TcpSockets, |options| options.tcp_sockets = true),
            (Setting::Drops, |options| options.drops = true),
            (Setting::Names, |options| options.names = true),
            (Setting::Sampling, |options| {
                options.sampling = Some(Sampling::under_pressure());
            }),
            (Setting::Decapsulation, |options| {
                options.decapsulation = Decapsulation::None;
            }),
            (Setting::TunnelPorts, |options| {
                options.tunnel_ports.set(TunnelKind::Vxlan, vec![8472]);
            }),
        ];
        for (setting, set) in fixed {
            let (found, then) = change(set);
            assert_eq!(
                (&found.applied, &found.needs_restart),
                (&vec![], &vec![setting])
            );
            // The second call reports it again, because it is still not in effect.
            assert_eq!(then, found, "{setting}");
        }
    }

    #[test]
    fn explicit_default_is_no_change() {
        let (found, _) = change(|options| options.max_flows = Some(DEFAULT_FLOWS));
        assert_eq!(found, Reconfigured::default());
    }
}
