//! Creates a source of flows from a configuration.

use mermin_core::{
    Attach, FlowSource, FlowSourceBuilder, Pinning, Preset, Sampling, flow::TunnelKind,
};

use crate::{
    Config,
    keys::{FlowSampling, Instrument, Parser, Span},
};

impl Config {
    /// Returns a builder with the options of the file. Apply command-line overrides to the result.
    pub fn source(&self) -> FlowSourceBuilder {
        let instrument = self.discovery().instrument();
        let builder = self
            .source_of_captures()
            .netns(instrument.netns().clone())
            .process(self.pipeline().flow_capture().process())
            .nat(self.pipeline().flow_capture().nat())
            .tcp_sockets(self.pipeline().flow_capture().tcp_sockets())
            .drops(self.pipeline().flow_capture().drops());
        let builder = hooks(interfaces(builder, instrument), instrument);
        match self.pinning() {
            Some(pinning) => builder.pinning(pinning),
            None => builder,
        }
    }

    /// Returns the pinned instance of the file, as [`source`](Self::source) sets it; `None` without `instance`.
    #[must_use]
    pub fn pinning(&self) -> Option<Pinning> {
        let instrument = self.discovery().instrument();
        match instrument.instance().as_str() {
            "" => None,
            name => Some(Pinning::instance(name).bpffs(instrument.pin_path().as_path())),
        }
    }

    /// Returns a builder for capture files: as [`source`](Self::source), without the options that only a live source has:
    /// `netns`, `process`, `nat`, `tcp_sockets`, `drops`, `instance`, the selection of interfaces, and the attachment of programs.
    /// Set the file with `FlowSourceBuilder::pcap`.
    pub fn source_of_captures(&self) -> FlowSourceBuilder {
        let capture = self.pipeline().flow_capture();
        let builder = FlowSource::builder()
            .max_flows(capture.flow_stats_capacity().get())
            .flow_key(capture.flow_key())
            .exact_end(capture.exact_end())
            .join(capture.join())
            .listening_ports(capture.listening_ports())
            .tcp_analysis(capture.tcp_analysis())
            .names(capture.names())
            .filter(self.filter().clone());
        let builder = match capture.sampling() {
            Some(keys) => builder.sampling(sampling(keys)),
            None => builder,
        };
        tunnels(timeouts(builder, self.span()), self.parser())
    }
}

fn interfaces(builder: FlowSourceBuilder, instrument: &Instrument) -> FlowSourceBuilder {
    let builder = if instrument.usual() {
        // A host without any of them is a bare host.
        builder.interfaces(Preset::AnyCni).fallback_to_all(true)
    } else {
        builder.interfaces(instrument.interfaces())
    };
    builder
        .exclude(instrument.exclude())
        .hot_plug(instrument.auto_discover_interfaces())
}

fn hooks(builder: FlowSourceBuilder, instrument: &Instrument) -> FlowSourceBuilder {
    let priority = u16::try_from(instrument.tc_priority().get()).unwrap_or(u16::MAX);
    let builder = builder
        .attach(instrument.attach())
        .tcx_order(instrument.tcx_order().clone());
    match instrument.attach() {
        // Only if the mechanism may be tc and the value is not the default: with TCX it has no effect, which the
        // report notes.
        Attach::Auto | Attach::Tc if priority != 1 => builder.tc_priority(priority),
        _ => builder,
    }
}

fn sampling(keys: &FlowSampling) -> Sampling {
    let sampling = Sampling::under_pressure()
        .fill(f64::from(keys.fill().get()) / 100.0)
        .max_interval(keys.max_interval().get());
    let sampling = match keys.flows_per_second().get() {
        u32::MAX => sampling,
        flows => sampling.flows_per_second(flows.into()),
    };
    match keys.seed() {
        Some(seed) => sampling.seed(seed.expose()),
        None => sampling,
    }
}

