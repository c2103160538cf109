//! Every kind of tunnel, crafted.

use std::net::SocketAddr;

use mermin_core::{Flow, flow::TunnelKind};

use super::tunnel;
use crate::support::{frame, watch::Outcome};

/// Puts a tunnel's header in front of an inner frame, whose packet begins behind 14 octets.
pub(super) type Wrap = fn(&[u8]) -> Vec<u8>;

pub(super) struct Wrapping {
    kind: TunnelKind,
    id: Option<u32>,
    pub(super) carrier: Carrier,
    /// Octets between outer IP header and inner one.
    pub(super) between: u64,
    pub(super) wrap: Wrap,
}

/// Carrier of the tunnel's header.
#[derive(Clone, Copy)]
pub(super) enum Carrier {
    /// To this port.
    Udp(u16),
    /// IP with the number of GRE.
    Gre,
    /// IP with the number of `EtherIP`.
    EtherIp,
    /// IP with the number of the packet inside.
    Ip,
}

impl Carrier {
    pub(super) fn protocol(self, carries_ipv4: bool) -> u8 {
        match self {
            Self::Udp(_) => frame::UDP,
            Self::Gre => 47,
            Self::EtherIp => 97,
            Self::Ip if carries_ipv4 => 4,
            Self::Ip => 41,
        }
    }

    pub(super) fn port(self) -> Option<u16> {
        match self {
            Self::Udp(port) => Some(port),
            Self::Gre | Self::EtherIp | Self::Ip => None,
        }
    }
}

/// Those behind UDP.
pub(super) fn by_port() -> [Wrapping; 7] {
    [
        Wrapping::new(
            TunnelKind::Vxlan,
            Some(42),
            Carrier::Udp(4789),
            30,
            |inner| [&[8, 0, 0, 0, 0, 0, 42, 0][..], inner].concat(),
        ),
        Wrapping::new(
            TunnelKind::Geneve,
            Some(43),
            Carrier::Udp(6081),
            38,
            |inner| {
                let header = [2, 0, 0x65, 0x58, 0, 0, 43, 0, 0, 1, 0, 1, 0, 0, 0, 0];
                [&header[..], inner].concat()
            },
        ),
        Wrapping::new(
            TunnelKind::Gtpu,
            Some(45),
            Carrier::Udp(2152),
            16,
            |inner| {
                let length = u16::try_from(inner.len() - 14).unwrap().to_be_bytes();
                [&[0x30, 255][..], &length, &[0, 0, 0, 45], &inner[14..]].concat()
            },
        ),
        Wrapping::new(
            TunnelKind::VxlanGpe,
            Some(50),
            Carrier::Udp(4790),
            16,
            |inner| {
                let next = next_protocol(inner);
                [&[12, 0, 0, next, 0, 0, 50, 0][..], &inner[14..]].concat()
            },
        ),
        Wrapping::new(
            TunnelKind::VxlanGpe,
            Some(51),
            Carrier::Udp(4790),
            30,
            |inner| [&[12, 0, 0, 3, 0, 0, 51, 0][..], inner].concat(),
        ),
        // A network service header with a fixed context, around a frame.
        Wrapping::new(
            TunnelKind::VxlanGpe,
            Some(52),
            Carrier::Udp(4790),
            54,
            |inner| {
                let header = [12, 0, 0, 4, 0, 0, 52, 0];
                let services = [0x0f, 0xc6, 1, 3, 0, 0, 33, 255];
                [&header[..], &services, &[7; 16], inner].concat()
            },
        ),
        // Version 2, without a length.
        Wrapping::new(
            TunnelKind::L2tp,
            Some(0x0009_0036),
            Carrier::Udp(1701),
            18,
            |inner| {
                let protocol = if next_protocol(inner) == 2 {
                    0x57
                } else {
                    0x21
                };
                let header = [0, 2, 0, 9, 0, 54, 0xff, 3, 0, protocol];
                [&header[..], &inner[14..]].concat()
            },
        ),
    ]
}

