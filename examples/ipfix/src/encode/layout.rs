//! The fields of a template, in the order of records.

use mermin_core::Flow;

use super::{
    element::{Element, VARIABLE},
    fact::Fact,
    names::Names,
    shape::{Shape, Transport, View},
};
use crate::settings::{FineTimes, Settings};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) fact: Fact,
    pub(crate) reverse: bool,
}

impl Field {
    fn element(self) -> Element {
        let element = self.fact.element();
        if self.reverse {
            element.reverse()
        } else {
            element
        }
    }
}

/// The format of records of one shape.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    fields: Vec<Field>,
    /// Octets of a record, without the fields of variable length.
    fixed: usize,
    /// Fields of variable length.
    variable: Vec<Fact>,
}

impl Layout {
    pub(crate) fn new(shape: Shape, settings: &Settings) -> Self {
        let mut fields = Vec::new();
        // Before the forward fields: nfcapd uses the last one, because it does not distinguish them.
        if shape.reverse {
            let facts = counts(shape, settings).into_iter();
            let translated = translated(shape, shape.translated[1]);
            fields.extend(facts.chain(translated).map(|fact| Field {
                fact,
                reverse: true,
            }));
        }
        fields.extend(facts(shape, settings).into_iter().map(|fact| Field {
            fact,
            reverse: false,
        }));
        let (variable, fixed): (Vec<&Field>, Vec<&Field>) = fields
            .iter()
            .partition(|field| field.fact.element().length == VARIABLE);
        let lengths = fixed
            .iter()
            .map(|field| usize::from(field.fact.element().length));
        Self {
            fixed: lengths.sum(),
            variable: variable.iter().map(|field| field.fact).collect(),
            fields,
        }
    }

    /// Returns the octets of this flow's record.
    pub(crate) fn length(&self, flow: &Flow) -> usize {
        let variable = self.variable.iter().map(|fact| fact.length(flow));
        self.fixed + variable.sum::<usize>()
    }

    pub(crate) fn put(&self, view: &View<'_>, out: &mut Vec<u8>) {
        for field in &self.fields {
            field.fact.put(view, field.reverse, out);
        }
    }

    /// Returns the octets of the template record.
    pub(crate) fn template_length(&self) -> usize {
        let specifiers = self.fields.iter().copied().map(Field::element);
        4 + specifiers.map(Element::specifier_length).sum::<usize>()
    }

    /// Writes the template record (RFC 7011 section 3.4.1).
    pub(crate) fn put_template(&self, id: u16, out: &mut Vec<u8>) {
        let count = u16::try_from(self.fields.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        for field in &self.fields {
            field.element().put_specifier(out);
        }
    }
}

fn facts(shape: Shape, settings: &Settings) -> Vec<Fact> {
    let mut facts = Vec::new();
    match shape.outer {
        Some(false) => facts.extend([Fact::OuterSource4, Fact::OuterDestination4]),
        Some(true) => facts.extend([Fact::OuterSource6, Fact::OuterDestination6]),
        None => {}
    }
    facts.extend(if shape.ipv6 {
        [Fact::Source6, Fact::Destination6]
    } else {
        [Fact::Source4, Fact::Destination4]
    });
    match shape.transport {
        Transport::Tcp | Transport::Ports => {
            facts.extend([Fact::SourcePort, Fact::DestinationPort]);
        }
        Transport::Icmp => facts.extend([Fact::NoPort, Fact::IcmpPort]),
        Transport::Ipsec => facts.push(Fact::Spi),
        Transport::Other => {}
    }
    facts.extend([
        Fact::Protocol,
        Fact::StartMilliseconds,
        Fact::EndMilliseconds,
    ]);
    match settings.fine_times {
        FineTimes::None => {}
        FineTimes::Microseconds => {
            facts.extend([Fact::StartMicroseconds, Fact::EndMicroseconds]);
        }
        FineTimes::Nanoseconds => facts.extend([Fact::StartNanoseconds, Fact::EndNanoseconds]),
    }
    facts.extend(counts(shape, settings));
    facts.push(Fact::Interface);
    let [source_mac, destination_mac] = shape.macs;
    if source_mac {
        facts.push(Fact::SourceMac);
    }
    if destination_mac {
        facts.push(Fact::DestinationMac);
    }
    if shape.vlans != 0 {
        facts.push(if settings.dot1q {
            Fact::Dot1qVlan
        } else {
            Fact::Vlan
        });
    }
    if shape.vlans > 1 {
        facts.push(Fact::CustomerVlan);
    }
    if shape.segment {
        facts.push(Fact::Segment);
    }
    facts.extend([Fact::EndReason, Fact::FlowId]);
    facts.extend(translated(shape, shape.translated[0]));
    if settings.biflow {
        facts.push(Fact::BiflowDirection);
    }
    if shape.sampled {
        facts.push(Fact::SamplingInterval);
    }
    if shape.answer {
        facts.push(Fact::AnswerDelay);
    }
    facts.extend(names(shape.names));
    facts
}

/// Returns the fields of a direction whose packets are translated after they were seen here.
fn translated(shape: Shape, is_translated: bool) -> impl Iterator<Item = Fact> {
    let addresses = if shape.ipv6 {
        [Fact::PostNatSource6, Fact::PostNatDestination6]
    } else {
        [Fact::PostNatSource4, Fact::PostNatDestination4]
    };
    let has_ports = matches!(shape.transport, Transport::Tcp | Transport::Ports);
    let ports = [Fact::PostNatSourcePort, Fact::PostNatDestinationPort];
    let ports = ports.into_iter().filter(move |_| has_ports);
    addresses
        .into_iter()
        .chain(ports)
        .filter(move |_| is_translated)
}

/// Returns the fields of names, those of variable length last.
fn names(names: Names) -> impl Iterator<Item = Fact> {
    [
        (names.application, Fact::ApplicationName),
        (names.question, Fact::DnsType),
        (names.response, Fact::DnsResponse),
        (names.question, Fact::DnsName),
        (names.server, Fact::ServerName),
        (names.http_host, Fact::HttpHost),
    ]
    .into_iter()
    .filter_map(|(present, fact)| present.then_some(fact))
}

/// Returns the counts of one direction.
fn counts(shape: Shape, settings: &Settings) -> Vec<Fact> {
    let mut facts = Vec::new();
    // nfcapd uses the last one of total and delta.
    if settings.totals {
        facts.extend([Fact::PacketsTotal, Fact::OctetsTotal]);
    }
    facts.extend([Fact::Packets, Fact::Octets]);
    if settings.frame_octets {
        facts.push(Fact::FrameOctets);
    }
    if shape.dropped {
        facts.push(Fact::Dropped);
    }
    facts.extend([Fact::ClassOfService, Fact::Ttl]);
    if shape.ipv6 {
        facts.push(Fact::FlowLabel);
    }
    match shape.transport {
        Transport::Tcp if settings.wide_tcp_flags => facts.push(Fact::WideTcpFlags),
        Transport::Tcp => facts.push(Fact::TcpFlags),
        Transport::Icmp if shape.ipv6 => facts.push(Fact::Icmp6),
        Transport::Icmp => facts.push(Fact::Icmp4),
        _ => {}
    }
    facts
}

#[cfg(test)]
mod tests {
    use mermin_core::sink::testing::detailed_flows;

