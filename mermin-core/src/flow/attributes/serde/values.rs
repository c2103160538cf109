//! Builds a record from values by name.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::super::{
    drops,
    name::Name,
    process::{self, DESTINATION, SOURCE},
    table::{FORWARD, REVERSE, UniflowAttributes},
    tcp_analysis,
};
use crate::flow::{
    Application, Count, Direction, DirectionRule, Dns, Dropped, Drops, EndReason, Endpoint, Flow,
    FlowId, IcmpMessage, Interface, IpHeader, Ipsec, MacAddress, ObservationPoint, PointCounts,
    Process, Protocol, Several, Tcp, TcpAnalysis, TcpFlags, TcpLatency, TcpSegments, TcpState, Tls,
    Tunnel, TunnelKind, Uniflow, VlanIds, application, time,
};

/// Names of the counts of each entry of `flow.interfaces`.
const POINT_COUNTS: [&str; 5] = [
    "flow.interfaces.delay",
    "flow.interfaces.packets",
    "flow.interfaces.bytes",
    "flow.interfaces.reverse.packets",
    "flow.interfaces.reverse.bytes",
];

/// A value of an attribute.
pub(super) enum AttributeValue {
    Text(String),
    Texts(Vec<String>),
    Number(u64),
    Numbers(Vec<u64>),
}