fn tunnels(builder: FlowSourceBuilder, parser: &Parser) -> FlowSourceBuilder {
    [
        (TunnelKind::Vxlan, parser.vxlan_port()),
        (TunnelKind::VxlanGpe, parser.vxlan_gpe_port()),
        (TunnelKind::Geneve, parser.geneve_port()),
        (TunnelKind::Gtpu, parser.gtpu_port()),
        (TunnelKind::L2tp, parser.l2tp_port()),
        (TunnelKind::Teredo, parser.teredo_port()),
        (TunnelKind::WireGuard, parser.wireguard_port()),
    ]
    .into_iter()
    .fold(builder, |builder, (kind, port)| {
        builder.tunnel_ports(kind, [port.get()])
    })
}

fn timeouts(builder: FlowSourceBuilder, span: &Span) -> FlowSourceBuilder {
    builder
        .active_timeout(span.max_record_interval().get())
        .other_timeout(span.generic_timeout().get())
        .icmp_timeout(span.icmp_timeout().get())
        .tcp_timeout(span.tcp_timeout().get())
        .tcp_fin_timeout(span.tcp_fin_timeout().get())
        .tcp_half_closed_timeout(span.tcp_half_closed_timeout().get())
        .tcp_rst_timeout(span.tcp_rst_timeout().get())
        .udp_timeout(span.udp_timeout().get())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mermin_core::{Filter, NetNs, filter::Rule};

    use mermin_core::{FlowKey, Join, TcxOrder};

    use super::*;

    fn assert_same(text: &str, expected: &FlowSourceBuilder) {
        let config: Config = text.parse().unwrap();
        assert_eq!(&config.source(), expected);
    }

    #[test]
    fn capture_file_has_no_host_interfaces() {
        let config: Config = "discovery \"instrument\" {\n  interfaces = [\"eth0\"]\n  attach = \"tcx\"\n  instance = \"a\"\n}\n\
                              span {\n  udp_timeout = \"7s\"\n}\n\
                              pipeline {\n  flow_capture {\n    process = true\n    nat = true\n    tcp_sockets = true\n    drops = true\n  }\n}\n"
            .parse()
            .unwrap();
        let expected = tunnels(
            FlowSource::builder()
                .max_flows(16_384)
                .udp_timeout(Duration::from_secs(7)),
            config.parser(),
        );
        assert_eq!(config.source_of_captures(), expected);
    }

    fn usual() -> FlowSourceBuilder {
        FlowSource::builder()
            .interfaces(Preset::AnyCni)
            .fallback_to_all(true)
            .max_flows(16_384)
            .tunnel_ports(TunnelKind::Vxlan, [4789])
            .tunnel_ports(TunnelKind::VxlanGpe, [4790])
            .tunnel_ports(TunnelKind::Geneve, [6081])
            .tunnel_ports(TunnelKind::Gtpu, [2152])
            .tunnel_ports(TunnelKind::L2tp, [1701])
            .tunnel_ports(TunnelKind::Teredo, [3544])
            .tunnel_ports(TunnelKind::WireGuard, [51_820])
    }

    #[test]
    fn defaults_select_the_usual_interfaces_or_all() {
        assert_same("", &usual());
        assert_same(
            "discovery \"instrument\" {\n  interfaces = []\n}\n",
            &usual(),
        );
        assert_same(
            "discovery \"instrument\" {\n  interfaces = [\"eth0\"]\n}\n",
            &usual().interfaces(["eth0"]).fallback_to_all(false),
        );
    }

    #[test]
    fn interface_keys_reach_the_builder() {
        assert_same(
            "discovery \"instrument\" {
  exclude = [\"veth0\", \"/x[0-9]/\"]
  auto_discover_interfaces = false
  tc_priority = 9
  tcx_order = \"last\"
  netns = \"host\"
  pin_path = \"/run/bpf\"
  instance = \"billing\"
}
",
            &usual()
                .exclude(["veth0", "/x[0-9]/"])
                .hot_plug(false)
                .tc_priority(9)
                .tcx_order(TcxOrder::Last)
                .netns(NetNs::Host)
                .pinning(Pinning::instance("billing").bpffs("/run/bpf")),
        );
        assert_same(
            "discovery \"instrument\" {\n  attach = \"tc\"\n  tc_priority = 9\n}\n",
            &usual().attach(Attach::Tc).tc_priority(9),
        );
    }

    #[test]
    fn tunnel_ports_reach_the_builder() {
        let [vxlan, geneve, gtpu, wireguard, vxlan_gpe, l2tp, teredo] = [1, 2, 3, 4, 5, 6, 7];
        assert_same(
            "parser {\n  vxlan_port = 1\n  geneve_port = 2\n  gtpu_port = 3\n  wireguard_port = 4\n  vxlan_gpe_port = 5\n  l2tp_port = 6\n  teredo_port = 7\n}\n",
            &usual()
                .tunnel_ports(TunnelKind::Vxlan, [vxlan])
                .tunnel_ports(TunnelKind::VxlanGpe, [vxlan_gpe])
                .tunnel_ports(TunnelKind::Geneve, [geneve])
                .tunnel_ports(TunnelKind::Gtpu, [gtpu])
                .tunnel_ports(TunnelKind::L2tp, [l2tp])
                .tunnel_ports(TunnelKind::Teredo, [teredo])
                .tunnel_ports(TunnelKind::WireGuard, [wireguard]),
        );
    }

    #[test]
    fn timeouts_size_and_filters_reach_the_builder() {
        let mut filter = Filter::default();
        filter.source.port = Rule::matching(["443"]).unwrap();
        filter.destination.address = Rule::not_matching(["10.0.0.0/8"]).unwrap();
        filter.network.ip_version = Rule::matching(["ipv6"]).unwrap();
        filter.flow.ip_ttl = Rule::matching(["1-9"]).unwrap();
        assert_same(
            "span {
  max_record_interval = \"1s\"
  generic_timeout = \"2s\"
  icmp_timeout = \"3s\"
  tcp_timeout = \"4s\"
  tcp_fin_timeout = \"5ms\"
  tcp_half_closed_timeout = \"8s\"
  tcp_rst_timeout = \"6s\"
  udp_timeout = \"7s\"
}
pipeline {
  flow_capture {
    flow_stats_capacity = 99
    flow_key = \"endpoints\"
    exact_end = true
    join = \"merged\"
    process = true
    listening_ports = true
    nat = true
    tcp_analysis = true
    tcp_sockets = true
    drops = true
    names = true
    sampling {
      fill = 90
      flows_per_second = 5000
      max_interval = 64
      seed = \"C0FFEE\"
    }
  }
}
filter \"source\" {
  port = { match = [443] }
}
filter \"destination\" {
  address = { not_match = [\"10.0.0.0/8\"] }
}
filter \"network\" {
  type = { match = [\"ipv6\"] }
}
filter \"flow\" {
  ip_ttl = { match = [\"1-9\"] }
}
",
            &usual()
                .active_timeout(Duration::from_secs(1))
                .other_timeout(Duration::from_secs(2))
                .icmp_timeout(Duration::from_secs(3))
                .tcp_timeout(Duration::from_secs(4))
                .tcp_fin_timeout(Duration::from_millis(5))
                .tcp_half_closed_timeout(Duration::from_secs(8))
                .tcp_rst_timeout(Duration::from_secs(6))
                .udp_timeout(Duration::from_secs(7))
                .max_flows(99)
                .flow_key(FlowKey::Endpoints)
                .exact_end(true)
                .join(Join::Merged)
                .process(true)
                .listening_ports(true)
                .nat(true)
                .tcp_analysis(true)
                .tcp_sockets(true)
                .drops(true)
                .names(true)
                .sampling(
                    Sampling::under_pressure()
                        .fill(0.9)
                        .flows_per_second(5000)
                        .max_interval(64)
                        .seed(0xc0_ffee),
                )
                .filter(filter),
        );
    }
}
