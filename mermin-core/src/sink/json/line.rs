//! Writes one object into existing memory. Capacity is checked once per attribute, and no octet is moved when the
//! object ends.

use std::{mem, net::IpAddr, time::SystemTime};

use super::escape::{escape, first_to_escape};
use crate::flow::{
    AddedAttribute, AddedValue, FlowId, TcpFlags,
    attributes::{
        Numbers, Texts,
        name::Name,
        render::{self, Short},
        visitor::Visit,
    },
    time::{NineDecimals, Rfc3339},
};

/// Size of a value that is written together with its name, octets.
const VALUE: usize = 80;
type Value = [u8; VALUE];

/// Members of an object, each with a comma before it.
pub(super) struct Line<'b> {
    rest: &'b mut [u8],
    is_full: bool,
    times: &'b mut NineDecimals,
}

impl<'b> Line<'b> {
    pub(super) const fn new(place: &'b mut [u8], times: &'b mut NineDecimals) -> Self {
        Self {
            rest: place,
            is_full: false,
            times,
        }
    }

    /// Remaining octets; none if the memory is too small.
    pub(super) fn left(self) -> Option<usize> {
        (!self.is_full).then_some(self.rest.len())
    }

    pub(super) fn put(&mut self, octets: &[u8]) {
        match mem::take(&mut self.rest).split_at_mut_checked(octets.len()) {
            Some((place, rest)) => {
                place.copy_from_slice(octets);
                self.rest = rest;
            }
            None => self.is_full = true,
        }
    }

    /// Writes a name and its value. `value` writes the value and returns its size in octets. Both are written as whole
    /// arrays, because that is faster. The next member overwrites the octets beyond their sizes.
    #[inline(always)]
    fn member(&mut self, name: &Name, value: impl FnOnce(&mut Value) -> usize) {
        const ROOM: usize = Name::MEMBER + VALUE;
        let Some(place) = self.rest.first_chunk_mut::<ROOM>() else {
            self.rest = &mut [];
            self.is_full = true;
            return;
        };
        place[..Name::MEMBER].copy_from_slice(&name.member);
        let at = name.length.min(Name::MEMBER);
        let length = place[at..].first_chunk_mut().map_or(0, value);
        let rest = mem::take(&mut self.rest);
        self.rest = rest.get_mut(at + length..).unwrap_or_default();
    }

    fn string(&mut self, text: &str) {
        self.put(b"\"");
        let mut rest = text.as_bytes();
        while let Some(at) = first_to_escape(rest) {
            self.put(&rest[..at]);
            escape(rest[at], |octets| self.put(octets));
            rest = &rest[at + 1..];
        }
        self.put(rest);
        self.put(b"\"");
    }

    fn list<T>(&mut self, name: &Name, items: impl Iterator<Item = T>, put: fn(&mut Self, T)) {
        self.member(name, |_| 0);
        self.items(items, put);
    }

    fn items<T>(&mut self, items: impl Iterator<Item = T>, put: fn(&mut Self, T)) {
        let mut before: &[u8] = b"[";
        for item in items {
            self.put(before);
            put(self, item);
            before = b",";
        }
        self.put(if before == b"[" { b"[]" } else { b"]" });
    }
}

impl<'a> Visit<'a> for Line<'_> {
    #[inline]
    fn text(&mut self, name: &'static Name, text: &'a str) {
        if text.len() <= SHORT && first_to_escape(text.as_bytes()).is_none() {
            self.member(name, |place| quoted(place, text.as_bytes()));
        } else {
            self.member(name, |_| 0);
            self.string(text);
        }
    }

    #[inline]
    fn word(&mut self, name: &'static Name, word: &'static str) {
        debug_assert!(word.len() <= SHORT && first_to_escape(word.as_bytes()).is_none());
        self.member(name, |place| quoted(place, word.as_bytes()));
    }

    #[inline]
    fn short(&mut self, name: &'static Name, text: Short) {
        self.member(name, |place| {
            let (padded, length) = text.padded();
            place[0] = b'"';
            place[1..=Short::CAPACITY].copy_from_slice(padded);
            place[1 + length.min(Short::CAPACITY)] = b'"';
            length + 2
        });
    }

    #[inline]
    fn id(&mut self, name: &'static Name, id: FlowId) {
        self.member(name, |place| {
            place[0] = b'"';
            let digits = render::hexadecimal(id.to_u128().to_be_bytes());
            place[1..33].copy_from_slice(digits.as_flattened());
            place[33] = b'"';
            34
        });
    }

    fn address(&mut self, name: &'static Name, address: IpAddr) {
        let IpAddr::V4(address) = address else {
            return self.short(name, Short::address(address));
        };
        self.member(name, |place| {
            place[0] = b'"';
            let text = place[1..].first_chunk_mut();
            let length = text.map_or(0, |text| render::ipv4(address, text)).min(15);
            place[1 + length] = b'"';
            length + 2
        });
    }

    #[expect(
        clippy::inline_always,
        reason = "each attribute has a branch of its own to be predicted, because some are always small"
    )]
    #[inline(always)]
    fn number(&mut self, name: &'static Name, number: u64) {
        self.member(name, |place| decimal(place, number));
    }

    fn time(&mut self, name: &'static Name, time: SystemTime) {
        let Some(text) = self.times.text(time) else {
            self.member(name, |_| 0);
            return self.string(&Rfc3339 { time, decimals: 9 }.to_string());
        };
        self.member(name, |place| {
            place[0] = b'"';
            place[1..=text.len()].copy_from_slice(&text);
            place[1 + text.len()] = b'"';
            text.len() + 2
        });
    }

    fn flags(&mut self, name: &'static Name, flags: TcpFlags) {
        let (tags, length) = &TAGS[usize::from(flags.0)];
        self.member(name, |place| {
            place[..tags.len()].copy_from_slice(tags);
            *length
        });
    }

    fn texts(&mut self, name: &'static Name, texts: Texts<'a>) {
        self.list(name, texts, Self::string);
    }

    fn numbers(&mut self, name: &'static Name, numbers: Numbers<'a>) {
        self.list(name, numbers, |line, number| {
            line.put(render::decimal(number, &mut [0; render::DIGITS]));
        });
    }

    fn added(&mut self, added: &'a AddedAttribute) {
        self.put(b",");
        self.string(added.name());
        self.put(b":");
        match &added.value {
            AddedValue::Text(text) => self.string(text),
            AddedValue::Texts(texts) => self.items(Texts::from(&**texts), Self::string),
            AddedValue::Number(number) => {
                self.put(render::decimal(*number, &mut [0; render::DIGITS]));
            }
        }
    }
}