/// The reason why no record can be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Wrong {
    #[error("cannot find `{0}`, which each flow has")]
    Missing(&'static str),
    #[error("cannot read `{name}`: it cannot be `{value}`")]
    Value { name: &'static str, value: String },
}

/// Known attribute values of a flow, by name.
#[derive(Default)]
pub(super) struct Values(HashMap<&'static str, AttributeValue>);

impl Values {
    pub(super) fn insert(&mut self, name: &'static str, value: AttributeValue) {
        self.0.insert(name, value);
    }

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
        flow.drops = self.drops().map(Box::new);
        flow.ipsec = self.ipsec()?;
        flow.tunnel = self.tunnel()?;
        flow.observation_points = self.observation_points(flow.start);
        flow.source_process = self.process(&SOURCE)?.map(Arc::new);
        flow.destination_process = self.process(&DESTINATION)?.map(Arc::new);
        flow.application = self.application()?.map(Arc::new);
        Ok(flow)
    }

    /// Builds the process of one side.
    fn process(&self, names: &process::ProcessAttributes) -> Result<Option<Process>, Wrong> {
        let Some(pid) = self.number(names.pid.text)? else {
            return Ok(None);
        };
        let mut process = Process::new(pid);
        process.executable = self.text(names.executable.text, |text| Some(text.into()))?;
        process.cgroup_id = self.number(names.cgroup.text)?;
        process.container_id = self.text(names.container.text, |text| Some(text.into()))?;
        Ok(Some(process))
    }

    /// Names from payloads.
    fn application(&self) -> Result<Option<Application>, Wrong> {
        let text = |name| self.text(name, |text| Some(Arc::from(text)));
        let tls = Tls {
            server_name: text("tls.client.server_name")?,
            alpn: match self.0.get("tls.alpn") {
                Some(AttributeValue::Texts(texts)) => {
                    texts.iter().map(|text| Arc::from(&**text)).collect()
                }
                _ => Arc::default(),
            },
        };
        let dns = match text("dns.question.name")? {
            Some(question) => {
                let name = "dns.question.type";
                let kind = needed(name, self.text(name, application::type_of)?)?;
                Some(Dns {
                    response_code: self.text("dns.response_code", |text| {
                        let codes = &application::RESPONSE_CODES;
                        let place = codes.iter().position(|code| *code == text)?;
                        u8::try_from(place).ok()
                    })?,
                    latency: self.nanoseconds("dns.latency")?,
                    ..Dns::new(question, kind)
                })
            }
            None => None,
        };
        let found = Application {
            tls: (tls != Tls::default()).then_some(tls),
            dns,
            http_host: text("http.host")?,
            quic_version: self.text("quic.version", |text| text.parse().ok())?,
        };
        Ok((found != Application::default()).then_some(found))
    }

    fn interface(&self) -> Result<Interface, Wrong> {
        let name = "network.interface.name";
        let name = needed(name, self.text(name, |text| Some(text.to_owned()))?)?;
        let index = "network.interface.index";
        let mut interface = Interface::new(needed(index, self.number(index)?)?, name);
        interface.mac = self.text("network.interface.mac", mac)?;
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

    /// Builds the observation points from lists in one order. Counts are present only if every interface has them.
    fn observation_points(&self, start: SystemTime) -> Box<[ObservationPoint]> {
        let Some(AttributeValue::Texts(names)) = self.0.get("flow.interfaces") else {
            return Box::default();
        };
        let lists = POINT_COUNTS.map(|name| self.numbers(name));
        let points = names.iter().enumerate().map(|(place, name)| {
            let mut point = ObservationPoint::new(0, name.as_str());
            let of_place = lists.map(|list| list.get(place).copied());
            if let [
                Some(delay),
                Some(packets),
                Some(octets),
                Some(reverse_packets),
                Some(reverse_octets),
            ] = of_place
            {
                point.counts =
                    start
                        .checked_add(Duration::from_nanos(delay))
                        .map(|start| PointCounts {
                            start,
                            packets,
                            octets,
                            reverse_packets,
                            reverse_octets,
                        });
            }
            point
        });
        points.collect()
    }

    fn several(&self) -> Result<Several, Wrong> {
        let mut several = Several::default();
        if let Some(AttributeValue::Texts(texts)) = self.0.get("flow.several") {
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

    fn tcp_analysis(&self) -> Result<Option<TcpAnalysis>, Wrong> {
        let [forward, reverse] =
            [&tcp_analysis::FORWARD, &tcp_analysis::REVERSE].map(|names| self.segments(names));
        let (Some(forward), Some(reverse)) = (forward?, reverse?) else {
            return Ok(None);
        };
        Ok(Some(TcpAnalysis {
            forward,
            reverse,
            handshake_server: self.nanoseconds("flow.tcp.handshake.server.latency")?,
            handshake_client: self.nanoseconds("flow.tcp.handshake.client.latency")?,
        }))
    }

    fn segments(&self, names: &tcp_analysis::Names) -> Result<Option<TcpSegments>, Wrong> {
        let Some(retransmissions) = self.number(names.retransmissions.text)? else {
            return Ok(None);
        };
        let count = |name: &Name| needed(name.text, self.number(name.text)?);
        Ok(Some(TcpSegments {
            retransmissions,
            retransmitted_octets: count(&names.retransmitted_octets)?,
            out_of_order: count(&names.out_of_order)?,
            duplicate_acks: count(&names.duplicate_acks)?,
            zero_windows: count(&names.zero_windows)?,
            resets: count(&names.resets)?,
            round_trip: self.latency(&names.round_trip)?,
            response: self.latency(&names.response)?,
        }))
    }

    fn latency(&self, names: &tcp_analysis::LatencyNames) -> Result<Option<TcpLatency>, Wrong> {
        let Some(samples) = self.number(names.samples.text)? else {
            return Ok(None);
        };
        let time = |name: &Name| needed(name.text, self.nanoseconds(name.text)?);
        Ok(Some(TcpLatency {
            samples,
            mean: time(&names.mean)?,
            min: time(&names.min)?,
            max: time(&names.max)?,
            jitter: time(&names.jitter)?,
        }))
    }

    fn drops(&self) -> Option<Drops> {
        let [forward, reverse] = [&drops::FORWARD, &drops::REVERSE].map(|names| {
            let Some(AttributeValue::Texts(reasons)) = self.0.get(names.reasons.text) else {
                return Box::default();
            };
            let packets = self.numbers(names.reason_packets.text).iter();
            let both = reasons.iter().zip(packets);
            both.map(|(reason, packets)| Dropped::new(&**reason, *packets))
                .collect()
        });
        let drops = Drops { forward, reverse };
        (drops != Drops::default()).then_some(drops)
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
            source_mac: self.text("tunnel.network.interface.mac", mac)?,
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

    fn endpoint(&self, address: &'static str, port: &'static str) -> Result<Endpoint, Wrong> {
        Ok(Endpoint {
            address: needed(address, self.text(address, |text| text.parse().ok())?)?,
            port: self.number(port)?,
        })
    }

    fn protocol(&self, name: &'static str) -> Result<Option<Protocol>, Wrong> {
        self.text(name, |text| {
            let by_keyword = (0..=u8::MAX)
                .map(Protocol)
                .find(|protocol| protocol.keyword() == Some(text));
            by_keyword.or_else(|| text.parse().ok().map(Protocol))
        })
    }

    fn nanoseconds(&self, name: &'static str) -> Result<Option<Duration>, Wrong> {
        Ok(self.number(name)?.map(Duration::from_nanos))
    }

    fn numbers(&self, name: &'static str) -> &[u64] {
        match self.0.get(name) {
            Some(AttributeValue::Numbers(numbers)) => numbers,
            _ => &[],
        }
    }

    fn number<T: TryFrom<u64>>(&self, name: &'static str) -> Result<Option<T>, Wrong> {
        let Some(AttributeValue::Number(number)) = self.0.get(name) else {
            return Ok(None);
        };
        match T::try_from(*number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(wrong(name, &number.to_string())),
        }
    }

    fn text<T>(
        &self,
        name: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        let Some(AttributeValue::Text(text)) = self.0.get(name) else {
            return Ok(None);
        };
        match read(text) {
            Some(value) => Ok(Some(value)),
            None => Err(wrong(name, text)),
        }
    }
}

fn needed<T>(name: &'static str, value: Option<T>) -> Result<T, Wrong> {
    value.ok_or(Wrong::Missing(name))
}

fn wrong(name: &'static str, value: &str) -> Wrong {
    let value = value.to_owned();
    Wrong::Value { name, value }
}

/// Returns the item for which `name` returns this text.
fn word<T: Copy, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
    text: &str,
) -> Option<T> {
    all.into_iter().find(|one| name(*one) == text)
}

fn id(text: &str) -> Option<FlowId> {
    u128::from_str_radix(text, 16).ok().map(FlowId::from_u128)
}

fn mac(text: &str) -> Option<MacAddress> {
    let mut octets = [0; 6];
    let mut parts = text.split(':');
    for octet in &mut octets {
        *octet = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(MacAddress(octets))
}
