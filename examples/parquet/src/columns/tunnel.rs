//! Columns of the innermost tunnel.

use std::io::Write as _;

use mermin_core::flow::{Tunnel, TunnelKind};

use super::way::{Way, address, counted, named, small, transport, version, written};

pub(super) fn of_tunnel(name: &str) -> Option<Way> {
    Some(match name {
        "tunnel.type" => named(|flow| Some(flow.tunnel?.kind.as_str())),
        "tunnel.id" => written(|flow, text| {
            let id = flow.tunnel.and_then(|tunnel| tunnel.id);
            id.is_some_and(|id| write!(text, "{id}").is_ok())
        }),
        "tunnel.network.type" => named(|flow| Some(version(&flow.tunnel?.source))),
        "tunnel.network.transport" => transport(|flow| Some(flow.tunnel?.protocol)),
        "tunnel.source.address" => address(|flow| Some(&flow.tunnel.as_ref()?.source)),
        "tunnel.source.port" => small(16, |flow| flow.tunnel?.source.port),
        "tunnel.destination.address" => address(|flow| Some(&flow.tunnel.as_ref()?.destination)),
        "tunnel.destination.port" => small(16, |flow| flow.tunnel?.destination.port),
        "tunnel.network.interface.mac" => written(|flow, text| {
            let mac = flow.tunnel.and_then(|tunnel| tunnel.source_mac);
            mac.is_some_and(|mac| write!(text, "{mac}").is_ok())
        }),
        "tunnel.bytes.delta" => added(|tunnel| tunnel.forward.delta),
        "tunnel.bytes.total" => added(|tunnel| tunnel.forward.total),
        "tunnel.reverse.bytes.delta" => added(|tunnel| tunnel.reverse.delta),
        "tunnel.reverse.bytes.total" => added(|tunnel| tunnel.reverse.total),
        _ => return None,
    })
}

/// Octets that a tunnel added. Nothing tells them of `WireGuard`.
fn added(get: fn(&Tunnel) -> u64) -> Way {
    counted(move |flow| {
        let tunnel = flow.tunnel.as_ref()?;
        (tunnel.kind != TunnelKind::WireGuard).then(|| get(tunnel))
    })
}
