//! Addresses of a side of a flow, and of a link.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// One side of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// IPv4 or IPv6 address.
    pub address: IpAddr,
    /// Transport port. Absent if the protocol has none, as ICMP does.
    pub port: Option<u16>,
}

impl Endpoint {
    /// Creates a side with a port.
    #[must_use]
    pub fn new(address: impl Into<IpAddr>, port: u16) -> Self {
        Self {
            address: address.into(),
            port: Some(port),
        }
    }

    /// Creates a side of a flow whose protocol has no ports.
    #[must_use]
    pub fn without_port(address: impl Into<IpAddr>) -> Self {
        Self {
            address: address.into(),
            port: None,
        }
    }
}

impl fmt::Display for Endpoint {
    /// Prints `10.0.0.1:443`, `[2001:db8::1]:443`, or the address alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.address, port).fmt(f),
            None => self.address.fmt(f),
        }
    }
}

/// A 48-bit link address. `Display` prints lower case with colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(":")?;
            }
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn address_with_colons_is_bracketed_before_a_port() {
        let v4 = Ipv4Addr::new(10, 0, 0, 1);
        assert_eq!(Endpoint::new(v4, 80).to_string(), "10.0.0.1:80");
        assert_eq!(
            Endpoint::new(Ipv6Addr::LOCALHOST, 80).to_string(),
            "[::1]:80"
        );
        assert_eq!(
            Endpoint::without_port(Ipv6Addr::LOCALHOST).to_string(),
            "::1"
        );
        assert_eq!(
            MacAddress([0, 1, 0xab, 0xcd, 0xef, 255]).to_string(),
            "00:01:ab:cd:ef:ff"
        );
    }
}
