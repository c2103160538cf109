//! Messages of DNS (RFC 1035 section 4): id, first question, response code.

use super::{cursor::Cursor, end::End, text::escape};

/// Octets of a name on the wire (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 255;
/// The upper two bits of a length: a pointer to a name before (RFC 1035 section 4.1.4), which a first question cannot have.
const POINTER: u8 = 0xc0;

/// The fields of a message that name something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: u16,
    pub(super) is_response: bool,
    /// Of a response.
    pub(super) code: u8,
    /// Name and type of the first question.
    pub(super) question: Option<(String, u16)>,
}

/// Reads a message of UDP, or one of TCP behind its length.
///
/// # Errors
/// How it ends before its first question does.
pub(super) fn message(octets: &[u8]) -> Result<Message, End> {
    let mut octets = Cursor::of_part(octets);
    let id = octets.u16()?;
    let [high, low] = octets.array()?;
    let questions = octets.u16()?;
    octets.take(6)?;
    // Queries and responses only: other messages (notifications, updates) have another content, and the same questions.
    let question = if questions == 0 {
        None
    } else {
        let name = name(&mut octets)?;
        Some((name, octets.u16()?))
    };
    Ok(Message {
        id,
        is_response: high & 0x80 != 0,
        code: low & 0x0f,
        question,
    })
}

fn name(octets: &mut Cursor<'_>) -> Result<String, End> {
    let mut text = String::new();
    let mut length = 0;
    loop {
        let label = octets.u8()?;
        if label & POINTER != 0 {
            return Err(End::Malformed);
        }
        length += 1 + usize::from(label);
        if length > LONGEST_NAME {
            return Err(End::Malformed);
        }
        if label == 0 {
            break;
        }
        if !text.is_empty() {
            text.push('.');
        }
        escape(&mut text, octets.take(label.into())?, b".");
    }
    if text.is_empty() {
        text.push('.');
    }
    Ok(text)
}

/// Returns the message that begins a stream, as far as it is at hand (RFC 1035 section 4.2.2).
pub(super) fn of_stream(octets: &[u8]) -> Result<&[u8], End> {
    let mut cursor = Cursor::of_part(octets);
    let length = usize::from(cursor.u16()?);
    let rest = cursor.rest();
    Ok(rest.get(..length).unwrap_or(rest))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A message with one question.
    pub(in crate::payload) fn asking(id: u16, flags: [u8; 2], name: &[u8], kind: u16) -> Vec<u8> {
        let [high, low] = id.to_be_bytes();
        let [kind_high, kind_low] = kind.to_be_bytes();
        let header = [high, low, flags[0], flags[1], 0, 1, 0, 0, 0, 0, 0, 0];
        [&header[..], name, &[0, kind_high, kind_low, 0, 1]].concat()
    }

    #[test]
    fn query_and_response_are_read() {
        let query = asking(7, [1, 0], b"\x03www\x07example\x03com", 28);
        let expected = Message {
            id: 7,
            is_response: false,
            code: 0,
            question: Some(("www.example.com".to_owned(), 28)),
        };
        assert_eq!(message(&query), Ok(expected.clone()));
        let response = asking(7, [0x81, 0x83], b"\x03www\x07example\x03com", 28);
        let expected = Message {
            is_response: true,
            code: 3,
            ..expected
        };
        assert_eq!(message(&response), Ok(expected));
        for length in 0..query.len() - 2 {
            assert_eq!(message(&query[..length]), Err(End::Cut), "{length}");
        }
    }

    #[test]
    fn root_and_unprintable_octets_are_escaped() {
        let named = |name: &[u8]| message(&asking(1, [0, 0], name, 2)).map(|it| it.question);
        assert_eq!(named(b""), Ok(Some((".".to_owned(), 2))));
        assert_eq!(
            named(b"\x04a.\x1b\\"),
            Ok(Some(("a\\046\\027\\092".to_owned(), 2)))
        );
    }

    #[test]
    fn impossible_name_is_malformed() {
        let pointer = asking(1, [0, 0], b"\xc0\x0c", 1);
        assert_eq!(message(&pointer), Err(End::Malformed));
        let label = [&[63][..], &[b'a'; 63]].concat();
        let long = label.repeat(4);
        assert_eq!(message(&asking(1, [0, 0], &long, 1)), Err(End::Malformed));
        assert!(message(&asking(1, [0, 0], &label.repeat(3), 1)).is_ok());
    }

    #[test]
    fn message_without_a_question_has_a_code() {
        let refused = [0, 9, 0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        let found = message(&refused).unwrap();
        assert_eq!((found.code, found.question), (5, None));
    }
}
