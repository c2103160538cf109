//! `ClientHello` of TLS (RFC 8446 section 4.1.2): server name and protocols.

use std::sync::Arc;

use super::{cursor::Cursor, end::End, text::escaped};
use crate::flow::Tls;

/// Maximum length of a handshake message that is joined from its records, octets.
const MOST: usize = 4096;
/// A host name has at most 255 octets (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 255;
/// Maximum number of protocols that are kept of an offer. Browsers offer two or three.
const MOST_PROTOCOLS: usize = 16;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const HOST_NAME: u8 = 0;

/// Reads the `ClientHello` that begins a stream, out of its records.
pub(super) fn stream(octets: &[u8]) -> (Tls, End) {
    let mut records = Cursor::of_part(octets);
    let mut message = Vec::new();
    loop {
        let end = fragment(&mut records, &mut message);
        let (found, inner) = client_hello(&message);
        if inner != End::Cut || end.is_err() || message.len() > MOST {
            let end = match end {
                Err(End::Malformed) if inner == End::Cut => End::Malformed,
                _ => inner,
            };
            return (found, end);
        }
    }
}

/// Appends the next record's part of the message.
fn fragment(records: &mut Cursor<'_>, message: &mut Vec<u8>) -> Result<(), End> {
    let [kind, major, _, high, low] = records.array()?;
    if kind != HANDSHAKE || major != 3 {
        return Err(End::Malformed);
    }
    let part = records.part(u16::from_be_bytes([high, low]).into())?;
    message.extend_from_slice(part.rest());
    if part.is_cut() { Err(End::Cut) } else { Ok(()) }
}

/// Reads a handshake message. TLS has it in records, and QUIC in frames.
pub(super) fn client_hello(octets: &[u8]) -> (Tls, End) {
    let mut found = Tls::default();
    let end = match read(Cursor::of_part(octets), &mut found) {
        Ok(()) => End::Whole,
        Err(end) => end,
    };
    (found, end)
}

fn read(mut octets: Cursor<'_>, found: &mut Tls) -> Result<(), End> {
    let [kind, high, middle, low] = octets.array()?;
    if kind != CLIENT_HELLO {
        return Err(End::Malformed);
    }
    let length = u32::from_be_bytes([0, high, middle, low]) as usize;
    let mut hello = octets.part(length)?;
    // The version and a random number.
    let [major, ..] = hello.array::<34>()?;
    if major != 3 {
        return Err(End::Malformed);
    }
    let session = hello.u8()?;
    hello.take(session.into())?;
    let suites = hello.u16()?;
    hello.take(suites.into())?;
    let compressions = hello.u8()?;
    hello.take(compressions.into())?;
    if hello.is_empty() && !hello.is_cut() {
        // No extensions, as in TLS 1.0.
        return Ok(());
    }
    let length = hello.u16()?;
    let mut extensions = hello.part(length.into())?;
    while !extensions.is_empty() {
        let kind = extensions.u16()?;
        let length = extensions.u16()?;
        let content = extensions.part(length.into())?;
        match kind {
            SERVER_NAME => found.server_name = server_name(content)?.or(found.server_name.take()),
            ALPN => found.alpn = protocols(content)?,
            _ if content.is_cut() => return Err(End::Cut),
            _ => {}
        }
    }
    if extensions.is_cut() {
        return Err(End::Cut);
    }
    Ok(())
}

/// Returns the host name in a list of server names. The list of a server is empty.
fn server_name(mut content: Cursor<'_>) -> Result<Option<Arc<str>>, End> {
    if content.is_empty() && !content.is_cut() {
        return Ok(None);
    }
    let length = content.u16()?;
    let mut list = content.part(length.into())?;
    while !list.is_empty() {
        let kind = list.u8()?;
        let length = list.u16()?;
        let name = list.take(length.into())?;
        if kind == HOST_NAME && !name.is_empty() {
            return if name.len() > LONGEST_NAME {
                Err(End::Malformed)
            } else {
                Ok(Some(escaped(name).into()))
            };
        }
    }
    if list.is_cut() {
        Err(End::Cut)
    } else {
        Ok(None)
    }
}

