//! Columns of the innermost tunnel.

use mermin_core::flow::{Tunnel, TunnelKind};

use super::way::{Way, address, counted, displayed, mac, named, small, transport, version};

pub(super) fn of_tunnel(name: &str) -> Option<Way> {
    Some(match name {
        "tunnel.type" => named(|flow| Some(flow.tunnel?.kind.as_str())),
        "tunnel.id" => {
            let show = |id: u64, text: &mut Vec<u8>| text.extend(id.to_string().bytes());
            displayed(show, |flow| Some(flow.tunnel?.id?.into()))
        }
        "tunnel.network.type" => named(|flow| Some(version(&flow.tunnel?.source))),
        "tunnel.network.transport" => transport(|flow| Some(flow.tunnel?.protocol)),
        "tunnel.source.address" => address(|flow| Some(&flow.tunnel.as_ref()?.source)),
        "tunnel.source.port" => small(16, |flow| flow.tunnel?.source.port),
        "tunnel.destination.address" => address(|flow| Some(&flow.tunnel.as_ref()?.destination)),
        "tunnel.destination.port" => small(16, |flow| flow.tunnel?.destination.port),
        "tunnel.network.interface.mac" => mac(|flow| flow.tunnel?.sender_mac),
        "tunnel.bytes.delta" => added(|tunnel| tunnel.forward.delta),
        "tunnel.bytes.total" => added(|tunnel| tunnel.forward.total),
        "tunnel.reverse.bytes.delta" => added(|tunnel| tunnel.reverse.delta),
        "tunnel.reverse.bytes.total" => added(|tunnel| tunnel.reverse.total),
        _ => return None,
    })
}

/// Octets that a tunnel added; unknown for `WireGuard`.
fn added(get: fn(&Tunnel) -> u64) -> Way {
    counted(move |flow| {
        let tunnel = flow.tunnel.as_ref()?;
        (tunnel.kind != TunnelKind::WireGuard).then(|| get(tunnel))
    })
}
