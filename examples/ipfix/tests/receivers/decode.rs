//! A small reader of IPFIX: templates and records, as much as these tests need.

use std::collections::HashMap;

/// Contents of a stream of messages.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// Octets of elements by enterprise and number, of each record of a flow.
    pub(crate) records: Vec<HashMap<(u32, u16), Vec<u8>>>,
    /// Sequence number of each message, and data records in it, options included.
    pub(crate) messages: Vec<(u32, u32)>,
    /// Templates that were received, by how often.
    pub(crate) templates: HashMap<u16, usize>,
}

type Template = Vec<(u32, u16, usize)>;

fn be(octets: &[u8]) -> u64 {
    octets
        .iter()
        .fold(0, |sum, octet| sum << 8 | u64::from(*octet))
}

fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::try_from(be(&octets[at..at + 2])).unwrap()
}

impl Decoded {
    /// Reads whole messages; anything else is a failure.
    pub(crate) fn read(stream: &[u8]) -> Self {
        let mut decoded = Self::default();
        let mut templates: HashMap<u16, Template> = HashMap::new();
        let mut rest = stream;
        while !rest.is_empty() {
            assert_eq!(u16_at(rest, 0), 10, "a message begins with its version");
            let (message, behind) = rest.split_at(usize::from(u16_at(rest, 2)));
            rest = behind;
            decoded.message(message, &mut templates);
        }
        decoded
    }

    fn message(&mut self, message: &[u8], templates: &mut HashMap<u16, Template>) {
        let sequence = u32::try_from(be(&message[8..12])).unwrap();
        let mut count = 0;
        let mut sets = &message[16..];
        while !sets.is_empty() {
            let id = u16_at(sets, 0);
            let (set, behind) = sets.split_at(usize::from(u16_at(sets, 2)));
            sets = behind;
            let mut body = &set[4..];
            while !body.is_empty() {
                body = match id {
                    2 => self.template(body, 4, templates),
                    3 => self.template(body, 6, templates),
                    _ => {
                        count += 1;
                        self.record(id, body, &templates[&id])
                    }
                };
            }
        }
        self.messages.push((sequence, count));
    }

    fn template<'a>(
        &mut self,
        body: &'a [u8],
        header: usize,
        templates: &mut HashMap<u16, Template>,
    ) -> &'a [u8] {
        let id = u16_at(body, 0);
        let mut rest = &body[header..];
        let mut template = Vec::new();
        for _ in 0..u16_at(body, 2) {
            let (number, length) = (u16_at(rest, 0), usize::from(u16_at(rest, 2)));
            rest = &rest[4..];
            let mut enterprise = 0;
            if number >> 15 == 1 {
                enterprise = u32::try_from(be(&rest[..4])).unwrap();
                rest = &rest[4..];
            }
            template.push((enterprise, number & 0x7fff, length));
        }
        *self.templates.entry(id).or_default() += 1;
        templates.insert(id, template);
        rest
    }

    fn record<'a>(&mut self, id: u16, body: &'a [u8], template: &Template) -> &'a [u8] {
        let mut rest = body;
        let mut record = HashMap::new();
        for (enterprise, number, length) in template {
            let (length, behind) = match length {
                0xffff => match rest[0] {
                    255 => (usize::from(u16_at(rest, 1)), &rest[3..]),
                    short => (short.into(), &rest[1..]),
                },
                fixed => (*fixed, rest),
            };
            let (value, behind) = behind.split_at(length);
            record.insert((*enterprise, *number), value.to_vec());
            rest = behind;
        }
        if id >= 260 {
            self.records.push(record);
        }
        rest
    }

    /// `flowId` of each record, in order.
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.records
            .iter()
            .map(|record| be(&record[&(0, 148)]))
            .collect()
    }

    /// Sequence numbers count data records, and none is missing.
    pub(crate) fn check_sequence(&self) {
        let mut expected = self.messages.first().map_or(0, |first| first.0);
        for (sequence, count) in &self.messages {
            assert_eq!(*sequence, expected, "{:?}", self.messages);
            expected = expected.wrapping_add(*count);
        }
    }
}
