//! The sections of one flow, and the names in them.

use std::{sync::Arc, time::Duration};

use mermin_bpf::{
    track::section::{LAST, LOOKED_AT, Message, Payload, message},
    wire::protocol,
};

use super::{dns, end::End, http, quic, stream::Stream, tls};
use crate::flow::{Application, Dns, QuicVersion, Tls};

/// The first octets of a payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    /// Direction of the packet, as in a slot: 0 from the lower endpoint to the higher.
    pub(crate) direction: u8,
    /// Time of the packet, ns on any clock; `None` without a time.
    pub(crate) time: Option<u64>,
    /// TCP's sequence number of the first octet.
    pub(crate) sequence: u32,
    /// Length of the whole payload, octets.
    pub(crate) payload: u32,
    /// The first octets of the payload.
    pub(crate) octets: &'a [u8],
}

/// A query of DNS.
#[derive(Clone, Copy, Debug)]
struct Query {
    id: u16,
    /// Direction of its packet.
    direction: u8,
    time: Option<u64>,
}

/// State of reading one direction of a TCP connection.
#[derive(Clone, Debug, Default)]
enum StreamState {
    /// The next octets begin a message.
    #[default]
    Before,
    /// A message may go on.
    Within(Box<Stream>),
    /// No message is wanted any more.
    Over,
}

/// Names and unfinished messages of one flow.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlowPayloads {
    application: Option<Arc<Application>>,
    /// By direction.
    streams: [StreamState; 2],
    query: Option<Query>,
    #[cfg(feature = "quic")]
    handshake: Option<Box<quic::Handshake>>,
    /// No further part of the `ClientHello` of QUIC is wanted: it was read, or it cannot be.
    has_hello: bool,
}

impl FlowPayloads {
    /// Names found so far.
    pub(crate) fn application(&self) -> Option<&Arc<Application>> {
        self.application.as_ref()
    }

    /// Returns the number of messages whose end was not read yet.
    pub(crate) fn unfinished(&self) -> u64 {
        let is_within = |reading: &&StreamState| matches!(reading, StreamState::Within(_));
        let streams = self.streams.iter().filter(is_within).count() as u64;
        #[cfg(feature = "quic")]
        let streams = streams + u64::from(self.handshake.is_some());
        streams
    }

    /// Reads a section. Returns the end of its message; `None` if the message may go on, or had ended before.
    pub(crate) fn add(
        &mut self,
        number: u8,
        ports: [u16; 2],
        section: &Section<'_>,
    ) -> Option<End> {
        if number == protocol::UDP {
            return self.datagram(ports, section);
        }
        let place = usize::from(section.direction & 1);
        let mut stream = match std::mem::take(&mut self.streams[place]) {
            StreamState::Before => Box::new(Stream::new(section.sequence)),
            StreamState::Within(stream) => stream,
            StreamState::Over => {
                self.streams[place] = StreamState::Over;
                return None;
            }
        };
        stream.add(section.sequence, section.octets);
        let end = self.read(ports, section, stream.octets());
        let is_gap = section.payload as usize > section.octets.len();
        if end == End::Cut && !is_gap {
            self.streams[place] = StreamState::Within(stream);
            return None;
        }
        // Another message may follow a message of DNS. Content follows messages of other protocols.
        let is_dns = matches!(message_of(ports, stream.octets()), Some(Message::Dns));
        if !is_dns || is_gap {
            self.streams[place] = StreamState::Over;
        }
        Some(end)
    }

    /// Reads the beginning of a stream.
    fn read(&mut self, ports: [u16; 2], section: &Section<'_>, octets: &[u8]) -> End {
        match message_of(ports, octets) {
            Some(Message::Dns) => match dns::of_stream(octets) {
                Ok(message) => self.dns(message, section),
                Err(end) => end,
            },
            Some(Message::Tls) => {
                let (found, end) = tls::stream(octets);
                self.tls(found);
                end
            }
            Some(Message::Http) => {
                let (host, end) = http::request(octets);
                if let Some(host) = host {
                    self.known().http_host.get_or_insert(host);
                }
                end
            }
            Some(Message::Quic) | None => End::Malformed,
        }
    }