fn protocols(mut content: Cursor<'_>) -> Result<Arc<[Arc<str>]>, End> {
    let length = content.u16()?;
    let mut list = content.part(length.into())?;
    let mut found = Vec::new();
    while !list.is_empty() {
        let length = list.u8()?;
        let name = list.take(length.into())?;
        if name.is_empty() {
            return Err(End::Malformed);
        }
        found.push(Arc::from(escaped(name)));
        if found.len() == MOST_PROTOCOLS {
            return Ok(found.into());
        }
    }
    if list.is_cut() {
        return Err(End::Cut);
    }
    Ok(found.into())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::payload) fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        [&kind.to_be_bytes()[..], &length.to_be_bytes(), content].concat()
    }

    pub(in crate::payload) fn sni(name: &[u8]) -> Vec<u8> {
        let length = u16::try_from(name.len()).unwrap();
        let list = [&[0][..], &length.to_be_bytes(), name].concat();
        let length = u16::try_from(list.len()).unwrap();
        extension(0, &[&length.to_be_bytes()[..], &list].concat())
    }

    /// A handshake message with these extensions.
    pub(in crate::payload) fn hello(extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([4, 1, 2, 3, 4]);
        body.extend([0, 4, 0x13, 1, 0x13, 2]);
        body.extend([1, 0]);
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[1][..], &length[1..], &body].concat()
    }

    pub(in crate::payload) fn record(content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        [&[22, 3, 1][..], &length.to_be_bytes(), content].concat()
    }

    fn alpn() -> Vec<u8> {
        extension(16, b"\0\x0c\x02h2\x08http/1.1")
    }

    #[test]
    fn names_and_protocols_of_a_hello_are_read() {
        let extensions = [
            extension(0x0a0a, &[]),
            sni(b"example.com"),
            extension(43, &[2, 3, 4]),
            alpn(),
        ]
        .concat();
        let (found, end) = stream(&record(&hello(&extensions)));
        assert_eq!(end, End::Whole);
        assert_eq!(found.server_name.as_deref(), Some("example.com"));
        let alpn: Vec<_> = found.alpn.iter().map(|name| &**name).collect();
        assert_eq!(alpn, ["h2", "http/1.1"]);
    }

    #[test]
    fn protocols_without_a_name_are_malformed_and_sixteen_are_kept() {
        let empty = hello(&extension(16, b"\0\x02\0\0"));
        assert_eq!(client_hello(&empty), (Tls::default(), End::Malformed));
        let many = [&[0, 100][..], &[1, b'x'].repeat(50)].concat();
        let (found, end) = client_hello(&hello(&extension(16, &many)));
        assert_eq!((found.alpn.len(), end), (MOST_PROTOCOLS, End::Whole));
    }

    #[test]
    fn truncated_hello_gives_its_fields_before_the_cut() {
        let extensions = [sni(b"example.com"), extension(51, &[9; 40]), alpn()].concat();
        let whole = record(&hello(&extensions));
        let mut seen = [false; 3];
        for length in 0..whole.len() {
            let (found, end) = stream(&whole[..length]);
            assert_eq!(end, End::Cut, "{length}");
            assert!(found.alpn.is_empty());
            seen[usize::from(found.server_name.is_some())] = true;
        }
        assert_eq!(seen, [true, true, false]);
    }

    #[test]
    fn message_in_several_records_is_one() {
        let message = hello(&sni(b"split.example"));
        for at in 1..message.len() {
            let (one, other) = message.split_at(at);
            let (found, end) = stream(&[record(one), record(other)].concat());
            assert_eq!(
                (found.server_name.as_deref(), end),
                (Some("split.example"), End::Whole)
            );
            let (_, end) = stream(&[record(one), vec![23, 3, 3, 0, 1, 0]].concat());
            assert_eq!(end, End::Malformed, "{at}");
        }
    }

    #[test]
    fn hello_without_a_name_is_whole() {
        for extensions in [vec![], extension(0, &[]), extension(43, &[2, 3, 4])] {
            assert_eq!(
                client_hello(&hello(&extensions)),
                (Tls::default(), End::Whole)
            );
        }
        let mut old = hello(&[]);
        old.truncate(old.len() - 2);
        old[3] -= 2;
        assert_eq!(client_hello(&old), (Tls::default(), End::Whole));
    }

    #[test]
    fn lengths_that_contradict_each_other_are_malformed() {
        let long = [b'a'; 256];
        for extensions in [
            // A name longer than its list, a list longer than its extension, an extension longer than all of them.
            extension(0, &[0, 4, 0, 0, 9, b'a']),
            extension(0, &[0, 99, 0, 0, 1, b'a']),
            vec![0, 0, 0, 9, 0],
            extension(16, &[0, 3, 9, b'h', b'2']),
            sni(&long),
        ] {
            let (found, end) = client_hello(&hello(&extensions));
            assert_eq!(
                (found, end),
                (Tls::default(), End::Malformed),
                "{extensions:?}"
            );
        }
        assert_eq!(client_hello(&[2, 0, 0, 4, 3, 3, 0, 0]).1, End::Malformed);
        assert_eq!(stream(&[21, 3, 3, 0, 2, 1, 0]).1, End::Malformed);
    }
}