/// Longest text of [`quoted`], octets.
const SHORT: usize = 64;

/// Writes a text of at most [`SHORT`] octets that needs no escape. The shortest ones are copied as two overlapping
/// words, because a call of `memcpy` takes longer.
#[inline]
fn quoted(place: &mut Value, text: &[u8]) -> usize {
    let length = text.len().min(SHORT);
    place[0] = b'"';
    let inner = &mut place[1..];
    match (
        text.first_chunk::<8>().zip(text.last_chunk::<8>()),
        text.first_chunk::<4>().zip(text.last_chunk::<4>()),
    ) {
        (Some((first, last)), _) if length <= 16 => {
            inner[..8].copy_from_slice(first);
            inner[length - 8..length].copy_from_slice(last);
        }
        (None, Some((first, last))) => {
            inner[..4].copy_from_slice(first);
            inner[length - 4..length].copy_from_slice(last);
        }
        _ => inner[..length].copy_from_slice(&text[..length]),
    }
    inner[length] = b'"';
    length + 2
}

#[expect(
    clippy::inline_always,
    reason = "each attribute has a branch of its own to be predicted, because some are always small"
)]
#[inline(always)]
fn decimal(place: &mut Value, number: u64) -> usize {
    match usize::try_from(number)
        .ok()
        .and_then(|number| render::SMALL.get(number))
    {
        Some((digits, length)) => {
            place[..3].copy_from_slice(digits);
            usize::from(*length)
        }
        None => decimal_of_four(place, number),
    }
}

/// Writes a number of four digits or more.
fn decimal_of_four(place: &mut Value, number: u64) -> usize {
    const GROUP: u64 = 100_000_000;
    const ASCII: u64 = 0x3030_3030_3030_3030;
    let group = |number: u64| render::eight_digits(u32::try_from(number).unwrap_or(0));
    if number >= GROUP {
        let length = decimal_of_more(place, number / GROUP);
        let eight = group(number % GROUP) | ASCII;
        place[length..length + 8].copy_from_slice(&eight.to_le_bytes());
        return length + 8;
    }
    let digits = group(number);
    let leading = (digits | 1 << 56).trailing_zeros() / 8;
    let text = (digits | ASCII) >> (8 * leading);
    place[..8].copy_from_slice(&text.to_le_bytes());
    8 - usize::try_from(leading).unwrap_or(0)
}

/// Writes the digits before the last eight.
fn decimal_of_more(place: &mut Value, number: u64) -> usize {
    let mut digits = [0; render::DIGITS];
    let text = render::decimal(number, &mut digits);
    place[..text.len()].copy_from_slice(text);
    text.len()
}

/// Size of the longest list of control bits, octets: `["FIN","SYN","RST","PSH","ACK","URG","ECE","CWR"]`.
const TAGS_LENGTH: usize = 8 * 6 + 1;

/// The list of names for each combination of control bits, and its length in octets.
static TAGS: [([u8; TAGS_LENGTH], usize); 256] = {
    let mut all = [([0; TAGS_LENGTH], 0); 256];
    let mut flags = 0;
    while flags < all.len() {
        let (list, length) = &mut all[flags];
        let mut bit = 0;
        while bit < TcpFlags::TAGS.len() {
            if flags >> bit & 1 == 1 {
                let name = TcpFlags::TAGS[bit].as_bytes();
                assert!(name.len() == 3);
                let item = [b',', b'"', name[0], name[1], name[2], b'"'];
                let mut octet = 0;
                while octet < item.len() {
                    list[*length] = item[octet];
                    *length += 1;
                    octet += 1;
                }
            }
            bit += 1;
        }
        // The first comma becomes the bracket.
        list[0] = b'[';
        *length += if *length == 0 { 1 } else { 0 };
        list[*length] = b']';
        *length += 1;
        flags += 1;
    }
    all
};
