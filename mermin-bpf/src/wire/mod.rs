//! Packet parsing, one header per file: the same code runs in the kernel and over `&[u8]`.
//!
//! # Headers and keys
//!
//! * MPLS labels, `PPPoE` sessions and network service headers are link headers and not part of the key. The two
//!   directions have different MPLS labels, and may have different service paths.
//! * The service id (I-SID) of a provider backbone is the same in both directions, and is in the key beside the VLANs:
//!   nothing else distinguishes its customers. Records show neither the I-SID nor the backbone's addresses, because
//!   other hooks see the same packet with the customer's addresses.
//! * A frame in a pseudowire is distinguished from IP by its content (`wire/pseudowire.rs`). Its labels are not in the
//!   key either, so customers of two pseudowires with the same addresses and VLANs on one interface share a flow.
//! * AH is a protocol of its own; the parser does not look behind it. An AH or ESP security parameters index (SPI)
//!   identifies one direction, so each direction is a flow of its own.

pub mod addresses;
pub mod bytes;
pub mod cmd;
pub mod dccp;
pub mod dns;
pub mod encap_level;
pub mod ethernet;
pub mod ethertype;
pub mod extension;
pub mod frame;
pub mod icmp;
pub mod ip;
pub mod ipsec;
pub mod ipv4;
pub mod ipv6;
pub mod l3_start;
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
pub mod pseudo_ports;
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
