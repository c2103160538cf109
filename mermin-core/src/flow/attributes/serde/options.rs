//! Builds the parts of a record that options of a source add.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    super::{drops, name::Name, nat, process, tcp_analysis, tcp_sockets},
    values::{Values, Wrong, needed, word},
};
use crate::flow::{
    Application, Dns, Dropped, Drops, Endpoint, Nat, NatSeen, ObservationPoint, PointCounts,
    Process, TcpAnalysis, TcpLatency, TcpSegments, TcpSocket, TcpSockets, Tls, application,
};

/// Names of the counts of each entry of `flow.interfaces`.
const POINT_COUNTS: [&str; 5] = [
    "flow.interfaces.delay",
    "flow.interfaces.packets",
    "flow.interfaces.bytes",
    "flow.interfaces.reverse.packets",
    "flow.interfaces.reverse.bytes",
];

impl Values {
    /// Builds the process of one side.
    pub(super) fn process(
        &self,
        names: &process::ProcessAttributes,
    ) -> Result<Option<Process>, Wrong> {
        let Some(pid) = self.number(names.pid.text)? else {
            return Ok(None);
        };
        let mut process = Process::new(pid);
        process.executable = self.text(names.executable.text, |text| Some(text.into()))?;
        process.cgroup_id = self.number(names.cgroup.text)?;
        process.container_id = self.text(names.container.text, |text| Some(text.into()))?;
        Ok(Some(process))
    }

    pub(super) fn nat(&self) -> Result<Option<Nat>, Wrong> {
        let seen = self.text(nat::SEEN.text, |text| {
            word(NatSeen::ALL, NatSeen::as_str, text)
        })?;
        let Some(seen) = seen else {
            return Ok(None);
        };
        Ok(Some(Nat {
            source: self.translated(&nat::SOURCE)?,
            destination: self.translated(&nat::DESTINATION)?,
            seen,
        }))
    }

    fn translated(&self, names: &nat::NatNames) -> Result<Option<Endpoint>, Wrong> {
        let address = self.text(names.address.text, |text| text.parse().ok())?;
        let port = self.number(names.port.text)?;
        Ok(address.map(|address| Endpoint { address, port }))
    }

    /// Names from payloads.
    pub(super) fn application(&self) -> Result<Option<Application>, Wrong> {
        let text = |name| self.text(name, |text| Some(Arc::from(text)));
        let tls = Tls {
            server_name: text("tls.client.server_name")?,
            alpn: match self.texts("tls.alpn") {
                Some(texts) => texts.iter().map(|text| Arc::from(&**text)).collect(),
                None => Arc::default(),
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

    /// Builds the observation points from lists in one order. Counts are present only if every interface has them.
    pub(super) fn observation_points(&self, start: SystemTime) -> Box<[ObservationPoint]> {
        let Some(names) = self.texts("flow.interfaces") else {
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

    pub(super) fn tcp_analysis(&self) -> Result<Option<TcpAnalysis>, Wrong> {
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

    fn segments(&self, names: &tcp_analysis::DirectionNames) -> Result<Option<TcpSegments>, Wrong> {
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

    pub(super) fn tcp_sockets(&self) -> Result<Option<TcpSockets>, Wrong> {
        let sockets = TcpSockets {
            source: self.tcp_socket(&tcp_sockets::SOURCE)?,
            destination: self.tcp_socket(&tcp_sockets::DESTINATION)?,
        };
        Ok((sockets != TcpSockets::default()).then_some(sockets))
    }

    fn tcp_socket(&self, names: &tcp_sockets::SocketNames) -> Result<Option<TcpSocket>, Wrong> {
        let Some(retransmissions) = self.number(names.retransmissions.text)? else {
            return Ok(None);
        };
        let count = |name: &Name| needed(name.text, self.number(name.text)?);
        Ok(Some(TcpSocket {
            smoothed_round_trip: self.nanoseconds(names.smoothed_round_trip.text)?,
            retransmissions,
            delivered: count(&names.delivered)?,
            congestion_window: count(&names.congestion_window)?,
        }))
    }

    pub(super) fn drops(&self) -> Option<Drops> {
        let [forward, reverse] = [&drops::FORWARD, &drops::REVERSE].map(|names| {
            let Some(reasons) = self.texts(names.reasons.text) else {
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
}
