//! Formats short texts octet by octet. `core::fmt` takes several times as long.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::flow::MacAddress;

/// The two digits of each number from 0 to 99.
const PAIRS: [u8; 200] = {
    let mut pairs = [b'0'; 200];
    let (mut at, mut number) = (0, 0);
    while number < 100 {
        pairs[at] += number / 10;
        pairs[at + 1] += number % 10;
        number += 1;
        at += 2;
    }
    pairs
};

/// Each octet in decimal with a dot behind it, and the length of both.
static OCTETS: [([u8; 4], usize); 256] = {
    let mut all = [([b'.'; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let (text, length) = &mut all[octet];
        let mut place = if octet >= 100 {
            0
        } else if octet >= 10 {
            1
        } else {
            2
        };
        while place < 3 {
            text[*length] = b"0123456789"[digits[place]];
            *length += 1;
            place += 1;
        }
        *length += 1;
        octet += 1;
    }
    all
};

const HEX: [u8; 16] = *b"0123456789abcdef";

/// Number of digits of the longest 64-bit number.
pub(crate) const DIGITS: usize = 20;

/// Returns the two digits of a number below 100.
pub(crate) fn pair(number: u64) -> [u8; 2] {
    let at = 2 * usize::try_from(number % 100).unwrap_or(0);
    [PAIRS[at], PAIRS[at + 1]]
}

/// Writes a number in decimal to the end of `place`; returns the digits.
pub(crate) fn decimal(mut number: u64, place: &mut [u8; DIGITS]) -> &[u8] {
    let mut at = DIGITS;
    while number >= 10 {
        at -= 2;
        place[at..at + 2].copy_from_slice(&pair(number));
        number /= 100;
    }
    // Either one digit is left, or the number is 0.
    if number != 0 || at == DIGITS {
        at -= 1;
        place[at] = pair(number)[1];
    }
    &place[at..]
}

/// Returns the eight digits of a number below 10^8 as one word, with leading zeros. The first digit is in the lowest
/// octet. Each step divides several parts of the word at once, so it needs no division instruction and no branch.
pub(crate) fn eight_digits(number: u32) -> u64 {
    let number = u64::from(number);
    let (high, low) = (number / 10_000, number % 10_000);
    let fours = high | low << 32;
    // Exact below 10,000: 10,486 / 2^20 is a little more than 1 / 100.
    let hundreds = (fours * 10_486) >> 20 & 0x7f_0000_007f;
    let pairs = hundreds | (fours - 100 * hundreds) << 16;
    let tens = (pairs * 103) >> 10 & 0x000f_000f_000f_000f;
    tens | (pairs - 10 * tens) << 8
}

/// Writes an IPv4 address and returns its length. Octets behind the address have no meaning.
#[inline]
pub(crate) fn ipv4(address: Ipv4Addr, place: &mut [u8; 16]) -> usize {
    let mut at = 0;
    for octet in address.octets() {
        let (text, length) = OCTETS[usize::from(octet)];
        // Tells the compiler that the index is in bounds: it is 12 at most.
        let four = at.min(12);
        place[four..four + 4].copy_from_slice(&text);
        at += length;
    }
    // Removes the dot behind the last octet.
    at - 1
}

/// Returns two digits for each octet, computed for all octets at once.
#[inline]
pub(crate) fn hexadecimal<const N: usize>(octets: [u8; N]) -> [[u8; 2]; N] {
    let digit = |four: u8| four + if four > 9 { b'a' - 10 } else { b'0' };
    octets.map(|octet| [digit(octet >> 4), digit(octet & 15)])
}

/// Digits of numbers below 1,000 without leading zeros, and the number of digits.
pub(crate) static SMALL: [([u8; 3], u8); 1_000] = {
    let mut all = [([0; 3], 0); 1_000];
    let mut number = 0;
    while number < all.len() {
        let digits = [number / 100, number / 10 % 10, number % 10];
        let leading = (number < 10) as usize + (number < 100) as usize;
        let mut place = leading;
        while place < 3 {
            all[number].0[place - leading] = b"0123456789"[digits[place]];
            place += 1;
        }
        all[number].1 = b"\x03\x02\x01"[leading];
        number += 1;
    }
    all
};

/// A text of at most 48 octets, the length of the longest address.
#[derive(Clone, Copy)]
pub(crate) struct Short {
    text: [u8; Self::CAPACITY],
    length: usize,
}

impl std::fmt::Write for Short {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        if self.put(part.as_bytes()) {
            Ok(())
        } else {
            Err(std::fmt::Error)
        }
    }
}

impl Short {
    pub(crate) const CAPACITY: usize = 48;

    pub(crate) const fn empty() -> Self {
        Self {
            text: [0; Self::CAPACITY],
            length: 0,
        }
    }

    /// Returns the whole buffer and the length of the text in it.
    pub(crate) const fn padded(&self) -> (&[u8; Self::CAPACITY], usize) {
        (&self.text, self.length)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.length]
    }

    /// Appends `part`. Returns false and writes nothing if it does not fit.
    pub(crate) fn put(&mut self, part: &[u8]) -> bool {
        let end = self.length + part.len();
        let Some(place) = self.text.get_mut(self.length..end) else {
            return false;
        };
        place.copy_from_slice(part);
        self.length = end;
        true
    }

    fn octet(&mut self, octet: u8) {
        self.put(&[octet]);
    }

    /// Formats each octet as two digits.
    pub(crate) fn hexadecimal<const N: usize>(octets: [u8; N]) -> Self {
        let mut text = Self::empty();
        text.put(hexadecimal(octets).as_flattened());
        text
    }

    pub(crate) fn mac(address: MacAddress) -> Self {
        let mut text = Self::empty();
        let between = hexadecimal(address.0).map(|[high, low]| [high, low, b':']);
        if let [digits @ .., _] = between.as_flattened() {
            text.put(digits);
        }
        text
    }

    pub(crate) fn decimal(number: u64) -> Self {
        let mut text = Self::empty();
        text.put(decimal(number, &mut [0; DIGITS]));
        text
    }

    /// Formats an address as RFC 5952 does.
    pub(crate) fn address(address: IpAddr) -> Self {
        let mut text = Self::empty();
        match address {
            IpAddr::V4(v4) => text.ipv4(v4),
            IpAddr::V6(v6) => text.ipv6(v6),
        }
        text
    }

    fn ipv4(&mut self, address: Ipv4Addr) {
        if let Some(place) = self.text[self.length..].first_chunk_mut() {
            self.length += ipv4(address, place);
        }
    }

    fn ipv6(&mut self, address: Ipv6Addr) {
        if let Some(inner) = address.to_ipv4_mapped() {
            self.put(b"::ffff:");
            return self.ipv4(inner);
        }
        let groups = address.segments();
        let zeros = longest_zeros(&groups);
        let mut at = 0;
        while at < groups.len() {
            if at == zeros.start && !zeros.is_empty() {
                self.put(b"::");
                at = zeros.end;
                continue;
            }
            if at != 0 && (at != zeros.end || zeros.is_empty()) {
                self.octet(b':');
            }
            self.group(groups[at]);
            at += 1;
        }
    }

    /// Writes one group without leading zeros.
    fn group(&mut self, group: u16) {
        let digits =
            [group >> 12, group >> 8, group >> 4, group].map(|digit| HEX[usize::from(digit & 15)]);
        let leading = usize::try_from(group.leading_zeros() / 4)
            .unwrap_or(0)
            .min(3);
        self.put(&digits[leading..]);
    }
}

