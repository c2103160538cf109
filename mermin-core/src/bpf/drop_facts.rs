//! Facts about the running kernel that counting dropped packets takes: places of fields, and reasons by name.

use std::{io, sync::Arc};

use mermin_bpf::abi::drops::{NOT_DROPPED, OTHER_REASONS, fact, is_namespace};

use super::kernel_types::KernelTypes;

/// The prefix of reasons in the kernel's source, which no other program shows.
const PREFIX: &str = "SKB_DROP_REASON_";
const REASONS: &str = "skb_drop_reason";
/// Arguments of the tracepoint once it has a reason (Linux 5.17), and once it has the receiving socket (6.11).
const WITH_REASON: usize = 3;
const WITH_RECEIVER: usize = 4;

/// Members whose offsets the program needs.
const MEMBERS: [(usize, &str); 15] = [
    (fact::HEAD, "sk_buff.head"),
    (fact::TAIL, "sk_buff.tail"),
    (fact::END, "sk_buff.end"),
    (fact::NETWORK_HEADER, "sk_buff.network_header"),
    (fact::DEVICE, "sk_buff.dev"),
    (fact::SOCKET, "sk_buff.sk"),
    (fact::CAME_BY, "sk_buff.skb_iif"),
    (fact::ROUTE, "sk_buff._skb_refdst"),
    (fact::DEVICE_INDEX, "net_device.ifindex"),
    (fact::DEVICE_NAMESPACE, "net_device.nd_net"),
    (fact::NAMESPACE_INODE, "net.ns.inum"),
    (fact::SOCKET_NAMESPACE, "sock.__sk_common.skc_net"),
    (fact::ROUTE_DEVICE, "dst_entry.dev"),
    (fact::SEGMENTS, "skb_shared_info.gso_segs"),
    (fact::PROTOCOL, "sk_buff.protocol"),
];

/// The constants of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DropFacts(pub(crate) [u32; fact::COUNT]);

/// Names of the kernel's drop reasons.
#[derive(Clone, Debug, Default)]
pub(crate) struct DropReasons {
    /// By number.
    names: Arc<[(u64, Arc<str>)]>,
}

impl DropReasons {
    /// Reads the kernel's enumerators, with their full names.
    ///
    /// # Errors
    /// `Unsupported`, with words, if a dropped packet may have the number 0, or one that this library has for all others.
    fn new<N: AsRef<str>>(enumerators: &[(N, u32)]) -> io::Result<Self> {
        let mut names: Vec<(u64, Arc<str>)> = enumerators
            .iter()
            .filter_map(|(full, number)| {
                let name = full.as_ref().strip_prefix(PREFIX)?;
                Some((u64::from(*number), name.into()))
            })
            .collect();
        names.sort();
        let reasons = Self {
            names: names.into(),
        };
        // Linux 5.17 had it at 0, where later kernels have that a packet was not dropped.
        if reasons.number("NOT_SPECIFIED") == NOT_DROPPED {
            return Err(unsupported(
                "a packet that is dropped without a reason has none of its own before Linux 5.18",
            ));
        }
        if reasons.names[0].0 == u64::from(NOT_DROPPED) {
            return Err(unsupported(format!(
                "`{PREFIX}{}` is 0, which is no drop",
                reasons.names[0].1
            )));
        }
        Ok(reasons)
    }

    /// Returns the number of a reason; 0, which is none, if the kernel has no such reason.
    fn number(&self, name: &str) -> u32 {
        let found = self.names.iter().find(|known| &*known.1 == name);
        found.map_or(NOT_DROPPED, |known| u32::try_from(known.0).unwrap_or(0))
    }

    /// Returns the name of a reason: `NETFILTER_DROP`. One that the kernel's enumeration does not have, of a part of the kernel with
    /// reasons of its own, is written as a number; all that found no count of their own are `OTHER`.
    pub(crate) fn name(&self, reason: u64) -> Arc<str> {
        let found = self.names.binary_search_by_key(&reason, |known| known.0);
        match found {
            Ok(place) => Arc::clone(&self.names[place].1),
            Err(_) if reason == OTHER_REASONS => "OTHER".into(),
            Err(_) => format!("{reason:#x}").into(),
        }
    }
}

