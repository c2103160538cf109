//! Packet parsing, one header per file: the same code runs in the kernel and over `&[u8]`.

pub mod bytes;
pub mod cmd;
pub mod dccp;
pub mod dns;
pub mod encap_level;
pub mod ethernet;
pub mod ethertype;
pub mod extension;
pub mod icmp;
pub mod ip;
pub mod ipsec;
pub mod ipv4;
pub mod ipv6;
pub mod link;
pub mod llc;
pub mod mpls;
pub mod nsh;
pub mod packet;
pub mod pbb;
pub mod plain;
pub mod ppp;
pub mod pppoe;
pub mod protocol;
pub mod pseudowire;
pub mod sctp;
pub mod tcp;
#[cfg(test)]
pub(crate) mod testing;
pub mod transport;
pub mod tunnel;
pub mod udp;
pub mod udp_lite;
pub mod vlan;
pub mod walk_start;
