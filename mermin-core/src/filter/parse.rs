//! Parses filter items whose types are also types of a flow's fields: protocol, MAC address, TCP flags, IP version.

use std::{fmt, str::FromStr};

use super::{
    IpVersion,
    text::{TextFault, from_text, refused},
};
use crate::{
    error::Error,
    flow::{MacAddress, Protocol, TcpFlags},
};

impl IpVersion {
    /// Returns the text used in attributes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

impl fmt::Display for IpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn refusal(fault: &str, remedy: impl Into<String>) -> TextFault {
    (fault.to_owned(), remedy.into())
}

fn ip_version(text: &str) -> Result<IpVersion, TextFault> {
    [IpVersion::V4, IpVersion::V6]
        .into_iter()
        .find(|version| version.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| refusal("there are two", "write `ipv4` or `ipv6`"))
}

/// Parses a keyword in upper or lower case, or a number. `icmpv6` and `icmp6` are common names of `ipv6-icmp`.
fn protocol(text: &str) -> Result<Protocol, TextFault> {
    if !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit()) {
        return text.parse().map(Protocol).map_err(|_| {
            refusal(
                "protocol numbers are 0 to 255",
                "write IANA's number of it, or its keyword such as `tcp`",
            )
        });
    }
    if ["icmpv6", "icmp6"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(text))
    {
        return Ok(Protocol::ICMPV6);
    }
    (0..=u8::MAX)
        .map(Protocol)
        .find(|protocol| {
            protocol
                .keyword()
                .is_some_and(|keyword| keyword.eq_ignore_ascii_case(text))
        })
        .ok_or_else(|| {
            refusal(
                "IANA has no such keyword",
                "write a keyword such as `tcp`, `udp`, `icmp`, `ipv6-icmp`, `sctp`, `gre` or `esp`, or a number from 0 to 255",
            )
        })
}

fn mac(text: &str) -> Result<MacAddress, TextFault> {
    let separator = if text.contains('-') { '-' } else { ':' };
    let mut octets = [0; 6];
    let mut parts = text.split(separator);
    let read = octets.iter_mut().all(|octet| {
        let part = parts.next().filter(|part| part.len() == 2);
        // `u8::from_str_radix` would accept a plus sign.
        let hexadecimal = part.filter(|part| part.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match hexadecimal.and_then(|part| u8::from_str_radix(part, 16).ok()) {
            Some(value) => {
                *octet = value;
                true
            }
            None => false,
        }
    });
    if read && parts.next().is_none() {
        Ok(MacAddress(octets))
    } else {
        Err(refusal(
            "it is not six octets",
            "write it as `ip link` shows it: `02:00:5e:10:00:01`",
        ))
    }
}

fn flags(text: &str) -> Result<TcpFlags, TextFault> {
    let mut bits = 0;
    for part in text.split('|') {
        let known = TcpFlags::TAGS
            .iter()
            .position(|tag| tag.eq_ignore_ascii_case(part.trim()));
        let Some(bit) = known else {
            let tags = TcpFlags::TAGS.join(", ");
            return Err(refusal(
                "there is no such flag",
                format!("write one of {tags}, or several with `|` between them"),
            ));
        };
        bits |= 1 << bit;
    }
    Ok(TcpFlags(bits))
}

macro_rules! from_str {
    ($($type:ty, $what:literal, $read:path;)*) => {$(
        impl FromStr for $type {
            type Err = Error;

            /// # Errors
            /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) for invalid text; the remedy has the
            /// format.
            fn from_str(text: &str) -> Result<Self, Error> {
                $read(text).map_err(|refusal| refused($what, text, refusal))
            }
        }

        from_text! {
            $type;
        }
    )*};
}

from_str! {
    IpVersion, "IP version", ip_version;
    Protocol, "protocol", protocol;
    MacAddress, "MAC address", mac;
    TcpFlags, "TCP flags", flags;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn protocols_are_keywords_or_numbers() {
        for (text, number) in [
            ("tcp", 6),
            ("UDP", 17),
            ("ipv6-icmp", 58),
            ("icmpv6", 58),
            ("132", 132),
            ("255", 255),
            ("0", 0),
        ] {
            assert_eq!(text.parse::<Protocol>().unwrap(), Protocol(number));
        }
        for text in ["", "256", "-1", "+6", "tpc", "6 "] {
            let error = text.parse::<Protocol>().unwrap_err();
            assert!(error.remedy().is_some(), "{error}");
        }
    }

    #[test]
    fn versions_addresses_and_flags_are_parsed() {
        assert_eq!("IPv6".parse::<IpVersion>().unwrap(), IpVersion::V6);
        assert!("6".parse::<IpVersion>().is_err());
        let address = MacAddress([2, 0, 0x5e, 0x10, 0, 0xff]);
        for text in ["02:00:5e:10:00:ff", "02-00-5E-10-00-FF"] {
            assert_eq!(text.parse::<MacAddress>().unwrap(), address);
        }
        for text in [
            "",
            "02:00:5e:10:00",
            "02:00:5e:10:00:ff:00",
            "2:0:5e:10:0:ff",
            "02:00:5e:10:00:+f",
            "02:00-5e:10:00:ff",
        ] {
            assert!(text.parse::<MacAddress>().is_err(), "{text}");
        }
        assert_eq!("SYN".parse::<TcpFlags>().unwrap(), TcpFlags(2));
        assert_eq!("syn | ACK".parse::<TcpFlags>().unwrap(), TcpFlags(0x12));
        for text in ["", "SYN|", "SYN,ACK", "NS"] {
            assert!(text.parse::<TcpFlags>().is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_an_item_or_an_error(text in "\\PC{0,20}|[0-9a-fA-F:|-]{0,18}") {
            let _ = text.parse::<IpVersion>();
            if let Ok(protocol) = text.parse::<Protocol>() {
                prop_assert_eq!(protocol.to_string().parse::<Protocol>().unwrap(), protocol);
            }
            if let Ok(mac) = text.parse::<MacAddress>() {
                prop_assert_eq!(mac.to_string().parse::<MacAddress>().unwrap(), mac);
            }
            if let Ok(flags) = text.parse::<TcpFlags>() {
                prop_assert_eq!(flags.to_string().parse::<TcpFlags>().unwrap(), flags);
            }
        }
    }
}
