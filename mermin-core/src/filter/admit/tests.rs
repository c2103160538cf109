//! Compares filters with the text of a record's attributes.

use std::collections::HashMap;

use proptest::{prelude::*, sample::select};

use crate::{
    filter::{Filter, FlowFields, Rule, prepared::Prepared},
    flow::{
        Endpoint, Flow, IcmpMessage, IpHeader, MacAddress, Protocol, Tcp, TcpFlags, TcpState,
        Value, example::plain,
    },
};

/// Returns a record's attributes as text. Attributes of the reverse direction have the name of the forward direction,
/// as in filters.
fn texts(flow: &Flow) -> HashMap<String, Vec<String>> {
    let mut texts: HashMap<String, Vec<String>> = HashMap::new();
    flow.attributes().for_each(|(name, value)| {
        let found = match value {
            Value::Text(text) => vec![text.to_string()],
            Value::Texts(texts) => texts.map(str::to_owned).collect(),
            Value::Number(number) => vec![number.to_string()],
            _ => Vec::new(),
        };
        let name = name.replace("flow.reverse.", "flow.");
        texts.entry(name).or_default().extend(found);
    });
    texts
}

/// Returns true if an item matches a text: equal, a number within a range, or a prefix before a final star.
fn fits(item: &str, text: &str) -> bool {
    if let Some(start) = item.strip_suffix('*') {
        return text.starts_with(start);
    }
    if let Some((first, last)) = item.split_once('-')
        && let (Ok(first), Ok(last), Ok(number)) =
            (first.parse(), last.parse(), text.parse::<u32>())
    {
        return (first..=last).contains(&number);
    }
    // All networks below are /24.
    match item.strip_suffix(".0/24") {
        Some(start) => text.starts_with(&format!("{start}.")),
        None => item == text,
    }
}

type Lists = [Vec<&'static str>; 2];

fn holds([matching, not_matching]: &Lists, texts: &[String]) -> bool {
    let any = |items: &[&str]| {
        items
            .iter()
            .any(|item| texts.iter().any(|text| fits(item, text)))
    };
    (matching.is_empty() || any(matching)) && !any(not_matching)
}

/// Sets one rule of a filter.
type Set = fn(&mut Filter, &Lists);

fn rule<T>([matching, not_matching]: &Lists) -> Rule<T>
where
    T: for<'a> TryFrom<&'a str, Error = crate::Error>,
{
    Rule::matching(matching.iter().copied())
        .and_then(|rule| rule.except(not_matching.iter().copied()))
        .unwrap()
}

/// Each attribute that has a rule, a function that sets the rule, and items for it.
const KEYS: [(&str, Set, &[&str]); 17] = [
    (
        "source.address",
        |filter, lists| filter.source.address = rule(lists),
        &["10.0.0.1", "10.0.1.0/24", "10.*", "fd00::1", "fd*"],
    ),
    (
        "destination.address",
        |filter, lists| filter.destination.address = rule(lists),
        &["10.0.0.1", "10.0.0.0/24", "10.0.1.*", "fd00::2"],
    ),
    (
        "source.port",
        |filter, lists| filter.source.port = rule(lists),
        &["53", "50-53", "54-70", "8080"],
    ),
    (
        "destination.port",
        |filter, lists| filter.destination.port = rule(lists),
        &["53", "0-60", "8080"],
    ),
    (
        "network.transport",
        |filter, lists| filter.network.transport = rule(lists),
        &["tcp", "udp", "icmp", "ipv6-icmp"],
    ),
    (
        "network.type",
        |filter, lists| filter.network.ip_version = rule(lists),
        &["ipv4", "ipv6"],
    ),
    (
        "network.interface.name",
        |filter, lists| filter.network.interface_name = rule(lists),
        &["eth0", "eth*", "veth*"],
    ),
    (
        "network.interface.index",
        |filter, lists| filter.network.interface_index = rule(lists),
        &["1", "2-9"],
    ),
    (
        "network.interface.mac",
        |filter, lists| filter.network.interface_mac = rule(lists),
        &["02:00:00:00:00:01", "02:00:00:00:00:02"],
    ),
    (
        "flow.connection.state",
        |filter, lists| filter.flow.connection_state = rule(lists),
        &["established", "fin_wait_*", "closed"],
    ),
    (
        "flow.tcp.flags.tags",
        |filter, lists| filter.flow.tcp_flags_tags = rule(lists),
        &["SYN", "ACK", "RST"],
    ),
    (
        "flow.ip.dscp.name",
        |filter, lists| filter.flow.ip_dscp_name = rule(lists),
        &["ef", "df", "af*"],
    ),
    (
        "flow.ip.ecn.name",
        |filter, lists| filter.flow.ip_ecn_name = rule(lists),
        &["non-ect", "ce", "ect*"],
    ),
    (
        "flow.ip.ttl",
        |filter, lists| filter.flow.ip_ttl = rule(lists),
        &["64", "1-63"],
    ),
    (
        "flow.ip.flow_label",
        |filter, lists| filter.flow.ip_flow_label = rule(lists),
        &["0", "1-1048575"],
    ),
    (
        "flow.icmp.type.name",
        |filter, lists| filter.flow.icmp_type_name = rule(lists),
        &["echo_request", "echo_*", "destination_unreachable"],
    ),
    (
        "flow.icmp.code.name",
        |filter, lists| filter.flow.icmp_code_name = rule(lists),
        &["port_unreachable", "host_*"],
    ),
];

fn some(items: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    // Most lists are empty; otherwise filters would reject all flows.
    prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec(select(items), 1..3),
    ]
}

