//! Messages and sets (RFC 7011 section 3).

use super::options::FIRST_RECORD;

pub(crate) const VERSION: u16 = 10;
pub(crate) const HEADER: usize = 16;
const SET_HEADER: usize = 4;

/// Messages in sequence, as in a file.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    octets: Vec<u8>,
    /// End offset of each message.
    ends: Vec<usize>,
    /// Number of flow records in each.
    flow_records: Vec<u32>,
}

impl Messages {
    /// Returns all octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets
    }

    /// Returns the number of messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns true if there are no messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns each message.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, &end)| self.octets.get(start..end).unwrap_or_default())
    }

    pub(crate) fn clear(&mut self) {
        self.octets.clear();
        self.ends.clear();
        self.flow_records.clear();
    }

    /// Returns the number of flow records in each message.
    pub(crate) fn flow_records(&self) -> &[u32] {
        &self.flow_records
    }

    /// Returns the sequence number in a message's header.
    pub(crate) fn sequence(&self, number: usize) -> Option<u32> {
        let message = self.iter().nth(number)?;
        let octets = message.get(8..12)?.try_into().ok()?;
        Some(u32::from_be_bytes(octets))
    }
}

/// Writes records into messages.
pub(crate) struct Writer<'a> {
    messages: &'a mut Messages,
    /// Size limit of a message in octets.
    most: usize,
    time: u32,
    domain: u32,
    /// Number of data records in all earlier messages.
    sequence: u32,
    /// Start of the current message.
    start: Option<usize>,
    /// The current set and its start.
    set: Option<(u16, usize)>,
    data_records: u32,
    flow_records: u32,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        messages: &'a mut Messages,
        most: usize,
        time: u32,
        domain: u32,
        sequence: u32,
    ) -> Self {
        Self {
            messages,
            most,
            time,
            domain,
            sequence,
            start: None,
            set: None,
            data_records: 0,
            flow_records: 0,
        }
    }

    /// Returns the octets of a record that fits into a message of its own.
    pub(crate) fn longest_record(&self) -> usize {
        self.most.saturating_sub(HEADER + SET_HEADER)
    }

    /// Returns the number of finished messages.
    pub(crate) fn finished(&self) -> usize {
        self.messages.len()
    }

    /// Returns the messages, of which the last may be unfinished.
    pub(crate) fn messages(&self) -> &Messages {
        self.messages
    }

    /// Makes the next record begin a new set.
    pub(crate) fn new_set(&mut self) {
        self.end_set();
    }

    /// Writes one record of this length into a set with this id.
    pub(crate) fn record(&mut self, set: u16, length: usize, put: impl FnOnce(&mut Vec<u8>)) {
        let is_open = self.set.is_some_and(|(id, _)| id == set);
        let needed = length + if is_open { 0 } else { SET_HEADER };
        let written = self
            .start
            .map_or(0, |start| self.messages.octets.len() - start);
        if written != 0 && written + needed > self.most {
            self.end_message();
        }
        if self.start.is_none() {
            self.begin_message();
        }
        if self.set.is_none_or(|(id, _)| id != set) {
            self.end_set();
            self.set = Some((set, self.messages.octets.len()));
            self.messages.octets.extend_from_slice(&set.to_be_bytes());
            self.messages.octets.extend_from_slice(&[0; 2]);
        }
        self.messages.octets.reserve(length);
        put(&mut self.messages.octets);
        // Templates are not data records (RFC 7011 section 3.1).
        self.data_records += u32::from(set >= 256);
        self.flow_records += u32::from(set >= FIRST_RECORD);
    }

    fn begin_message(&mut self) {
        let octets = &mut self.messages.octets;
        self.start = Some(octets.len());
        octets.extend_from_slice(&VERSION.to_be_bytes());
        octets.extend_from_slice(&[0; 2]);
        for word in [self.time, self.sequence, self.domain] {
            octets.extend_from_slice(&word.to_be_bytes());
        }
        debug_assert_eq!(octets.len() - self.start.unwrap_or(0), HEADER);
    }

    fn end_set(&mut self) {
        if let Some((_, start)) = self.set.take() {
            write_length(&mut self.messages.octets, start);
        }
    }

    fn end_message(&mut self) {
        self.end_set();
        if let Some(start) = self.start.take() {
            write_length(&mut self.messages.octets, start);
            self.messages.ends.push(self.messages.octets.len());
            self.sequence = self.sequence.wrapping_add(self.data_records);
            self.data_records = 0;
            let flow_records = std::mem::take(&mut self.flow_records);
            self.messages.flow_records.push(flow_records);
        }
    }

    /// Ends the last message; returns the sequence number of the next one.
    pub(crate) fn finish(mut self) -> u32 {
        self.end_message();
        self.sequence
    }
}

/// Writes the length of the set or message that ends here, after its first two octets.
fn write_length(octets: &mut [u8], start: usize) {
    let length = u16::try_from(octets.len() - start).unwrap_or(u16::MAX);
    if let Some(place) = octets.get_mut(start + 2..start + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_never_exceeds_its_limit_and_counts_data_records() {
        let mut messages = Messages::default();
        let mut writer = Writer::new(&mut messages, 60, 7, 9, u32::MAX);
        let ten = |out: &mut Vec<u8>| out.extend_from_slice(&[1; 10]);
        writer.record(2, 10, ten);
        for _ in 0..4 {
            writer.record(300, 10, ten);
        }
        assert_eq!(writer.finish(), 3);
        let all: Vec<_> = messages.iter().collect();
        // Header, a set of templates, a set of two records; header, a set of two records.
        assert_eq!(all.iter().map(|it| it.len()).collect::<Vec<_>>(), [54, 40]);
        assert_eq!(
            all[0][..16],
            *b"\0\x0a\0\x36\0\0\0\x07\xff\xff\xff\xff\0\0\0\x09"
        );
        assert_eq!(all[0][16..20], *b"\0\x02\0\x0e");
        assert_eq!(all[0][30..34], *b"\x01\x2c\0\x18");
        assert_eq!(all[1][8..12], *b"\0\0\0\x01");
        assert_eq!(messages.sequence(1), Some(1));
        assert_eq!((messages.len(), messages.as_bytes().len()), (2, 94));
    }
}