    fn datagram(&mut self, ports: [u16; 2], section: &Section<'_>) -> Option<End> {
        match message(&payload(protocol::UDP, ports, section.octets)) {
            Some(Message::Dns) => Some(self.dns(section.octets, section)),
            Some(Message::Quic) => self.initial(section),
            _ => Some(End::Malformed),
        }
    }

    fn dns(&mut self, octets: &[u8], section: &Section<'_>) -> End {
        let message = match dns::message(octets) {
            Ok(message) => message,
            Err(end) => return end,
        };
        let is_first = self.query.is_none();
        // A response may lack a question: the server could not read the query.
        if is_first && let Some((name, kind)) = &message.question {
            self.known().dns = Some(Dns::new(name.as_str(), *kind));
            self.query = Some(Query {
                id: message.id,
                direction: section.direction ^ u8::from(message.is_response),
                time: section.time.filter(|_| !message.is_response),
            });
        }
        self.answer(&message, section);
        End::Whole
    }

    /// Takes code and latency from the first response to the query: from the other end, with the query's id, and with its
    /// question or none.
    fn answer(&mut self, message: &dns::Message, section: &Section<'_>) {
        let Some(query) = self.query else { return };
        if !message.is_response || query.id != message.id || query.direction == section.direction {
            return;
        }
        let Some(dns) = &mut self.known().dns else {
            return;
        };
        let is_of_another = message.question.as_ref().is_some_and(|(name, kind)| {
            *kind != dns.question_type || !name.eq_ignore_ascii_case(&dns.question)
        });
        if is_of_another || dns.response_code.is_some() {
            return;
        }
        dns.response_code = Some(message.code);
        let taken = query.time.zip(section.time);
        dns.latency = taken.map(|(asked, now)| Duration::from_nanos(now.saturating_sub(asked)));
    }

    fn initial(&mut self, section: &Section<'_>) -> Option<End> {
        let packet = match quic::initial(section.octets) {
            Ok(packet) => packet,
            Err(end) => return Some(end),
        };
        let version = QuicVersion(packet.version);
        self.known().quic_version.get_or_insert(version);
        if self.has_hello {
            return None;
        }
        let end = self.handshake(section.octets);
        self.has_hello |= end == Some(End::Whole);
        end
    }

    /// Reads the `ClientHello`. It may be in several packets.
    #[cfg(feature = "quic")]
    fn handshake(&mut self, octets: &[u8]) -> Option<End> {
        let mut handshake = self.handshake.take().unwrap_or_default();
        let Some((found, end)) = handshake.add(octets) else {
            // The keys of this version are unknown, so only its number is known.
            return Some(End::Whole);
        };
        let is_named = found.server_name.is_some() && !found.alpn.is_empty();
        self.tls(found);
        match end {
            End::Cut if is_named => {
                self.has_hello = true;
                Some(End::Cut)
            }
            End::Cut => {
                self.handshake = Some(handshake);
                None
            }
            End::Malformed => {
                // This packet cannot be read, but another one may continue the message.
                self.handshake = handshake.has_begun().then_some(handshake);
                Some(End::Malformed)
            }
            End::Whole => Some(End::Whole),
        }
    }

    #[cfg(not(feature = "quic"))]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "with the feature `quic`, this function has state and may have no result"
    )]
    fn handshake(&mut self, _: &[u8]) -> Option<End> {
        Some(End::Whole)
    }

    /// Keeps each field of a hello that no earlier hello of the flow had.
    fn tls(&mut self, found: Tls) {
        if found == Tls::default() {
            return;
        }
        let known = self.known().tls.get_or_insert_default();
        if known.server_name.is_none() {
            known.server_name = found.server_name;
        }
        if known.alpn.is_empty() {
            known.alpn = found.alpn;
        }
    }

    fn known(&mut self) -> &mut Application {
        Arc::make_mut(self.application.get_or_insert_default())
    }
}

/// The message that begins a stream.
fn message_of(ports: [u16; 2], octets: &[u8]) -> Option<Message> {
    message(&payload(protocol::TCP, ports, octets))
}

