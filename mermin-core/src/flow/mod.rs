//! Records of flows: plain data.
//!
//! A [`Flow`] is one record of one flow. A flow is a conversation at one interface; IPFIX (RFC 7011) calls it a
//! bidirectional flow (RFC 5103). The record's `forward` half goes from `source` to `destination`. [`Flow::attributes`]
//! lists all values by name.

mod added;
mod address;
pub(crate) mod application;
pub mod attributes;
mod community_id;
mod count;
mod direction;
mod display;
mod drops;
mod end_reason;
#[cfg(test)]
pub(crate) mod example;
mod icmp;
mod id;
mod interface;
mod ip;
mod ipsec;
mod names;
mod nat;
mod observation_point;
mod process;
mod protocol;
mod record;
mod several;
mod tcp;
mod tcp_analysis;
mod tcp_sockets;
pub(crate) mod time;
mod tunnel;
mod vlan;

pub(crate) use self::direction::FIRST_USER_PORT;
pub use self::{
    added::{AddedAttribute, AddedValue},
    address::{Endpoint, MacAddress},
    application::{Application, Dns, QuicVersion, Tls},
    attributes::{Attribute, Attributes, Value},
    count::{Count, Uniflow},
    direction::{Direction, DirectionRule},
    drops::{Dropped, Drops},
    end_reason::EndReason,
    icmp::IcmpMessage,
    id::FlowId,
    interface::Interface,
    ip::IpHeader,
    ipsec::Ipsec,
    nat::{Nat, NatSeen},
    observation_point::{ObservationPoint, PointCounts},
    process::Process,
    protocol::Protocol,
    record::Flow,
    several::Several,
    tcp::{Tcp, TcpFlags, TcpState},
    tcp_analysis::{TcpAnalysis, TcpLatency, TcpSegments},
    tcp_sockets::{TcpSocket, TcpSockets},
    tunnel::{Tunnel, TunnelKind},
    vlan::VlanIds,
};