/// Lists for up to three keys, by index.
fn keys() -> impl Strategy<Value = Vec<(usize, Lists)>> {
    let key = (0..KEYS.len()).prop_flat_map(|key| {
        let items = KEYS[key].2;
        (Just(key), [some(items), some(items)])
    });
    prop::collection::vec(key, 0..4)
}

fn header() -> impl Strategy<Value = Option<IpHeader>> {
    let class = select(&[0_u8, 0b1011_1000, 0b0010_1001, 0b0000_0111][..]);
    let label = select(&[None, Some(0), Some(77)][..]);
    prop::option::of(
        (class, select(&[1_u8, 64][..]), label)
            .prop_map(|(class, ttl, label)| IpHeader::new(class, ttl, label)),
    )
}

fn message() -> impl Strategy<Value = Option<IcmpMessage>> {
    let message = select(&[(8, 0), (0, 0), (3, 3), (3, 1), (128, 0), (1, 4)][..]);
    prop::option::of(message.prop_map(|(kind, code)| IcmpMessage { kind, code }))
}

prop_compose! {
    fn flow()(
        ends in select(&[
            ["10.0.0.1", "10.0.0.2"], ["10.0.1.1", "10.0.0.1"], ["fd00::1", "fd00::2"], ["10.0.0.2", "10.0.1.1"],
        ][..]),
        ports in prop::option::of([select(&[53_u16, 60, 8080][..]), select(&[53_u16, 60, 8080][..])]),
        protocol in select(&[Protocol::TCP, Protocol::UDP, Protocol::ICMP, Protocol::ICMPV6][..]),
        (name, index) in (select(&["eth0", "veth7", "eth1"][..]), 1_u32..4),
        mac in prop::option::of(1_u8..4),
        state in prop::option::of(select(&TcpState::ALL[..])),
        flags in [prop::option::of(any::<u8>()), prop::option::of(any::<u8>())],
        headers in [header(), header()],
        messages in [message(), message()],
    ) -> Flow {
        let mut flow = plain();
        let [source, destination] = ends.map(|text| text.parse().unwrap());
        flow.source = Endpoint { address: source, port: ports.map(|[port, _]| port) };
        flow.destination = Endpoint { address: destination, port: ports.map(|[_, port]| port) };
        flow.protocol = protocol;
        flow.interface.name = name.into();
        flow.interface.index = index;
        flow.interface.source_mac = mac.map(|last| MacAddress([2, 0, 0, 0, 0, last]));
        flow.tcp = state.map(|state| Tcp { state, handshake_latency: None });
        for (number, half) in [&mut flow.forward, &mut flow.reverse].into_iter().enumerate() {
            half.tcp_flags = flags[number].map(TcpFlags);
            half.ip = headers[number];
            half.icmp = messages[number];
        }
        flow
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn address_filter_agrees_with_text_comparison(flow in flow(), keys in keys()) {
        let mut filter = Filter::default();
        let mut last: HashMap<usize, &Lists> = HashMap::new();
        for (key, lists) in &keys {
            KEYS[*key].1(&mut filter, lists);
            last.insert(*key, lists);
        }
        let texts = texts(&flow);
        let none = Vec::new();
        let expected = last
            .iter()
            .all(|(key, lists)| holds(lists, texts.get(KEYS[*key].0).unwrap_or(&none)));
        prop_assert_eq!(filter.admits(&flow), expected, "{:?} {:?}", keys, texts);
        let fields = FlowFields::from(&flow);
        let expected = filter.admits_flow(&fields);
        prop_assert_eq!(Prepared::new(filter.clone()).admits(&fields), expected);
        prop_assert_eq!(filter.is_empty(), keys.iter().all(|(key, _)| last[key].iter().all(Vec::is_empty)));
    }
}

#[test]
fn one_item_may_want_several_flags_of_one_direction() {
    let mut filter = Filter::default();
    filter.flow.tcp_flags_tags = Rule::matching(["SYN|ACK"]).unwrap();
    let mut flow = plain();
    flow.forward.tcp_flags = Some(TcpFlags(0x02));
    flow.reverse.tcp_flags = Some(TcpFlags(0x10));
    assert!(!filter.admits(&flow));
    flow.reverse.tcp_flags = Some(TcpFlags(0x12));
    assert!(filter.admits(&flow));
}
