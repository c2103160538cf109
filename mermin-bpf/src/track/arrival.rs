//! A frame as it arrives, down to its innermost packet. The kernel program does the same one level per run.

use crate::{
    abi::{
        fragment::FragmentKey,
        ledger::Reason,
        tunnel::{Ends, Outer, fact, kind},
    },
    track::fragment,
    wire::{
        bytes::Bytes,
        ip::Ip,
        layer::Layer,
        level::Level,
        packet::{Frame, Packet},
        transport::Transport,
        tunnel::{self, Ports, ports},
    },
};

/// Whose flow counts a packet that was sent through a tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// The innermost packet's.
    #[default]
    Inner,
    /// The outermost packet's.
    Outer,
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The innermost packet, or a part of one.
    pub part: Part,
    /// The outermost tunnel, as the packet's sender stands to it.
    pub outer: Option<Outer>,
    /// Packets around it of which this is the first fragment, outermost first.
    pub carriers: [Option<FragmentKey>; tunnel::DEPTH as usize],
}

/// A packet, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A packet.
    Whole(Packet),
    /// Its first fragment.
    First(Packet, FragmentKey),
    /// Another fragment, whose flow the first one has named.
    Later(Ip, FragmentKey),
}

/// Walks to the innermost packet of what begins with `layer`.
///
/// # Errors
/// The reason under which the frame is counted instead.
#[inline]
pub fn arrive<B: Bytes>(
    bytes: B,
    frame: &Frame,
    layer: &Layer,
    counted: Counted,
    ports: &Ports,
    ifindex: u32,
) -> Result<Arrival, Reason> {
    let mut level = Level::outermost(bytes, frame, layer)?;
    let mut outer = None;
    let mut carriers = [None; tunnel::DEPTH as usize];
    loop {
        let ip = level.ip(bytes, frame)?;
        let key = || fragment::key(&ip, &level, ifindex);
        if ip.later_fragment {
            let part = Part::Later(ip, key());
            return Ok(Arrival {
                part,
                outer,
                carriers,
            });
        }
        if counted == Counted::Inner
            && let Some((inner, opened)) = tunnel::descend(bytes, frame, &level, &ip, ports)?
        {
            if level.depth == 0 {
                let mac = level.reached.mac(bytes);
                outer = Some(tunnel::outer(&level, &ip, &opened, mac));
            }
            if let Some(place) = carriers.get_mut(usize::from(level.depth)) {
                *place = ip.fragment.then(key);
            }
            level = inner;
            continue;
        }
        let transport = level.transport(bytes, frame, &ip)?;
        let packet = Packet::new(&level, &ip, &transport);
        let part = if ip.fragment {
            Part::First(packet, key())
        } else {
            Part::Whole(packet)
        };
        if counted == Counted::Inner && outer.is_none() {
            outer = session(bytes, &level, &ip, &transport, ports.wireguard);
        }
        return Ok(Arrival {
            part,
            outer,
            carriers,
        });
    }
}

/// What a `WireGuard` message shows of its session. The addresses and ports are the flow's own.
#[inline(always)]
pub fn session<B: Bytes>(
    bytes: B,
    level: &Level,
    ip: &Ip,
    transport: &Transport,
    ports: ports::Set,
) -> Option<Outer> {
    if !tunnel::may_be_session(transport.kind, transport.ports, ports) {
        return None;
    }
    let header = crate::wire::udp::LENGTH;
    let available = ip.payload_length().saturating_sub(header as u32);
    let found = tunnel::wireguard::parse(bytes, ip.payload + header, available)?;
    let mut facts = kind::WIREGUARD;
    let mut ends = Ends {
        addresses: ip.addresses.words(),
        ..Ends::default()
    };
    if let Some(index) = found.receiver {
        facts |= fact::HAS_ID;
        ends.id = index;
    }
    if let Some(index) = found.sender {
        facts |= fact::HAS_SENDER;
        ends.ports = crate::track::key::spi_ports(index);
    }
    Some(Outer {
        ends,
        mac: level.reached.mac(bytes),
        facts,
        link_length: 0,
    })
}