    use super::*;

    fn all_settings() -> [Settings; 4] {
        let biflow = Settings::default().biflow(true);
        [
            Settings::default(),
            biflow.clone(),
            Settings::default()
                .totals(true)
                .fine_times(FineTimes::Microseconds),
            biflow
                .fine_times(FineTimes::Nanoseconds)
                .wide_tcp_flags(true)
                .totals(true)
                .dot1q(true)
                .outer_addresses(true)
                .frame_octets(true),
        ]
    }

    /// For other elements, nfcapd 1.7.1 or nfacctd 1.7.7 stores something else, or nothing.
    #[test]
    fn templates_have_elements_that_collectors_read() {
        for settings in all_settings() {
            for flow in &detailed_flows(500) {
                for view in [View::forward(flow), View::backwards(flow)] {
                    let layout = Layout::new(Shape::of(&view, &settings), &settings);
                    check(&layout, &settings);
                }
            }
        }
    }

    fn check(layout: &Layout, settings: &Settings) {
        let reverse = layout.fields.iter().take_while(|field| field.reverse);
        let forward: Vec<Element> = layout.fields[reverse.count()..]
            .iter()
            .map(|field| {
                assert!(!field.reverse, "{layout:?}");
                field.fact.element()
            })
            .collect();
        let is = |element: &Element, number| element.is_iana() && element.number == number;
        let place = |number| forward.iter().position(|element| is(element, number));
        let has = |number| place(number).is_some();
        // Times in ms are always present; the class of service is element 5.
        assert!(has(152) && has(153) && has(5), "{layout:?}");
        for number in [
            21, 22, 150, 151, 158, 159, 161, 176, 177, 178, 179, 195, 231, 232,
        ] {
            assert!(!has(number), "{number}: {layout:?}");
        }
        for (total, delta) in [(85, 1), (86, 2)] {
            assert!(has(delta) && has(total) == settings.totals);
            assert!(place(total) < place(delta), "{layout:?}");
        }
        if !settings.outer_addresses {
            assert_eq!(has(8) && has(12), !(has(27) || has(28)), "{layout:?}");
        }
        // ICMP has type and code in both fields.
        assert!(!(has(32) || has(139)) || has(11), "{layout:?}");
        assert!(!has(if settings.dot1q { 58 } else { 243 }), "{layout:?}");
        let flags = place(6).map(|at| forward[at].length);
        assert!(flags.is_none_or(|length| length == 1 + u16::from(settings.wide_tcp_flags)));
        // nfacctd reads an application's name of variable length as empty.
        assert!(place(96).is_none_or(|at| forward[at].length == 16));
    }

    #[test]
    fn record_length_equals_template_length() {
        for settings in all_settings() {
            for flow in &detailed_flows(500) {
                for view in [View::forward(flow), View::backwards(flow)] {
                    let layout = Layout::new(Shape::of(&view, &settings), &settings);
                    let (mut record, mut template) = (Vec::new(), Vec::new());
                    layout.put(&view, &mut record);
                    layout.put_template(256, &mut template);
                    assert_eq!(record.len(), layout.length(flow), "{layout:?}");
                    assert_eq!(template.len(), layout.template_length());
                    assert!(layout.fixed < 256 && template.len() < 400);
                }
            }
        }
    }
}
