//! Uids of objects.

use std::{fmt, sync::Arc};

/// A uid of an object. API servers make UUIDs (RFC 9562), which take 16 octets here and 36 as text; an object of other origin may
/// have any text.
pub(crate) enum Uid {
    Uuid([u8; 16]),
    Text(Arc<str>),
}

/// A uid that is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Uuid([u8; 16]),
    Text(&'a str),
}

impl<'a> Key<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        uuid(text).map_or(Self::Text(text), Self::Uuid)
    }
}

impl From<Key<'_>> for Uid {
    fn from(key: Key<'_>) -> Self {
        match key {
            Key::Uuid(octets) => Self::Uuid(octets),
            Key::Text(text) => Self::Text(text.into()),
        }
    }
}

impl Uid {
    pub(super) fn key(&self) -> Key<'_> {
        match self {
            Self::Uuid(octets) => Key::Uuid(*octets),
            Self::Text(text) => Key::Text(text),
        }
    }

    /// Returns the text as the server wrote it.
    pub(crate) fn text(&self) -> Arc<str> {
        match self {
            Self::Uuid(octets) => {
                let text = written(*octets);
                // Digits and hyphens are ASCII.
                std::str::from_utf8(&text).unwrap_or_default().into()
            }
            Self::Text(text) => Arc::clone(text),
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// Places of the hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Reads a UUID, if it is written as `text` would write it: with small letters and hyphens.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let mut octets = [0; 16];
    let mut digits = 0;
    for (place, letter) in text.iter().enumerate() {
        let digit = match letter {
            b'-' if HYPHENS.contains(&place) => continue,
            _ if HYPHENS.contains(&place) => return None,
            b'0'..=b'9' => letter - b'0',
            b'a'..=b'f' => letter - b'a' + 10,
            _ => return None,
        };
        octets[digits / 2] = octets[digits / 2] << 4 | digit;
        digits += 1;
    }
    Some(octets)
}

fn written(octets: [u8; 16]) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let places = (0..36).filter(|place| !HYPHENS.contains(place));
    let digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 15]);
    for (place, digit) in places.zip(digits) {
        text[place] = DIGITS[usize::from(digit)];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_as_it_was() {
        for (text, is_uuid) in [
            ("6d4b9c00-9e37-4abc-a123-0123456789ab", true),
            ("6D4B9C00-9e37-4abc-a123-0123456789ab", false),
            ("6d4b9c0009e37-4abc-a123-0123456789ab", false),
            ("6d4b9c00-9e37-4abc-a123-0123456789ag", false),
            ("6d4b9c00-9e37-4abc-a123-0123456789a-", false),
            ("uid-7", false),
            ("", false),
        ] {
            let uid = Uid::from(Key::of(text));
            assert_eq!(&*uid.text(), text);
            assert_eq!(matches!(uid, Uid::Uuid(_)), is_uuid, "{text}");
            assert!(uid.key() == Key::of(text));
        }
        assert_eq!(size_of::<Uid>(), 24);
    }
}
