//! Facts about the running kernel that counting dropped packets takes: places of fields, and reasons by name.

use std::{io, sync::Arc};

use mermin_bpf::abi::drops::{OTHER_REASONS, fact};

use super::kernel_types::KernelTypes;

/// The prefix of reasons in the kernel's source, which no other program shows.
const PREFIX: &str = "SKB_DROP_REASON_";
const REASONS: &str = "skb_drop_reason";
/// Arguments of the tracepoint once it tells a reason (Linux 5.17), and once it tells the receiving socket (6.11).
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
/// Those of [`KernelTypes::read`]; `Unsupported`, with words, if the kernel's tracepoint tells no reason or a field is missing.
pub(crate) fn read(watched: u64) -> io::Result<(DropFacts, DropReasons)> {
    gather(&KernelTypes::read()?, watched)
}

fn gather(types: &KernelTypes, watched: u64) -> io::Result<(DropFacts, DropReasons)> {
    let missing = |what: String| io::Error::new(io::ErrorKind::Unsupported, what);
    let arguments = types.arguments("kfree_skb").unwrap_or(0);
    let reasons = types.enumerators(REASONS);
    let (Some(reasons), WITH_REASON..) = (reasons, arguments) else {
        let words = "the tracepoint `skb:kfree_skb` tells no reason before Linux 5.17";
        return Err(missing(words.to_owned()));
    };
    let mut facts = [0; fact::COUNT];
    for (place, member) in MEMBERS {
        let offset = types.offset(member);
        facts[place] = offset.ok_or_else(|| missing(format!("the kernel has no `{member}`")))?;
    }
    let number = |name: &str| {
        let found = reasons
            .iter()
            .find(|(full, _)| full.strip_prefix(PREFIX) == Some(name));
        found.map_or(0, |reason| reason.1)
    };
    facts[fact::WATCHED] = u32::try_from(watched).map_err(io::Error::other)?;
    facts[fact::TELLS_RECEIVER] = u32::from(arguments >= WITH_RECEIVER);
    facts[fact::NOT_SPECIFIED] = number("NOT_SPECIFIED");
    facts[fact::QUEUE_PURGE] = number("QUEUE_PURGE");
    facts[fact::NO_SOCKET] = number("NO_SOCKET");
    let mut names: Vec<(u64, Arc<str>)> = reasons
        .iter()
        .filter_map(|(full, number)| Some((u64::from(*number), full.strip_prefix(PREFIX)?.into())))
        .collect();
    names.sort();
    let names = names.into();
    Ok((DropFacts(facts), DropReasons { names }))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let no_socket = facts.0[fact::NO_SOCKET].into();
        assert_eq!(&*reasons.name(no_socket), "NO_SOCKET");
        assert_eq!(&*reasons.name(OTHER_REASONS), "OTHER");
        assert_eq!(&*reasons.name(0x3_0001), "0x30001");
        // A value of another kind would be an address.
        assert!(facts.0[fact::HEAD] < 512 && facts.0[fact::HEAD] % 8 == 0);
    }
}