/// Returns the first of the longest runs of zero groups (RFC 5952), at least two groups long. If there is none, the
/// range is empty and lies behind the last group.
fn longest_zeros(groups: &[u16; 8]) -> std::ops::Range<usize> {
    let mut longest = 8..8;
    let mut at = 0;
    while at < groups.len() {
        let run = groups[at..].iter().take_while(|group| **group == 0).count();
        if run > 1 && run > longest.len() {
            longest = at..at + run;
        }
        at += run.max(1);
    }
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn address_is_written_by_octets() {
        for octet in 0..=255 {
            let address = Ipv4Addr::new(octet, 0, 255, octet);
            assert_eq!(text(&Short::address(address.into())), address.to_string());
        }
    }

    fn text(short: &Short) -> String {
        String::from_utf8(short.as_bytes().to_vec()).unwrap()
    }

    fn digits(number: u64) -> String {
        String::from_utf8(decimal(number, &mut [0; DIGITS]).to_vec()).unwrap()
    }

    #[test]
    fn numbers_of_each_length_are_rendered() {
        let mut number = 1_u64;
        for _ in 0..20 {
            for near in [number - 1, number, number.saturating_mul(9)] {
                assert_eq!(digits(near), near.to_string());
            }
            number = number.saturating_mul(10);
        }
        assert_eq!(digits(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn message_beyond_the_buffer_is_omitted() {
        let mut short = Short::empty();
        assert!(short.put(&[b'x'; 40]) && !short.put(&[b'y'; 9]));
        assert_eq!(short.as_bytes().len(), 40);
    }

    #[test]
    fn longest_address_fits() {
        let longest = Ipv6Addr::from(u128::MAX);
        assert_eq!(text(&Short::address(longest.into())), longest.to_string());
    }

    #[test]
    fn mac_address_is_rendered_by_octets() {
        let mac = MacAddress([0, 1, 0xab, 0xcd, 0xef, 255]);
        assert_eq!(text(&Short::mac(mac)), mac.to_string());
    }

    proptest! {
        #[test]
        fn any_number_is_rendered_as_by_std(number: u64, shift in 0..64_u32) {
            let number = number >> shift;
            prop_assert_eq!(digits(number), number.to_string());
        }

        #[test]
        fn any_eight_digits_are_rendered(number in 0..100_000_000_u32, shift in 0..27_u32) {
            for number in [number, number >> shift, 99_999_999 >> shift] {
                let digits = (eight_digits(number) | 0x3030_3030_3030_3030).to_le_bytes();
                prop_assert_eq!(str::from_utf8(&digits).unwrap(), format!("{number:08}"));
            }
        }

        #[test]
        fn any_address_is_rendered_as_by_std(octets: [u8; 4], groups: [u16; 8], zeros: u8, small: u8) {
            let v4 = Ipv4Addr::from(octets);
            prop_assert_eq!(text(&Short::address(v4.into())), v4.to_string());
            let mut groups = groups;
            for (number, group) in groups.iter_mut().enumerate() {
                if zeros >> number & 1 == 1 {
                    *group = 0;
                }
                if small >> number & 1 == 1 {
                    *group &= 0xff;
                }
            }
            for v6 in [Ipv6Addr::from(groups), v4.to_ipv6_mapped(), v4.to_ipv6_compatible()] {
                prop_assert_eq!(text(&Short::address(v6.into())), v6.to_string());
            }
        }

        #[test]
        fn any_octets_are_rendered_in_hexadecimal(octets: [u8; 16]) {
            let id = u128::from_be_bytes(octets);
            prop_assert_eq!(text(&Short::hexadecimal(octets)), format!("{id:032x}"));
        }
    }
}
