//! Publishes records and reads acknowledgements.

use mermin_core::{Flow, sink::JsonBuffer};

use super::{Connection, connection::Heard};
use crate::protocol::{Verdict, put_publish};

/// Largest number of messages per write: about 200 KiB.
const TOGETHER: usize = 128;

/// State of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Not sent, or refused temporarily.
    Left,
    /// Sent without an acknowledgement.
    Doubtful,
    /// In the stream; with its position, unless it was there before.
    Stored(Option<u64>),
    /// Larger than the server or the stream accepts.
    TooLarge,
}

/// Encodes messages into reused memory.
#[derive(Debug)]
pub(crate) struct Publisher {
    under_way: usize,
    lines: JsonBuffer,
    out: Vec<u8>,
}

impl Publisher {
    pub(crate) fn new(under_way: usize, community_id_seed: u16) -> Self {
        Self {
            under_way,
            lines: JsonBuffer::default().community_id_seed(community_id_seed),
            out: Vec::new(),
        }
    }

    /// Sends records and waits for an acknowledgement of each; returns the reason if not all are stored. After the
    /// first refusal, no more are sent.
    pub(crate) fn publish(
        &mut self,
        link: &mut Connection,
        flows: &[&Flow],
    ) -> (Vec<Fate>, Option<String>) {
        let mut fates = vec![Fate::Left; flows.len()];
        let failure = self.attempt(link, flows, &mut fates).err();
        (fates, failure)
    }

    fn attempt(
        &mut self,
        link: &mut Connection,
        flows: &[&Flow],
        fates: &mut [Fate],
    ) -> Result<(), String> {
        let together = (self.under_way / 2).clamp(1, TOGETHER);
        let (mut next, mut waiting) = (0, 0);
        let mut refused: Option<String> = None;
        loop {
            while next < flows.len() && refused.is_none() && waiting + together <= self.under_way {
                let end = flows.len().min(next + together);
                waiting += self.encode(link, flows, next..end, fates);
                next = end;
                link.send(&self.out)?;
            }
            if waiting == 0 {
                return refused.map_or(Ok(()), Err);
            }
            let (number, answer) = match link.hear()? {
                Heard::Answer(Some(number), answer) => (number, answer),
                Heard::Complaint(words) => return Err(words),
                Heard::Answer(None, _) | Heard::Info(_) | Heard::Pong => continue,
            };
            let Some(fate) = fates.get_mut(number).filter(|it| **it == Fate::Doubtful) else {
                return Err("the server acknowledges what was not sent".to_owned());
            };
            waiting -= 1;
            *fate = match answer.verdict(&link.frame.subject) {
                Verdict::Stored(place) => Fate::Stored(Some(place)),
                Verdict::Known => Fate::Stored(None),
                Verdict::TooLarge => Fate::TooLarge,
                Verdict::Again(words) => {
                    refused.get_or_insert(words);
                    Fate::Left
                }
            };
        }
    }

    /// Encodes a part of the records; returns the number of expected acknowledgements.
    fn encode(
        &mut self,
        link: &Connection,
        flows: &[&Flow],
        part: std::ops::Range<usize>,
        fates: &mut [Fate],
    ) -> usize {
        self.out.clear();
        self.lines.clear();
        for flow in &flows[part.clone()] {
            self.lines.push(flow);
        }
        let mut sent = 0;
        for (number, object) in part.zip(self.lines.lines()) {
            let (before, flow) = (self.out.len(), flows[number]);
            let length = put_publish(&mut self.out, &link.frame, number, flow, object);
            fates[number] = if length > link.max_payload {
                self.out.truncate(before);
                Fate::TooLarge
            } else {
                sent += 1;
                Fate::Doubtful
            };
        }
        sent
    }
}
