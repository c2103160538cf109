//! Messages as Linux 6.18 sends them, whole and cut off.

use proptest::prelude::*;

use super::*;

const SEQUENCE: u32 = 7;

/// The entry of a datagram whose destination is translated.
#[rustfmt::skip]
const TRANSLATED: [u8; 164] = [
    // `struct nlmsghdr`.
    0xa4, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x07, 0x00, 0x00, 0x00, 0xc1, 0x3a, 0x00, 0x00,
    // `struct nfgenmsg`.
    0x02, 0x00, 0x00, 0x00,
    // CTA_TUPLE_ORIG: 10.9.0.1 port 4000 to 10.9.0.9 port 53, UDP.
    0x34, 0x00, 0x01, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00, 0x0a, 0x09, 0x00, 0x01,
    0x08, 0x00, 0x02, 0x00, 0x0a, 0x09, 0x00, 0x09, 0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00,
    0x11, 0x00, 0x00, 0x00, 0x06, 0x00, 0x02, 0x00, 0x0f, 0xa0, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00,
    0x00, 0x35, 0x00, 0x00,
    // CTA_TUPLE_REPLY: 10.9.0.2 port 5353 to 10.9.0.1 port 4000, UDP.
    0x34, 0x00, 0x02, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00, 0x0a, 0x09, 0x00, 0x02,
    0x08, 0x00, 0x02, 0x00, 0x0a, 0x09, 0x00, 0x01, 0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00,
    0x11, 0x00, 0x00, 0x00, 0x06, 0x00, 0x02, 0x00, 0x14, 0xe9, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00,
    0x0f, 0xa0, 0x00, 0x00,
    // CTA_STATUS, CTA_MARK, CTA_ID, CTA_USE, CTA_TIMEOUT.
    0x08, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0xa8, 0x08, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x08, 0x00, 0x0c, 0x00, 0x73, 0x34, 0xcc, 0x76, 0x08, 0x00, 0x0b, 0x00, 0x00, 0x00, 0x00, 0x02,
    0x08, 0x00, 0x07, 0x00, 0x00, 0x00, 0x00, 0x1c,
];

fn udp(source: ([u8; 4], u16), destination: ([u8; 4], u16)) -> Tuple {
    let [source, destination] = [source, destination].map(|(host, port)| Endpoint::new(host, port));
    Tuple::with_ports(Protocol::UDP, source, destination).unwrap()
}

/// An answer with this code of an error, and the header of the request.
fn error(code: i32) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(36_u32.to_ne_bytes());
    datagram.extend(NLMSG_ERROR.to_ne_bytes());
    datagram.extend(0_u16.to_ne_bytes());
    datagram.extend(SEQUENCE.to_ne_bytes());
    datagram.extend([0; 4]);
    datagram.extend(code.to_ne_bytes());
    datagram.extend([0; 16]);
    datagram
}

/// The attributes of a request are those of the original tuple in an answer.
fn asked(tuple: &Tuple) -> Option<Tuple> {
    let request = request(tuple, SEQUENCE);
    let length = u32::from_ne_bytes(*request.first_chunk().unwrap());
    assert_eq!(length as usize, request.len());
    super::tuple(attribute(&request[HEADER + FAMILY_HEADER..], ORIGINAL)?)
}

#[test]
fn entry_has_both_tuples() {
    let entry = read(&TRANSLATED, SEQUENCE).unwrap().unwrap().unwrap();
    let original = udp(([10, 9, 0, 1], 4000), ([10, 9, 0, 9], 53));
    let reply = udp(([10, 9, 0, 2], 5353), ([10, 9, 0, 1], 4000));
    assert_eq!(entry, Entry { original, reply });
    assert_eq!(entry.opposite(&original), Some(reply));
    assert_eq!(entry.opposite(&reply), Some(original));
    assert_eq!(entry.opposite(&original.reversed()), None);
}

#[test]
fn late_answer_is_none_of_this_request() {
    assert!(read(&TRANSLATED, SEQUENCE + 1).is_none());
    assert!(read(&error(-libc::ENOENT), SEQUENCE + 1).is_none());
}

#[test]
fn missing_entry_is_told_from_a_refusal() {
    let read = |code| read(&error(code), SEQUENCE).unwrap();
    assert!(matches!(read(-libc::ENOENT), Ok(None)));
    let errno = |code| read(code).unwrap_err().raw_os_error();
    assert_eq!(errno(-libc::EPERM), Some(libc::EPERM));
    // An acknowledgement, and a number whose negative does not exist.
    assert_eq!(errno(0), None);
    assert_eq!(errno(i32::MIN), Some(i32::MIN));
}

#[test]
fn cut_off_answer_has_no_entry() {
    for length in 0..TRANSLATED.len() {
        // The header still says how long the whole is.
        assert!(read(&TRANSLATED[..length], SEQUENCE).is_none());
        let mut datagram = TRANSLATED[..length].to_vec();
        if let Some(header) = datagram.first_chunk_mut() {
            *header = u32::try_from(length).unwrap().to_ne_bytes();
        }
        match read(&datagram, SEQUENCE) {
            None => assert!(length < HEADER),
            // Both tuples end there; the padding of the last port may be missing.
            Some(entry) => assert_eq!(entry.is_ok(), length >= 124, "{length}"),
        }
    }
}

#[test]
fn request_has_the_fields_of_its_tuple() {
    let v4 = udp(([10, 9, 0, 1], 4000), ([10, 9, 0, 9], 53));
    assert_eq!(asked(&v4), Some(v4));
    assert_eq!(request(&v4, SEQUENCE)[HEADER], 2);
    let end = |last, port| Endpoint::new([0xfd00, 0, 0, 0, 0, 0, 0, last], port);
    let v6 = Tuple::with_ports(Protocol::TCP, end(1, 4000), end(2, 80)).unwrap();
    assert_eq!(asked(&v6), Some(v6));
    assert_eq!(request(&v6, SEQUENCE)[HEADER], 10);
    for (protocol, kind) in [(Protocol::ICMP, 8), (Protocol::ICMPV6, 128)] {
        let [source, destination] = if protocol == Protocol::ICMP {
            [1, 2].map(|last| Endpoint::without_port([10, 9, 0, last]))
        } else {
            [1, 2].map(|last| Endpoint::without_port([0xfd00, 0, 0, 0, 0, 0, 0, last]))
        };
        let query = Query {
            kind,
            code: 3,
            id: 0x0102,
        };
        let ping = Tuple::of_query(protocol, source, destination, query).unwrap();
        assert_eq!(asked(&ping), Some(ping));
    }
}

proptest! {
    #[test]
    fn any_datagram_is_read(mut octets: Vec<u8>, has_header: bool) {
        if has_header {
            let mut datagram = TRANSLATED[..HEADER + FAMILY_HEADER].to_vec();
            datagram.append(&mut octets);
            let length = u32::try_from(datagram.len()).unwrap();
            datagram[..4].copy_from_slice(&length.to_ne_bytes());
            octets = datagram;
        }
        let _ = read(&octets, SEQUENCE);
    }

    #[test]
    fn changed_octet_is_read(place in 0..TRANSLATED.len(), octet: u8) {
        let mut datagram = TRANSLATED;
        datagram[place] = octet;
        let _ = read(&datagram, SEQUENCE);
    }
}
