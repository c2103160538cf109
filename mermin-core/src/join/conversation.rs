//! The fields that all flows of one conversation share.

use mermin_bpf::abi::key::{CARRIED, KeyWords};

use crate::table::snapshot::FlowSnapshot;

/// A flow's key without interface, VLANs and tunnels, and with its IP version. Both directions have the same key,
/// because endpoints are in canonical order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Conversation {
    words: KeyWords,
    ipv6: bool,
}

/// The bits of a key's first word that hold the interface index.
const INTERFACE: u64 = u32::MAX as u64;

impl Conversation {
    /// Returns the conversation of a flow.
    pub(crate) fn of(flow: &FlowSnapshot) -> Self {
        let mut words = flow.key;
        for (word, carried) in words.iter_mut().zip(CARRIED) {
            *word &= !carried;
        }
        words[0] &= !INTERFACE;
        Self {
            words,
            ipv6: flow.ipv6,
        }
    }
}

#[cfg(test)]
mod tests {
    use mermin_bpf::abi::key::{KeyTail, KeyV4};

    use super::*;

    fn flow(ifindex: u32, vlan: u16, encapsulation: u32, protocol: u8, port: u16) -> FlowSnapshot {
        let key = KeyV4 {
            tail: KeyTail {
                ifindex,
                protocol_vlan: KeyTail::pack(protocol, vlan, 0),
                encapsulation,
                ports: [80, port],
            },
            addresses: [1, 2],
        };
        FlowSnapshot {
            key: key.words(),
            ..FlowSnapshot::default()
        }
    }

    #[test]
    fn interface_vlans_and_tunnels_alone_are_left_out() {
        let of = |flow: FlowSnapshot| Conversation::of(&flow);
        let one = of(flow(7, 0, 0, 6, 1000));
        assert_eq!(one, of(flow(8, 100, 0xffff_ffff, 6, 1000)));
        assert_ne!(one, of(flow(7, 0, 0, 17, 1000)));
        assert_ne!(one, of(flow(7, 0, 0, 6, 1001)));
        let mut other = flow(7, 0, 0, 6, 1000);
        other.ipv6 = true;
        assert_ne!(one, of(other));
    }
}
