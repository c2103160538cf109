//! Options of interfaces: the selection, and the attachment of programs.

use super::FlowSourceBuilder;
use crate::{
    attach::{Attach, TcxOrder},
    error::Error,
    iface::{NetNs, Pattern, patterns::Patterns},
};

impl FlowSourceBuilder {
    /// Sets the interfaces to watch: exact names, globs (`*`, `?`, `[..]`) and regular expressions between slashes,
    /// as text or as parsed [`Pattern`]s. A [`Preset`](crate::Preset) has the patterns of the usual Kubernetes
    /// networks. The source also watches matching interfaces that are down, and loopback if it matches. Default, also
    /// for an empty list: all interfaces that are up, except loopback.
    ///
    /// Opening fails with [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) if a text is not a valid
    /// pattern, and with [`ErrorKind::NoInterface`](crate::ErrorKind::NoInterface) if an exact name does not exist.
    /// If a glob or expression matches no interface, the source waits for one and reports a degradation. With
    /// [`hot_plug`](Self::hot_plug) off, opening fails with `NoInterface` if no interface matches at all.
    ///
    /// ```
    /// use mermin_core::{FlowSource, Pattern, Preset};
    ///
    /// let names = FlowSource::builder().interfaces(["eth0", "veth*", "/wl.*/"]);
    /// let preset = FlowSource::builder().interfaces(Preset::Calico);
    /// let parsed: Vec<Pattern> = vec!["eth0".parse()?];
    /// let parsed = FlowSource::builder().interfaces(parsed);
    /// assert_eq!(names.get_interfaces().len(), 3);
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    pub fn interfaces<I>(mut self, patterns: I) -> Self
    where
        I: IntoIterator<Item: TryInto<Pattern>>,
        Error: From<<I::Item as TryInto<Pattern>>::Error>,
    {
        self.options.interfaces = Patterns::gather(patterns);
        self
    }

    /// Sets the interfaces not to watch even if they match [`interfaces`](Self::interfaces), in the same forms.
    /// Default: none.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().interfaces(["eth*"]).exclude(["eth0"]);
    /// assert!(builder.get_exclude()[0].matches("eth0"));
    /// ```
    pub fn exclude<I>(mut self, patterns: I) -> Self
    where
        I: IntoIterator<Item: TryInto<Pattern>>,
        Error: From<<I::Item as TryInto<Pattern>>::Error>,
    {
        self.options.exclude = Patterns::gather(patterns);
        self
    }

    /// Watches every interface that is up, except loopback, if none matches [`interfaces`](Self::interfaces), and
    /// reports a degradation. Default: no.
    ///
    /// ```
    /// use mermin_core::{FlowSource, Preset};
    ///
    /// // The devices of a Kubernetes network, or all interfaces of a host without one.
    /// let builder = FlowSource::builder().interfaces(Preset::AnyCni).fallback_to_all(true);
    /// assert!(builder.get_fallback_to_all());
    /// ```
    pub fn fallback_to_all(mut self, fallback_to_all: bool) -> Self {
        self.options.fallback_to_all = fallback_to_all;
        self
    }

    /// Also watches matching interfaces that appear after the source was opened. Default: yes. With or without this
    /// option, the source notices when an interface disappears.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().interfaces(["veth*"]).hot_plug(false);
    /// assert!(!builder.get_hot_plug());
    /// ```
    pub fn hot_plug(mut self, hot_plug: bool) -> Self {
        self.options.no_hot_plug = !hot_plug;
        self
    }

    /// Sets the mechanism that attaches programs. Default: [`Attach::Auto`].
    ///
    /// ```
    /// use mermin_core::{Attach, FlowSource};
    ///
    /// let builder = FlowSource::builder().attach(Attach::Tc).tc_priority(10);
    /// assert_eq!(builder.get_attach(), Attach::Tc);
    /// ```
    pub fn attach(mut self, attach: Attach) -> Self {
        self.options.attach.mode = attach;
        self
    }

    /// Sets the priority of `cls_bpf` filters: the `pref` of tc(8), 1 (runs first) to 32767. Default: 1. It applies
    /// to [`Attach::Tc`], and to [`Attach::Auto`] if that falls back to a filter. Several BPF filters can have one
    /// priority, but a filter of another kind cannot have the priority of a BPF filter. With TCX the priority has no
    /// effect, and the report says so.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().tc_priority(10);
    /// assert_eq!(builder.get_tc_priority(), 10);
    /// ```
    pub fn tc_priority(mut self, priority: u16) -> Self {
        self.options.attach.tc_priority = Some(priority);
        self
    }

    /// Sets the position of this source's programs among other TCX programs. Default: [`TcxOrder::First`]. Has no
    /// effect on programs that are attached as tc filters.
    ///
    /// ```
    /// use mermin_core::{FlowSource, TcxOrder};
    ///
    /// let order = TcxOrder::Before("cil_from_netdev".to_owned());
    /// let builder = FlowSource::builder().tcx_order(order.clone());
    /// assert_eq!(builder.get_tcx_order(), &order);
    /// ```
    pub fn tcx_order(mut self, order: TcxOrder) -> Self {
        self.options.attach.tcx_order = order;
        self
    }

    /// Sets the network namespace of the watched interfaces. Default: [`NetNs::Own`]. Only the source's own threads
    /// enter it.
    ///
    /// ```
    /// use mermin_core::{FlowSource, NetNs};
    ///
    /// let builder = FlowSource::builder().netns(NetNs::Path("/run/netns/blue".into()));
    /// assert_ne!(builder.get_netns(), &NetNs::Own);
    /// ```
    pub fn netns(mut self, netns: NetNs) -> Self {
        self.options.netns = netns;
        self
    }
}
