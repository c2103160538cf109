//! Getters of the options, named as those of [`std::process::Command`].

use super::FlowSourceBuilder;
use crate::{
    attach::{Attach, TcxOrder},
    filter::Filter,
    flow::TunnelKind,
    iface::{NetNs, Pattern},
    join::Join,
    source::{Decapsulation, FlowKey, Pinning, Sampling},
    table::Timeouts,
};

impl FlowSourceBuilder {
    /// Returns the patterns of [`interfaces`](Self::interfaces), without invalid ones.
    #[must_use]
    pub fn get_interfaces(&self) -> &[Pattern] {
        self.options.interfaces.list()
    }

    /// Returns the patterns of [`exclude`](Self::exclude), without invalid ones.
    #[must_use]
    pub fn get_exclude(&self) -> &[Pattern] {
        self.options.exclude.list()
    }

    /// Returns the value of [`fallback_to_all`](Self::fallback_to_all).
    #[must_use]
    pub fn get_fallback_to_all(&self) -> bool {
        self.options.fallback_to_all
    }

    /// Returns the value of [`hot_plug`](Self::hot_plug).
    #[must_use]
    pub fn get_hot_plug(&self) -> bool {
        !self.options.no_hot_plug
    }

    /// Returns the value of [`attach`](Self::attach).
    #[must_use]
    pub fn get_attach(&self) -> Attach {
        self.options.attach.mode
    }

    /// Returns the value of [`tc_priority`](Self::tc_priority).
    #[must_use]
    pub fn get_tc_priority(&self) -> u16 {
        self.options.attach.priority()
    }

    /// Returns the value of [`tcx_order`](Self::tcx_order).
    #[must_use]
    pub fn get_tcx_order(&self) -> &TcxOrder {
        &self.options.attach.tcx_order
    }

    /// Returns the value of [`netns`](Self::netns).
    #[must_use]
    pub fn get_netns(&self) -> &NetNs {
        &self.options.netns
    }

    /// Returns the values of [`timeouts`](Self::timeouts) and of the methods for each timeout.
    #[must_use]
    pub fn get_timeouts(&self) -> Timeouts {
        self.options.timeouts
    }

    /// Returns the value of [`filter`](Self::filter).
    #[must_use]
    pub fn get_filter(&self) -> &Filter {
        &self.options.filter
    }

    /// Returns the value of [`max_flows`](Self::max_flows). `None` is the default, which differs for a capture file.
    #[must_use]
    pub fn get_max_flows(&self) -> Option<u32> {
        self.options.max_flows
    }

    /// Returns the value of [`flow_key`](Self::flow_key).
    #[must_use]
    pub fn get_flow_key(&self) -> FlowKey {
        self.options.flow_key
    }

    /// Returns the value of [`exact_end`](Self::exact_end).
    #[must_use]
    pub fn get_exact_end(&self) -> bool {
        self.options.exact_end
    }

    /// Returns the value of [`join`](Self::join).
    #[must_use]
    pub fn get_join(&self) -> Join {
        self.options.join
    }

    /// Returns the value of [`process`](Self::process).
    #[must_use]
    pub fn get_process(&self) -> bool {
        self.options.process
    }

    /// Returns the value of [`listening_ports`](Self::listening_ports).
    #[must_use]
    pub fn get_listening_ports(&self) -> bool {
        self.options.listening_ports
    }

    /// Returns the value of [`drop_capabilities`](Self::drop_capabilities).
    #[must_use]
    pub fn get_drop_capabilities(&self) -> bool {
        self.options.drop_capabilities
    }

    /// Returns the value of [`drops`](Self::drops).
    #[must_use]
    pub fn get_drops(&self) -> bool {
        self.options.drops
    }

    /// Returns the value of [`tcp_analysis`](Self::tcp_analysis).
    #[must_use]
    pub fn get_tcp_analysis(&self) -> bool {
        self.options.tcp_analysis
    }

    /// Returns the value of [`tcp_sockets`](Self::tcp_sockets).
    #[must_use]
    pub fn get_tcp_sockets(&self) -> bool {
        self.options.tcp_sockets
    }

    /// Returns the value of [`sampling`](Self::sampling).
    #[must_use]
    pub fn get_sampling(&self) -> Option<&Sampling> {
        self.options.sampling.as_ref()
    }

    /// Returns the value of [`names`](Self::names).
    #[must_use]
    pub fn get_names(&self) -> bool {
        self.options.names
    }

    /// Returns the value of [`decapsulation`](Self::decapsulation).
    #[must_use]
    pub fn get_decapsulation(&self) -> Decapsulation {
        self.options.decapsulation
    }

    /// Returns the value of [`tunnel_ports`](Self::tunnel_ports) for this kind; empty if ports do not identify it.
    #[must_use]
    pub fn get_tunnel_ports(&self, kind: TunnelKind) -> &[u16] {
        self.options.tunnel_ports.of(kind)
    }

    /// Returns the value of [`strict`](Self::strict).
    #[must_use]
    pub fn get_strict(&self) -> bool {
        self.options.strict
    }

    /// Returns the value of [`pinning`](Self::pinning).
    #[must_use]
    pub fn get_pinning(&self) -> Option<&Pinning> {
        self.options.pinning.as_ref()
    }
}
