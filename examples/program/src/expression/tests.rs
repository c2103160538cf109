use std::time::SystemTime;

use mermin_core::flow::{Endpoint, FlowId, Interface, Protocol};

use super::*;

/// Returns a TCP flow from 10.0.0.1, port 4000, to 10.0.0.2, port 443, at eth0.
fn flow() -> Flow {
    Flow::new(
        FlowId::from_u128(1),
        Protocol::TCP,
        Endpoint::new([10, 0, 0, 1], 4000),
        Endpoint::new([10, 0, 0, 2], 443),
        Interface::new(2, "eth0"),
        SystemTime::UNIX_EPOCH,
    )
}

fn admits(text: &str) -> bool {
    let expression = text.parse::<Expression>();
    expression
        .unwrap_or_else(|fault| panic!("{text}: {fault}"))
        .admits(&flow())
}

#[test]
fn terms_are_those_of_a_configuration() {
    for (text, expected) in [
        ("", true),
        ("destination.port=443", true),
        ("source.port=443", false),
        ("port=443", true),
        ("port=80,443", true),
        ("port!=443", false),
        ("port != 80", true),
        ("port=4000-4999 transport=tcp", true),
        ("port=443 transport=udp", false),
        ("address=10.0.0.0/24", true),
        ("source.address=10.0.0.2", false),
        ("address!=192.168.*", true),
        ("transport={tcp,udp}", true),
        ("network.interface_name=eth*", true),
        ("network.interface.name=/e(t|x)h[0-9]/", true),
        ("interface_name=/e(t|x)h\\d,/", false),
        ("interface_name=e[!0-9]*", true),
        ("type=ipv6", false),
        ("flow.connection.state=established", false),
    ] {
        assert_eq!(admits(text), expected, "{text}");
    }
}

#[test]
fn words_of_pcap_filter_are_understood() {
    for (text, expected) in [
        ("port 443 and not net 10.0.0.0/8", false),
        ("port 443 and not net 192.168.0.0/16", true),
        ("src 10.0.0.1", true),
        ("src host 10.0.0.2", false),
        ("dst net 10.0.0.0/24", true),
        ("dst port 443", true),
        ("src port 443", false),
        ("portrange 400-500", true),
        ("tcp", true),
        ("udp", false),
        ("tcp port 443", true),
        ("not tcp port 443", false),
        ("not tcp port 80", true),
        ("not tcp dst port 443", false),
        ("not udp src port 4000", true),
        ("not tcp and port 443", false),
        ("ip and proto tcp", true),
        ("ip6", false),
        ("icmp6 or tcp", true),
    ] {
        assert_eq!(admits(text), expected, "{text}");
    }
}

#[test]
fn not_binds_closer_than_and_and_and_closer_than_or() {
    for (text, expected) in [
        ("tcp or udp and port 1", true),
        ("(tcp or udp) and port 1", false),
        ("(tcp or udp) port 443", true),
        ("not udp and port 1", false),
        ("not (udp and port 1)", true),
        ("!udp && tcp || port 1", true),
        ("not not tcp", true),
        ("udp or port 1 or port 443", true),
        ("not udp or udp", true),
    ] {
        assert_eq!(admits(text), expected, "{text}");
    }
}

#[test]
fn faults_are_one_line_that_says_what_is_valid() {
    let deep = format!("{}tcp", "(".repeat(1_000));
    for (text, part) in [
        ("443", "such as `port=443`"),
        ("prt=443", "address, port, transport"),
        ("prt 443", "address, port, transport"),
        ("conn=x", "flow.connection_state"),
        ("port=", "write an item behind `port`"),
        ("port", "write an item behind `port`"),
        ("port=http", "0 to 65535"),
        ("address=host", "address"),
        ("port=\"", "0 to 65535"),
        ("tcp and", "write a term here"),
        ("or tcp", "write a term here"),
        ("(tcp", "write `)`"),
        ("tcp)", "no `(` before it"),
        (&deep, "nest"),
    ] {
        let fault = text.parse::<Expression>().unwrap_err();
        assert!(fault.contains(part), "{text}: {fault}");
        assert_eq!(fault.lines().count(), 1, "{fault}");
    }
}
