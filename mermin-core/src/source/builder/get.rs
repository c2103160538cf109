//! The options as they are set: a method each, named as [`std::process::Command`] names its own.

use super::FlowSourceBuilder;
use crate::{
    attach::{Attach, TcxOrder},
    filter::Filter,
    flow::TunnelKind,
    iface::{NetNs, Pattern},
    join::Join,
    source::{Decapsulation, FlowKey, Pinning},
    table::Timeouts,
};

impl FlowSourceBuilder {
    /// Patterns of [`interfaces`](Self::interfaces); patterns that could not be parsed are omitted.
    #[must_use]
    pub fn get_interfaces(&self) -> &[Pattern] {
        self.options.interfaces.list()
    }

    /// Patterns of [`exclude`](Self::exclude); patterns that could not be parsed are omitted.
    #[must_use]
    pub fn get_exclude(&self) -> &[Pattern] {
        self.options.exclude.list()
    }

    /// The value of [`fallback_to_all`](Self::fallback_to_all).
    #[must_use]
    pub fn get_fallback_to_all(&self) -> bool {
        self.options.fallback_to_all
    }

    /// The value of [`hot_plug`](Self::hot_plug).
    #[must_use]
    pub fn get_hot_plug(&self) -> bool {
        !self.options.no_hot_plug
    }

    /// The value of [`attach`](Self::attach).
    #[must_use]
    pub fn get_attach(&self) -> Attach {
        self.options.attach.mode
    }

    /// The value of [`tc_priority`](Self::tc_priority).
    #[must_use]
    pub fn get_tc_priority(&self) -> u16 {
        self.options.attach.priority()
    }

    /// The value of [`tcx_order`](Self::tcx_order).
    #[must_use]
    pub fn get_tcx_order(&self) -> &TcxOrder {
        &self.options.attach.tcx_order
    }

    /// The value of [`netns`](Self::netns).
    #[must_use]
    pub fn get_netns(&self) -> &NetNs {
        &self.options.netns
    }

    /// The values of [`timeouts`](Self::timeouts) and of the methods for each.
    #[must_use]
    pub fn get_timeouts(&self) -> Timeouts {
        self.options.timeouts
    }

    /// The value of [`filter`](Self::filter).
    #[must_use]
    pub fn get_filter(&self) -> &Filter {
        &self.options.filter
    }

    /// The value of [`max_flows`](Self::max_flows); none is the default, which a capture file has of its own.
    #[must_use]
    pub fn get_max_flows(&self) -> Option<u32> {
        self.options.max_flows
    }

    /// The value of [`flow_key`](Self::flow_key).
    #[must_use]
    pub fn get_flow_key(&self) -> FlowKey {
        self.options.flow_key
    }

    /// The value of [`exact_end`](Self::exact_end).
    #[must_use]
    pub fn get_exact_end(&self) -> bool {
        self.options.exact_end
    }

    /// The value of [`join`](Self::join).
    #[must_use]
    pub fn get_join(&self) -> Join {
        self.options.join
    }

    /// The value of [`process`](Self::process).
    #[must_use]
    pub fn get_process(&self) -> bool {
        self.options.process
    }

    /// The value of [`listening_ports`](Self::listening_ports).
    #[must_use]
    pub fn get_listening_ports(&self) -> bool {
        self.options.listening_ports
    }

    /// The value of [`decapsulation`](Self::decapsulation).
    #[must_use]
    pub fn get_decapsulation(&self) -> Decapsulation {
        self.options.decapsulation
    }

    /// The value of [`tunnel_ports`](Self::tunnel_ports) for this kind; empty where it is not looked for by port.
    #[must_use]
    pub fn get_tunnel_ports(&self, kind: TunnelKind) -> &[u16] {
        self.options.tunnel_ports.of(kind)
    }

    /// The value of [`strict`](Self::strict).
    #[must_use]
    pub fn get_strict(&self) -> bool {
        self.options.strict
    }

    /// The value of [`pinning`](Self::pinning).
    #[must_use]
    pub fn get_pinning(&self) -> Option<&Pinning> {
        self.options.pinning.as_ref()
    }
}