/// Reads the running kernel's facts. `watched` is the inode of the watched network namespace.
///
/// # Errors
/// Those of [`KernelTypes::read`]; `Unsupported`, with words, if the kernel's tracepoint has no reason or a field is
/// missing.
pub(crate) fn read(watched: u64) -> io::Result<(DropFacts, DropReasons)> {
    gather(&KernelTypes::read()?, watched)
}

fn gather(types: &KernelTypes, watched: u64) -> io::Result<(DropFacts, DropReasons)> {
    let arguments = types.arguments("kfree_skb").unwrap_or(0);
    let reasons = types.enumerators(REASONS);
    let (Some(reasons), WITH_REASON..) = (reasons, arguments) else {
        return Err(unsupported(
            "the tracepoint `skb:kfree_skb` tells no reason before Linux 5.17",
        ));
    };
    let mut facts = [0; fact::COUNT];
    for (place, member) in MEMBERS {
        let offset = types.offset(member);
        facts[place] =
            offset.ok_or_else(|| unsupported(format!("the kernel has no `{member}`")))?;
    }
    facts[fact::WATCHED] = u32::try_from(watched)
        .ok()
        .filter(|inode| is_namespace(*inode))
        .ok_or_else(|| unsupported(format!("the inode of the network namespace is {watched}")))?;
    facts[fact::TELLS_RECEIVER] = u32::from(arguments >= WITH_RECEIVER);
    let reasons = DropReasons::new(&reasons)?;
    facts[fact::NOT_SPECIFIED] = reasons.number("NOT_SPECIFIED");
    facts[fact::QUEUE_PURGE] = reasons.number("QUEUE_PURGE");
    facts[fact::NO_SOCKET] = reasons.number("NO_SOCKET");
    Ok((DropFacts(facts), reasons))
}

fn unsupported(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reason_of_a_drop_is_zero() {
        let numbers = |first: &[&str]| {
            let list: Vec<_> = first
                .iter()
                .map(|name| (*name).to_owned())
                .zip(0..)
                .collect();
            DropReasons::new(&list).map(|reasons| {
                ["NOT_SPECIFIED", "NO_SOCKET", "QUEUE_PURGE"].map(|name| reasons.number(name))
            })
        };
        let refused = |first: &[&str]| numbers(first).unwrap_err().to_string();
        let [not_yet, consumed] = ["SKB_NOT_DROPPED_YET", "SKB_CONSUMED"];
        let [not_specified, no_socket] =
            ["SKB_DROP_REASON_NOT_SPECIFIED", "SKB_DROP_REASON_NO_SOCKET"];
        // The first enumerators of Linux 5.18 and 6.4, and those of 5.17 (include/linux/skbuff.h).
        let of_5_18 = numbers(&[not_yet, not_specified, no_socket]);
        assert_eq!(of_5_18.unwrap(), [1, 2, 0]);
        let of_6_4 = numbers(&[not_yet, consumed, not_specified, no_socket]);
        assert_eq!(of_6_4.unwrap(), [2, 3, 0]);
        assert!(refused(&[not_specified, no_socket]).ends_with("Linux 5.18"));
        assert!(refused(&[not_yet]).ends_with("Linux 5.18"));
        assert!(refused(&[no_socket, not_specified]).contains("NO_SOCKET` is 0"));
    }

    #[test]
    fn this_kernel_has_what_the_program_needs() {
        let types = match KernelTypes::read() {
            Ok(types) => types,
            Err(error) => {
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                return eprintln!("skipped: {error}");
            }
        };
        let (facts, reasons) = gather(&types, 0xf000_0001).unwrap();
        assert_eq!(facts.0[fact::WATCHED], 0xf000_0001);
        assert_ne!(facts.0[fact::NOT_SPECIFIED], 0);
        // An inode of a file, and none of a namespace.
        assert!(gather(&types, 4711).is_err());
        let no_socket = facts.0[fact::NO_SOCKET].into();
        assert_eq!(&*reasons.name(no_socket), "NO_SOCKET");
        assert_eq!(&*reasons.name(OTHER_REASONS), "OTHER");
        assert_eq!(&*reasons.name(0x3_0001), "0x30001");
        // A value of another kind would be an address.
        assert!(facts.0[fact::HEAD] < 512 && facts.0[fact::HEAD] % 8 == 0);
    }
}
