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
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder().interfaces(["eth*", "/wl[0-9]+/"]);
    /// let patterns: Vec<String> = source.get_interfaces().iter().map(ToString::to_string).collect();
    /// assert_eq!(patterns, ["eth*", "/wl[0-9]+/"]);
    /// ```
    #[must_use]
    pub fn get_interfaces(&self) -> &[Pattern] {
        self.options.interfaces.list()
    }

    /// Returns the patterns of [`exclude`](Self::exclude), without invalid ones.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder().exclude(["docker0"]);
    /// assert!(source.get_exclude()[0].matches("docker0"));
    /// ```
    #[must_use]
    pub fn get_exclude(&self) -> &[Pattern] {
        self.options.exclude.list()
    }

    /// Returns the value of [`fallback_to_all`](Self::fallback_to_all).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(!source.get_fallback_to_all());
    /// assert!(source.fallback_to_all(true).get_fallback_to_all());
    /// ```
    #[must_use]
    pub fn get_fallback_to_all(&self) -> bool {
        self.options.fallback_to_all
    }

    /// Returns the value of [`hot_plug`](Self::hot_plug).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(source.get_hot_plug());
    /// assert!(!source.hot_plug(false).get_hot_plug());
    /// ```
    #[must_use]
    pub fn get_hot_plug(&self) -> bool {
        !self.options.no_hot_plug
    }

    /// Returns the value of [`attach`](Self::attach).
    ///
    /// ```
    /// use mermin_core::{Attach, FlowSource};
    ///
    /// let source = FlowSource::builder();
    /// assert_eq!(source.get_attach(), Attach::Auto);
    /// assert_eq!(source.attach(Attach::Tc).get_attach(), Attach::Tc);
    /// ```
    #[must_use]
    pub fn get_attach(&self) -> Attach {
        self.options.attach.mode
    }

    /// Returns the value of [`tc_priority`](Self::tc_priority).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert_eq!(source.get_tc_priority(), 1);
    /// assert_eq!(source.tc_priority(50).get_tc_priority(), 50);
    /// ```
    #[must_use]
    pub fn get_tc_priority(&self) -> u16 {
        self.options.attach.priority()
    }

    /// Returns the value of [`tcx_order`](Self::tcx_order).
    ///
    /// ```
    /// use mermin_core::{FlowSource, TcxOrder};
    ///
    /// let source = FlowSource::builder().tcx_order(TcxOrder::Last);
    /// assert_eq!(source.get_tcx_order(), &TcxOrder::Last);
    /// ```
    #[must_use]
    pub fn get_tcx_order(&self) -> &TcxOrder {
        &self.options.attach.tcx_order
    }

    /// Returns the value of [`netns`](Self::netns).
    ///
    /// ```
    /// use mermin_core::{FlowSource, NetNs};
    ///
    /// let source = FlowSource::builder().netns(NetNs::Host);
    /// assert_eq!(source.get_netns(), &NetNs::Host);
    /// ```
    #[must_use]
    pub fn get_netns(&self) -> &NetNs {
        &self.options.netns
    }

    /// Returns the values of [`timeouts`](Self::timeouts) and of the methods for each timeout.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder().udp_timeout(Duration::from_secs(5));
    /// assert_eq!(source.get_timeouts().udp, Duration::from_secs(5));
    /// assert_eq!(source.get_timeouts().active, Duration::from_secs(60)); // the default
    /// ```
    #[must_use]
    pub fn get_timeouts(&self) -> Timeouts {
        self.options.timeouts
    }

    /// Returns the value of [`filter`](Self::filter).
    ///
    /// ```
    /// use mermin_core::{Filter, FlowSource, filter::Rule};
    ///
    /// let mut filter = Filter::default();
    /// filter.network.transport = Rule::matching(["tcp"])?;
    /// let source = FlowSource::builder().filter(filter.clone());
    /// assert_eq!(source.get_filter(), &filter);
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    #[must_use]
    pub fn get_filter(&self) -> &Filter {
        &self.options.filter
    }

    /// Returns the value of [`max_flows`](Self::max_flows). `None` is the default, which differs for a capture file.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert_eq!(source.get_max_flows(), None);
    /// assert_eq!(source.max_flows(100_000).get_max_flows(), Some(100_000));
    /// ```
    #[must_use]
    pub fn get_max_flows(&self) -> Option<u32> {
        self.options.max_flows
    }

    /// Returns the value of [`flow_key`](Self::flow_key).
    ///
    /// ```
    /// use mermin_core::{FlowKey, FlowSource};
    ///
    /// let source = FlowSource::builder().flow_key(FlowKey::Endpoints);
    /// assert_eq!(source.get_flow_key(), FlowKey::Endpoints);
    /// ```
    #[must_use]
    pub fn get_flow_key(&self) -> FlowKey {
        self.options.flow_key
    }

    /// Returns the value of [`exact_end`](Self::exact_end).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(!source.get_exact_end());
    /// assert!(source.exact_end(true).get_exact_end());
    /// ```
    #[must_use]
    pub fn get_exact_end(&self) -> bool {
        self.options.exact_end
    }

    /// Returns the value of [`join`](Self::join).
    ///
    /// ```
    /// use mermin_core::{FlowSource, Join};
    ///
    /// let source = FlowSource::builder();
    /// assert_eq!(source.get_join(), Join::PerInterface);
    /// assert_eq!(source.join(Join::Merged).get_join(), Join::Merged);
    /// ```
    #[must_use]
    pub fn get_join(&self) -> Join {
        self.options.join
    }

    /// Returns the value of [`process`](Self::process).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(!source.get_process());
    /// assert!(source.process(true).get_process());
    /// ```
    #[must_use]
    pub fn get_process(&self) -> bool {
        self.options.process
    }

    /// Returns the value of [`listening_ports`](Self::listening_ports).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(!source.get_listening_ports());
    /// assert!(source.listening_ports(true).get_listening_ports());
    /// ```
    #[must_use]
    pub fn get_listening_ports(&self) -> bool {
        self.options.listening_ports
    }

    /// Returns the value of [`nat`](Self::nat).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(!source.get_nat());
    /// assert!(source.nat(true).get_nat());
    /// ```
    #[must_use]
    pub fn get_nat(&self) -> bool {
        self.options.nat
    }

    /// Returns the value of [`drop_capabilities`](Self::drop_capabilities).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(!source.get_drop_capabilities());
    /// assert!(source.drop_capabilities(true).get_drop_capabilities());
    /// ```
    #[must_use]
    pub fn get_drop_capabilities(&self) -> bool {
        self.options.drop_capabilities
    }

    /// Returns the value of [`drops`](Self::drops).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(!source.get_drops());
    /// assert!(source.drops(true).get_drops());
    /// ```
    #[must_use]
    pub fn get_drops(&self) -> bool {
        self.options.drops
    }

    /// Returns the value of [`tcp_analysis`](Self::tcp_analysis).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(!source.get_tcp_analysis());
    /// assert!(source.tcp_analysis(true).get_tcp_analysis());
    /// ```
    #[must_use]
    pub fn get_tcp_analysis(&self) -> bool {
        self.options.tcp_analysis
    }

    /// Returns the value of [`tcp_sockets`](Self::tcp_sockets).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(!source.get_tcp_sockets());
    /// assert!(source.tcp_sockets(true).get_tcp_sockets());
    /// ```
    #[must_use]
    pub fn get_tcp_sockets(&self) -> bool {
        self.options.tcp_sockets
    }

    /// Returns the value of [`sampling`](Self::sampling).
    ///
    /// ```
    /// use mermin_core::{FlowSource, Sampling};
    ///
    /// let source = FlowSource::builder();
    /// assert!(source.get_sampling().is_none());
    /// assert!(source.sampling(Sampling::under_pressure()).get_sampling().is_some());
    /// ```
    #[must_use]
    pub fn get_sampling(&self) -> Option<&Sampling> {
        self.options.sampling.as_ref()
    }

    /// Returns the value of [`names`](Self::names).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(!source.get_names());
    /// assert!(source.names(true).get_names());
    /// ```
    #[must_use]
    pub fn get_names(&self) -> bool {
        self.options.names
    }

    /// Returns the value of [`decapsulation`](Self::decapsulation).
    ///
    /// ```
    /// use mermin_core::{Decapsulation, FlowSource};
    ///
    /// let source = FlowSource::builder();
    /// assert_eq!(source.get_decapsulation(), Decapsulation::Innermost);
    /// let source = source.decapsulation(Decapsulation::None);
    /// assert_eq!(source.get_decapsulation(), Decapsulation::None);
    /// ```
    #[must_use]
    pub fn get_decapsulation(&self) -> Decapsulation {
        self.options.decapsulation
    }

    /// Returns the value of [`tunnel_ports`](Self::tunnel_ports) for this kind; empty if ports do not identify it.
    ///
    /// ```
    /// use mermin_core::{FlowSource, flow::TunnelKind};
    ///
    /// let source = FlowSource::builder().tunnel_ports(TunnelKind::Vxlan, [4789, 8472]);
    /// assert_eq!(source.get_tunnel_ports(TunnelKind::Vxlan), [4789, 8472]);
    /// assert!(source.get_tunnel_ports(TunnelKind::Gre).is_empty());
    /// ```
    #[must_use]
    pub fn get_tunnel_ports(&self, kind: TunnelKind) -> &[u16] {
        self.options.tunnel_ports.of(kind)
    }

    /// Returns the value of [`strict`](Self::strict).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let source = FlowSource::builder();
    /// assert!(!source.get_strict());
    /// assert!(source.strict(true).get_strict());
    /// ```
    #[must_use]
    pub fn get_strict(&self) -> bool {
        self.options.strict
    }

    /// Returns the value of [`pinning`](Self::pinning).
    ///
    /// ```
    /// use mermin_core::{FlowSource, Pinning};
    ///
    /// let source = FlowSource::builder().pinning(Pinning::instance("billing"));
    /// assert_eq!(source.get_pinning(), Some(&Pinning::instance("billing")));
    /// ```
    #[must_use]
    pub fn get_pinning(&self) -> Option<&Pinning> {
        self.options.pinning.as_ref()
    }
}