/// Those behind IP.
pub(super) fn by_protocol() -> [Wrapping; 10] {
    [
        Wrapping::new(TunnelKind::Gre, Some(44), Carrier::Gre, 22, |inner| {
            [&[0x20, 0, 0x65, 0x58, 0, 0, 0, 44][..], inner].concat()
        }),
        Wrapping::new(TunnelKind::Gre, None, Carrier::Gre, 4, |inner| {
            [&[0, 0][..], &inner[12..]].concat()
        }),
        Wrapping::new(TunnelKind::Ipip, None, Carrier::Ip, 0, |inner| {
            inner[14..].to_vec()
        }),
        Wrapping::new(TunnelKind::Erspan, None, Carrier::Gre, 18, |inner| {
            [&[0, 0, 0x88, 0xbe][..], inner].concat()
        }),
        Wrapping::new(TunnelKind::Erspan, Some(46), Carrier::Gre, 30, |inner| {
            let gre = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1];
            [&gre[..], &[0x10, 100, 0, 46, 0, 0, 0, 3], inner].concat()
        }),
        // With the part for one platform.
        Wrapping::new(TunnelKind::Erspan, Some(47), Carrier::Gre, 42, |inner| {
            let gre = [0x10, 0, 0x22, 0xeb, 0, 0, 0, 1];
            let header = [0x20, 100, 0, 47, 0, 0, 0, 1, 0, 0, 0, 1];
            [&gre[..], &header, &[7; 8], inner].concat()
        }),
        // PPP's address, control and first octet of the protocol are left out.
        Wrapping::new(TunnelKind::Pptp, Some(48), Carrier::Gre, 17, |inner| {
            let protocol = if inner[14] >> 4 == 4 { 0x21 } else { 0x57 };
            let length = u16::try_from(inner.len() - 13).unwrap().to_be_bytes();
            let rest = [0, 48, 0, 0, 0, 1, 0, 0, 0, 2, protocol];
            [&[0x30, 0x81, 0x88, 0x0b][..], &length, &rest, &inner[14..]].concat()
        }),
        Wrapping::new(TunnelKind::EtherIp, None, Carrier::EtherIp, 16, |inner| {
            [&[0x30, 0][..], inner].concat()
        }),
        // Its id is little-endian.
        Wrapping::new(TunnelKind::Eoip, Some(49), Carrier::Gre, 22, |inner| {
            let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
            [&[0x20, 1, 0x64, 0][..], &length, &[49, 0], inner].concat()
        }),
        // One without, around a packet.
        Wrapping::new(TunnelKind::Gre, Some(53), Carrier::Gre, 16, |inner| {
            let next = next_protocol(inner);
            let header = [0x20, 0, 0x89, 0x4f, 0, 0, 0, 53];
            let services = [0x0f, 0xc2, 2, next, 0, 0, 33, 255];
            [&header[..], &services, &inner[14..]].concat()
        }),
    ]
}

/// All of them.
pub(super) fn kinds() -> impl Iterator<Item = Wrapping> {
    by_port().into_iter().chain(by_protocol())
}

/// The next protocol of VXLAN-GPE and of a network service header, for the packet of a frame.
fn next_protocol(frame: &[u8]) -> u8 {
    match frame.get(14) {
        Some(first) if first >> 4 == 6 => 2,
        _ => 1,
    }
}

impl Wrapping {
    fn new(kind: TunnelKind, id: Option<u32>, carrier: Carrier, between: u64, wrap: Wrap) -> Self {
        Self {
            kind,
            id,
            carrier,
            between,
            wrap,
        }
    }

    pub(super) fn frame(&self, from: SocketAddr, to: SocketAddr, inner: &[u8]) -> Vec<u8> {
        frame::tagged(&[], &self.packet(from, to, inner))
    }

    pub(super) fn packet(&self, from: SocketAddr, mut to: SocketAddr, inner: &[u8]) -> Vec<u8> {
        let content = (self.wrap)(inner);
        match self.carrier {
            Carrier::Udp(port) => {
                to.set_port(port);
                frame::udp(from, to, &content)
            }
            Carrier::Gre | Carrier::EtherIp | Carrier::Ip => {
                let protocol = self.carrier.protocol(inner[14] >> 4 == 4);
                frame::ip(from.ip(), to.ip(), protocol, &content)
            }
        }
    }

    /// The flow in this tunnel that `low` started, where `near` carried it.
    pub(super) fn only<'a>(
        &self,
        outcome: &'a Outcome,
        near: SocketAddr,
        low: SocketAddr,
    ) -> &'a Flow {
        outcome.only(|flow| {
            let found = tunnel(flow);
            (found.kind, found.id) == (self.kind, self.id)
                && found.source.address == near.ip()
                && flow.source.to_string() == low.to_string()
        })
    }
}
