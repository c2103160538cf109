//! Packet parsing, one header per file: the same code runs in the kernel and over `&[u8]`.

pub mod bytes;
pub mod ethernet;
pub mod ethertype;
pub mod extension;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod packet;
pub mod plain;
pub mod protocol;
pub mod tcp;
#[cfg(test)]
pub(crate) mod testing;
pub mod udp;
pub mod vlan;
