//! Types of `mermin-core` that parse and validate themselves.

use std::{path::PathBuf, str::FromStr};

use mermin_core::{
    Error, NetNs, Pattern,
    filter::{
        AddressPattern, ConnectionState, Dscp, Ecn, FlowLabel, IcmpCode, IcmpType, InterfaceIndex,
        IpVersion, Name, NumberRange, Port, Ttl,
    },
    flow::{MacAddress, Protocol, TcpFlags},
};

use super::{path::AbsolutePath, text::text};
use crate::{
    node::{Kind, Node},
    schema::{ConfigValue, HclValue, Reader, Shape},
};

/// Reads a value with the type's own parser and error texts.
fn parsed<T: FromStr<Err = Error>>(
    node: &Node,
    reader: &mut Reader,
    shape: &Shape,
    numeric: bool,
) -> Option<T> {
    // Ports and indexes need no quotes.
    let number;
    let text = match &node.kind {
        Kind::Number(value) if numeric => {
            number = value.to_string();
            number.as_str()
        }
        _ => text(node, reader, shape)?,
    };
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            let hint = error.remedy().map(Into::into);
            reader.rejected(node, &error.to_string(), hint, shape)
        }
    }
}

fn is_glob(node: &Node) -> bool {
    matches!(&node.kind, Kind::Text(text) if text.contains(['*', '?', '[', '{']))
}

/// Returns the values whose names match a glob.
fn fitting<T: FromStr<Err = Error>>(
    node: &Node,
    reader: &mut Reader,
    shape: &Shape,
    names: &[&str],
) -> Option<Vec<T>> {
    let text = text(node, reader, shape)?;
    let pattern = match text.to_ascii_lowercase().parse::<Pattern>() {
        Ok(pattern) => pattern,
        Err(error) => {
            // The fault follows the value.
            let said = error.to_string();
            let fault = said.rsplit_once(": ").map_or(&*said, |(_, fault)| fault);
            return reader.invalid_quoting(node, text, fault, "it is no glob", shape);
        }
    };
    let fits = |name: &&&str| pattern.matches(&name.to_ascii_lowercase());
    let values: Vec<T> = names
        .iter()
        .filter(fits)
        .filter_map(|name| name.parse().ok())
        .collect();
    if values.is_empty() {
        return reader.invalid(node, text, "no name fits it", shape);
    }
    Some(values)
}

/// Returns names of protocols: IANA's keywords and common aliases.
fn protocols() -> Vec<&'static str> {
    let keywords = (0..=u8::MAX).filter_map(|number| Protocol(number).keyword());
    keywords.chain(["icmpv6", "icmp6"]).collect()
}

macro_rules! parsed {
    ($($type:ty, $name:literal, $numeric:literal, $valid:literal, [$($sample:literal),+] $(, globs over $names:expr)?;)*) => {$(
        impl ConfigValue for $type {
            fn shape() -> Shape {
                Shape::leaf($name, $valid)
            }

            fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
                parsed(node, reader, &Self::shape(), $numeric)
            }

            $(
                fn read_items(node: &Node, reader: &mut Reader) -> Option<Vec<Self>> {
                    if !is_glob(node) {
                        return Some(vec![Self::read(node, reader)?]);
                    }
                    fitting(node, reader, &Self::shape(), &$names)
                }
            )?

            fn write(&self) -> HclValue {
                HclValue::text(self)
            }

            #[cfg(test)]
            fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
                entropy.one(&[$($sample),+]).parse().unwrap()
            }
        }
    )*};
}

parsed! {
    Pattern, "interface", false, "a name, a glob such as `veth*` or `{eth,ens}*`, or a regular expression between slashes, which fits whole names", ["eth0", "veth*", "[!l]?"];
    AddressPattern, "address", false, "an IP address, a network such as `10.0.0.0/8`, or a glob such as `10.1.*`", ["10.0.0.1", "10.1.0.0/9", "2001:db8::/32", "fe80::*"];
    NumberRange<Port>, "port", true, "0 to 65535, or a range such as `8000-8999`", ["0", "443", "8000-65535"];
    NumberRange<InterfaceIndex>, "index", true, "a kernel index, or a range such as `1-27`", ["1", "2-27"];
    NumberRange<Ttl>, "TTL", true, "0 to 255, or a range such as `64-128`", ["64", "1-255"];
    NumberRange<FlowLabel>, "label", true, "0 to 1048575, or a range", ["0", "7-1048575"];
    Protocol, "protocol", true, "IANA's keyword such as `tcp`, its number, or a glob such as `{tcp,udp}`", ["tcp", "icmpv6", "253"], globs over protocols();
    IpVersion, "version", false, "ipv4 or ipv6", ["ipv4", "ipv6"], globs over ["ipv4", "ipv6"];
    MacAddress, "MAC address", false, "six octets, such as `02:00:5e:10:00:01`", ["02:00:5e:10:00:01"];
    TcpFlags, "flag", false, "FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, or several such as `SYN|ACK`", ["SYN", "SYN|ACK"], globs over TcpFlags::TAGS;
    Name<ConnectionState>, "state", false, "a TCP state such as `established`, or a glob", ["established", "fin_wait_*"];
    Name<Dscp>, "name", true, "a DSCP name such as `af21`, a glob, or its number or a range of them", ["af21", "cs*", "46", "af4{1,2}"];
    Name<Ecn>, "name", true, "an ECN name such as `ce`, a glob, or its number or a range of them", ["ce", "ect*", "0-3"];
    Name<IcmpType>, "name", true, "an ICMP type such as `echo_request`, a glob, or its number or a range of them", ["echo_request", "*reply"];
    Name<IcmpCode>, "name", true, "an ICMP code such as `port_unreachable`, a glob, or its number or a range of them", ["port_unreachable", "*", "0-8"];
}

impl ConfigValue for NetNs {
    fn shape() -> Shape {
        Shape::leaf(
            "namespace",
            "own, host, or a path such as `/run/netns/blue`",
        )
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let shape = Self::shape();
        match text(node, reader, &shape)? {
            "own" => Some(Self::Own),
            "host" => Some(Self::Host),
            path if AbsolutePath::new(path).is_some() => Some(Self::Path(PathBuf::from(path))),
            other => reader.invalid(
                node,
                other,
                "it is neither a word that has a meaning nor an absolute path",
                &shape,
            ),
        }
    }

    fn write(&self) -> HclValue {
        match self {
            Self::Path(path) => HclValue::text(&path.display()),
            Self::Host => HclValue::text(&"host"),
            _ => HclValue::text(&"own"),
        }
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        match entropy.below(3) {
            0 => Self::Own,
            1 => Self::Host,
            _ => Self::Path(PathBuf::from(format!("/{}", entropy.text()))),
        }
    }
}