fn payload(protocol: u8, ports: [u16; 2], octets: &[u8]) -> Payload {
    let mut first = [0; LOOKED_AT];
    for (place, octet) in first.iter_mut().zip(octets) {
        *place = *octet;
    }
    Payload {
        protocol,
        ports,
        length: u32::try_from(octets.len()).unwrap_or(u32::MAX),
        first,
        last: [0; LAST],
        is_opening: false,
        is_cut: false,
        is_from_initiator: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "quic")]
    use crate::payload::quic::tests::{SAMPLE_V1, octets};
    use crate::payload::{
        dns::tests::asking,
        tls::tests::{extension, hello, record, sni},
    };

    fn section(direction: u8, sequence: u32, time: u64, octets: &[u8]) -> Section<'_> {
        Section {
            direction,
            time: Some(time),
            sequence,
            payload: u32::try_from(octets.len()).unwrap(),
            octets,
        }
    }

    const HTTPS: [u16; 2] = [40_000, 443];

    fn server_name(payloads: &FlowPayloads) -> Option<&str> {
        let tls = payloads.application()?.tls.as_ref()?;
        tls.server_name.as_deref()
    }

    #[test]
    fn hello_in_two_segments_of_any_order_names_its_server() {
        let whole = record(&hello(&sni(b"two.example")));
        for at in 6..whole.len() {
            let (one, other) = whole.split_at(at);
            let behind = 100 + u32::try_from(at).unwrap();
            let mut payloads = FlowPayloads::default();
            assert_eq!(payloads.add(6, HTTPS, &section(0, 100, 0, one)), None);
            assert_eq!(payloads.unfinished(), 1);
            let end = payloads.add(6, HTTPS, &section(0, behind, 0, other));
            assert_eq!(
                (end, server_name(&payloads)),
                (Some(End::Whole), Some("two.example"))
            );
            assert_eq!(payloads.unfinished(), 0);
        }
    }

    #[test]
    fn section_that_does_not_hold_its_payload_ends_its_message() {
        let long = record(&hello(
            &[extension(51, &[1; 300]), sni(b"far.example")].concat(),
        ));
        let mut payloads = FlowPayloads::default();
        let part = Section {
            payload: u32::try_from(long.len()).unwrap(),
            ..section(0, 1, 0, &long[..256])
        };
        assert_eq!(payloads.add(6, HTTPS, &part), Some(End::Cut));
        assert_eq!((server_name(&payloads), payloads.unfinished()), (None, 0));
    }

    #[test]
    fn first_question_is_answered_by_its_own_response() {
        let mut payloads = FlowPayloads::default();
        let ports = [40_000, 53];
        let name = b"\x07example";
        for (direction, time, message) in [
            (0, 100, asking(1, [1, 0], name, 1)),
            (0, 150, asking(2, [1, 0], name, 28)),
            (1, 200, asking(2, [0x81, 3], name, 28)),
            (1, 450, asking(1, [0x81, 2], name, 1)),
            (1, 900, asking(1, [0x81, 0], name, 1)),
        ] {
            let end = payloads.add(17, ports, &section(direction, 0, time, &message));
            assert_eq!(end, Some(End::Whole));
        }
        let dns = payloads.application().unwrap().dns.clone().unwrap();
        assert_eq!((&*dns.question, dns.question_type), ("example", 1));
        assert_eq!(dns.response_code, Some(2));
        assert_eq!(dns.latency, Some(Duration::from_nanos(350)));
    }

    #[test]
    fn response_is_of_the_question_and_from_the_other_end() {
        let ports = [53, 53];
        let query = asking(1, [1, 0], b"\x07example", 1);
        for (direction, response, expected) in [
            (1, asking(1, [0x81, 3], b"\x07eXample", 1), Some(3)),
            // From the end that asked; to another name; of another type.
            (0, asking(1, [0x81, 3], b"\x07example", 1), None),
            (1, asking(1, [0x81, 3], b"\x07another", 1), None),
            (1, asking(1, [0x81, 3], b"\x07example", 28), None),
            // A server that cannot read the question does not repeat it.
            (1, vec![0, 1, 0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0], Some(1)),
        ] {
            let mut payloads = FlowPayloads::default();
            payloads.add(17, ports, &section(0, 0, 5, &query));
            payloads.add(17, ports, &section(direction, 0, 9, &response));
            let dns = payloads.application().unwrap().dns.clone().unwrap();
            assert_eq!(dns.response_code, expected, "{response:?}");
        }
    }

    #[test]
    fn message_without_a_name_leaves_no_application() {
        let mut payloads = FlowPayloads::default();
        let status = [0, 9, 0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        let end = payloads.add(17, [53, 40_000], &section(1, 0, 5, &status));
        assert_eq!(end, Some(End::Whole));
        assert_eq!(payloads.application(), None);
    }

    #[test]
    fn response_whose_query_was_not_seen_has_no_latency() {
        let mut payloads = FlowPayloads::default();
        let response = asking(9, [0x81, 0], b"\x01a", 1);
        payloads.add(17, [53, 40_000], &section(1, 0, 5, &response));
        let dns = payloads.application().unwrap().dns.clone().unwrap();
        assert_eq!((dns.response_code, dns.latency), (Some(0), None));
    }

    #[test]
    fn message_of_dns_over_tcp_is_behind_its_length() {
        let query = asking(1, [1, 0], b"\x03tcp", 16);
        let length = u16::try_from(query.len()).unwrap().to_be_bytes();
        let mut payloads = FlowPayloads::default();
        let ports = [53, 40_000];
        assert_eq!(payloads.add(6, ports, &section(1, 5, 0, &length)), None);
        let end = payloads.add(6, ports, &section(1, 7, 0, &query));
        assert_eq!(end, Some(End::Whole));
        let dns = payloads.application().unwrap().dns.clone().unwrap();
        assert_eq!((&*dns.question, dns.question_type), ("tcp", 16));
    }

    #[test]
    fn request_names_its_host() {
        let mut payloads = FlowPayloads::default();
        let request = b"GET / HTTP/1.1\r\nHost: web.example\r\n\r\n";
        let end = payloads.add(6, [80, 40_000], &section(1, 5, 0, request));
        assert_eq!(end, Some(End::Whole));
        let application = payloads.application().unwrap();
        assert_eq!(application.http_host.as_deref(), Some("web.example"));
    }

    #[test]
    fn what_follows_a_request_or_a_hello_is_no_message() {
        for message in [
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            record(&hello(&sni(b"a.example"))),
        ] {
            let mut payloads = FlowPayloads::default();
            let mut sequence = 5;
            let mut add = |octets: &[u8]| {
                let end = payloads.add(6, HTTPS, &section(0, sequence, 0, octets));
                sequence += u32::try_from(octets.len()).unwrap();
                end
            };
            assert_eq!(add(&message), Some(End::Whole));
            for next in [
                &b"content"[..],
                b"GET / HTTP/1.1\r\n",
                &[23, 3, 3, 0, 2, 1, 0],
            ] {
                assert_eq!(add(next), None);
            }
            assert_eq!(payloads.unfinished(), 0);
        }
    }

    #[cfg(feature = "quic")]
    #[test]
    fn initial_packets_after_a_named_hello_are_not_counted() {
        let mut payloads = FlowPayloads::default();
        let packet = octets(SAMPLE_V1);
        let mut add = |octets: &[u8]| payloads.add(17, HTTPS, &section(0, 0, 0, octets));
        // The hello goes on behind the section, and its names are before that.
        assert_eq!(add(&packet), Some(End::Cut));
        let mut with_another_key = packet.clone();
        with_another_key[7] ^= 1;
        assert_eq!(add(&with_another_key), None);
        assert_eq!(add(&packet), None);
        assert_eq!(payloads.unfinished(), 0);
        assert_eq!(server_name(&payloads), Some("example.com"));
    }

    #[test]
    fn quic_has_a_version() {
        let mut payloads = FlowPayloads::default();
        let header = [0xc0, 0x51, 0x30, 0x35, 0x30, 1, 7, 0, 0, 4, 0, 0, 0, 0];
        let end = payloads.add(17, HTTPS, &section(0, 0, 0, &header));
        assert_eq!(end, Some(End::Whole));
        let application = payloads.application().unwrap();
        assert_eq!(application.quic_version, Some(QuicVersion(0x5130_3530)));
    }
}
