//! Builds a record from values by name.

use std::{num::NonZeroU32, sync::Arc, time::UNIX_EPOCH};

use super::{
    super::{
        process::{DESTINATION, SOURCE},
        table::{FORWARD, REVERSE, UniflowAttributes},
    },
    values::{Values, Wrong, mac, needed, word, wrong},
};
use crate::flow::{
    Count, Direction, DirectionRule, EndReason, Flow, FlowId, IcmpMessage, Interface, IpHeader,
    Ipsec, Several, Tcp, TcpFlags, TcpState, Tunnel, TunnelKind, Uniflow, VlanIds, time,
};

impl Values {
    pub(super) fn record(&self) -> Result<Flow, Wrong> {
        let protocol = needed("network.transport", self.protocol("network.transport")?)?;
        let mut flow = Flow::new(
            needed("flow.id", self.text("flow.id", id)?)?,
            protocol,
            self.endpoint("source.address", "source.port")?,
            self.endpoint("destination.address", "destination.port")?,
            self.interface()?,
            self.text("flow.start", time::parse)?.unwrap_or(UNIX_EPOCH),
        );
        flow.sequence = needed("flow.sequence", self.number("flow.sequence")?)?;
        flow.end = self.text("flow.end", time::parse)?.unwrap_or(flow.start);
        flow.time_resolution = self.nanoseconds("flow.time.resolution")?;
        let reason = self.text("flow.end_reason", |text| {
            word(EndReason::ALL, EndReason::as_str, text)
        });
        flow.end_reason = needed("flow.end_reason", reason?)?;
        flow.sampling_interval = self
            .number("flow.sampling.interval")?
            .and_then(NonZeroU32::new);
        let direction = self.text("flow.direction", |text| {
            word(Direction::ALL, Direction::as_str, text)
        });
        flow.direction = needed("flow.direction", direction?)?;
        flow.direction_rule = self.text("flow.direction.rule", |text| {
            word(DirectionRule::ALL, DirectionRule::as_str, text)
        })?;
        flow.vlans = self.vlans()?;
        flow.several = self.several()?;
        flow.forward = self.uniflow(&FORWARD)?;
        flow.reverse = self.uniflow(&REVERSE)?;
        flow.icmp_id = self.number("flow.icmp.id")?;
        flow.tcp = self.tcp()?;
        flow.tcp_analysis = self.tcp_analysis()?.map(Box::new);
        flow.tcp_sockets = self.tcp_sockets()?.map(Box::new);
        flow.drops = self.drops().map(Box::new);
        flow.ipsec = self.ipsec()?;
        flow.tunnel = self.tunnel()?;
        flow.observation_points = self.observation_points(flow.start);
        flow.nat = self.nat()?.map(Box::new);
        flow.source_process = self.process(&SOURCE)?.map(Arc::new);
        flow.destination_process = self.process(&DESTINATION)?.map(Arc::new);
        flow.application = self.application()?.map(Arc::new);
        Ok(flow)
    }

    fn interface(&self) -> Result<Interface, Wrong> {
        let name = "network.interface.name";
        let name = needed(name, self.text(name, |text| Some(text.to_owned()))?)?;
        let index = "network.interface.index";
        let mut interface = Interface::new(needed(index, self.number(index)?)?, name);
        interface.source_mac = self.text("network.interface.mac", mac)?;
        interface.destination_mac = self.text("destination.mac", mac)?;
        Ok(interface)
    }

    fn vlans(&self) -> Result<VlanIds, Wrong> {
        let name = "network.vlan.ids";
        let ids = self.numbers(name).iter().map(|id| {
            let wrong = |_| wrong(name, &id.to_string());
            u16::try_from(*id).map_err(wrong)
        });
        Ok(VlanIds::from_slice(&ids.collect::<Result<Vec<_>, _>>()?))
    }

