//! A frame as it arrives, down to its innermost packet. The kernel program does the same one level per run.

use crate::{
    abi::{
        fragment::FragmentKey,
        ledger::Reason,
        tunnel::{OuterHeader, TunnelEndpoints, flag, kind},
    },
    track::{
        answer::Sent,
        fragment, initial,
        tcp_analysis::{self, NOT_ANALYSED, Segment},
    },
    wire::{
        bytes::Bytes,
        encap_level::EncapLevel,
        ip::Ip,
        packet::{Frame, Packet},
        pseudo_ports,
        transport::Transport,
        tunnel::{self, Keyed, Ports, ports},
        walk_start::WalkStart,
    },
};

/// Whose flow counts a packet that was sent through a tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decapsulation {
    /// The flow of the innermost packet.
    #[default]
    Innermost,
    /// The flow of the outermost packet.
    None,
}

/// Options of the parser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParseOptions {
    /// The flow that counts a packet in a tunnel.
    pub counted: Decapsulation,
    /// Facts that distinguish flows.
    pub keyed: Keyed,
    /// Where tunnels are looked for.
    pub ports: Ports,
}

/// Content of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedFrame {
    /// The innermost packet, or a part of one.
    pub part: Fragmentation,
    /// The outermost tunnel, from the point of view of the packet's sender.
    pub outer: Option<OuterHeader>,
    /// For each outer packet, outermost first: its fragment key, if the frame holds the first fragment of that packet.
    pub outer_fragments: [Option<FragmentKey>; tunnel::DEPTH as usize],
    /// The packet answers another one.
    pub is_answer: bool,
    /// As [`initial::number`].
    pub number: Option<u32>,
    /// The TCP segment, of a whole packet.
    pub segment: Option<Segment>,
}

/// A packet, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragmentation {
    /// A whole packet.
    None(Packet),
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
pub fn parse_frame<B: Bytes>(
    bytes: B,
    frame: &Frame,
    layer: &WalkStart,
    options: &ParseOptions,
    ifindex: u32,
) -> Result<ParsedFrame, Reason> {
    let ParseOptions {
        counted,
        keyed,
        ports,
    } = options;
    let mut level = EncapLevel::outermost(bytes, frame, layer)?;
    let mut outer = None;
    let mut outer_fragments = [None; tunnel::DEPTH as usize];
    loop {
        let ip = level.ip(bytes, frame)?;
        let key = || fragment::key(&ip, &level, ifindex);
        if ip.later_fragment {
            let part = Fragmentation::Later(ip, key());
            return Ok(ParsedFrame {
                part,
                outer,
                outer_fragments,
                is_answer: false,
                number: None,
                segment: None,
            });
        }
        if *counted == Decapsulation::Innermost
            && let Some((inner, opened)) =
                tunnel::descend(bytes, frame, &level, &ip, ports, *keyed)?
        {
            if level.depth == 0 {
                let mac = level.reached.mac(bytes);
                outer = Some(tunnel::outer(&level, &ip, &opened, mac));
            }
            if let Some(place) = outer_fragments.get_mut(usize::from(level.depth)) {
                *place = ip.fragment.then(key);
            }
            level = inner;
            continue;
        }
        let transport = level.transport(bytes, frame, &ip)?;
        let mut packet = Packet::new(&level, &ip, &transport);
        if *keyed == Keyed::Endpoints {
            packet.encapsulation = level.digest;
        }
        let sent = Sent::new(&packet);
        let is_answer = sent.is_answer(bytes);
        let number = initial::number(bytes, &sent);
        let payload = tcp_analysis::payload(&packet);
        let segment = if ip.fragment || payload == NOT_ANALYSED {
            None
        } else {
            let at = packet.transport_at as usize;
            Segment::read(bytes, at, packet.tcp_flags, payload)
        };
        let part = if ip.fragment {
            Fragmentation::First(packet, key())
        } else {
            Fragmentation::None(packet)
        };
        if *counted == Decapsulation::Innermost && outer.is_none() {
            outer = session(bytes, &level, &ip, &transport, ports.wireguard);
        }
        return Ok(ParsedFrame {
            part,
            outer,
            outer_fragments,
            is_answer,
            number,
            segment,
        });
    }
}

/// Returns the session's indices in a `WireGuard` message: the receiver's as `id`, the sender's in `ports`. The addresses
/// are those of the packet itself.
#[inline(always)]
pub fn session<B: Bytes>(
    bytes: B,
    level: &EncapLevel,
    ip: &Ip,
    transport: &Transport,
    ports: ports::Set,
) -> Option<OuterHeader> {
    if !tunnel::may_be_session(transport.kind, transport.ports, ports) {
        return None;
    }
    let header = crate::wire::udp::LENGTH;
    let available = ip.payload_length().saturating_sub(header as u32);
    let found = tunnel::wireguard::parse(bytes, ip.payload + header, available)?;
    let mut flags = kind::WIREGUARD;
    let mut ends = TunnelEndpoints {
        addresses: ip.addresses.words(),
        ..TunnelEndpoints::default()
    };
    if let Some(index) = found.receiver {
        flags |= flag::HAS_ID;
        ends.id = index;
    }
    if let Some(index) = found.sender {
        flags |= flag::HAS_SENDER;
        ends.ports = pseudo_ports::spi_ports(index);
    }
    Some(OuterHeader {
        ends,
        mac: level.reached.mac(bytes),
        flags,
        link_length: 0,
    })
}