    fn several(&self) -> Result<Several, Wrong> {
        let mut several = Several::default();
        if let Some(texts) = self.texts("flow.several") {
            for text in texts {
                match text.as_str() {
                    "vlan_ids" => several.vlan_ids = true,
                    "vlan_tags" => several.vlan_tags = true,
                    "tunnel_ids" => several.tunnel_ids = true,
                    "tunnels" => several.tunnels = true,
                    _ => return Err(wrong("flow.several", text)),
                }
            }
        }
        Ok(several)
    }

    fn uniflow(&self, names: &UniflowAttributes) -> Result<Uniflow, Wrong> {
        let [packets, octets, frame_octets] = names
            .counts
            .each_ref()
            .map(|both| both.each_ref().map(|name| name.text));
        Ok(Uniflow {
            packets: self.count(packets)?,
            octets: self.count(octets)?,
            frame_octets: self.count(frame_octets)?,
            ip: match self.number(names.ttl.text)? {
                Some(ttl) => Some(IpHeader {
                    dscp: needed(names.dscp_id.text, self.number(names.dscp_id.text)?)?,
                    ecn: needed(names.ecn_id.text, self.number(names.ecn_id.text)?)?,
                    ttl,
                    flow_label: self.number(names.flow_label.text)?,
                }),
                None => None,
            },
            icmp: match self.number(names.icmp_type_id.text)? {
                Some(kind) => Some(IcmpMessage {
                    kind,
                    code: needed(
                        names.icmp_code_id.text,
                        self.number(names.icmp_code_id.text)?,
                    )?,
                }),
                None => None,
            },
            tcp_flags: self.number(names.tcp_flag_bits.text)?.map(TcpFlags),
        })
    }

    /// Returns zero if both are absent, for example for a tunnel whose octets are unknown.
    fn count(&self, [delta, total]: [&'static str; 2]) -> Result<Count, Wrong> {
        Ok(Count {
            delta: self.number(delta)?.unwrap_or_default(),
            total: self.number(total)?.unwrap_or_default(),
        })
    }

    fn tcp(&self) -> Result<Option<Tcp>, Wrong> {
        let state = self.text("flow.connection.state", |text| {
            word(TcpState::ALL, TcpState::as_str, text)
        })?;
        let handshake_latency = self.nanoseconds("flow.tcp.handshake.latency")?;
        Ok(state.map(|state| Tcp {
            state,
            handshake_latency,
        }))
    }

    fn ipsec(&self) -> Result<Option<Ipsec>, Wrong> {
        let ipsec = Ipsec {
            ah_spi: self.number("flow.ipsec.ah.spi")?,
            esp_spi: self.number("flow.ipsec.esp.spi")?,
            sender_index: self.number("flow.ipsec.sender_index")?,
            receiver_index: self.number("flow.ipsec.receiver_index")?,
        };
        Ok((ipsec != Ipsec::default()).then_some(ipsec))
    }

    fn tunnel(&self) -> Result<Option<Tunnel>, Wrong> {
        let kind = self.text("tunnel.type", |text| {
            word(TunnelKind::ALL, TunnelKind::as_str, text)
        })?;
        let Some(kind) = kind else {
            return Ok(None);
        };
        let protocol = "tunnel.network.transport";
        Ok(Some(Tunnel {
            id: self.text("tunnel.id", |text| text.parse().ok())?,
            sender_mac: self.text("tunnel.network.interface.mac", mac)?,
            forward: self.count(["tunnel.bytes.delta", "tunnel.bytes.total"])?,
            reverse: self.count(["tunnel.reverse.bytes.delta", "tunnel.reverse.bytes.total"])?,
            ..Tunnel::new(
                kind,
                needed(protocol, self.protocol(protocol)?)?,
                self.endpoint("tunnel.source.address", "tunnel.source.port")?,
                self.endpoint("tunnel.destination.address", "tunnel.destination.port")?,
            )
        }))
    }
}

fn id(text: &str) -> Option<FlowId> {
    u128::from_str_radix(text, 16).ok().map(FlowId::from_u128)
}
