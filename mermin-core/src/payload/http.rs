//! Requests of HTTP/1 (RFC 9112): the field `Host`.

use std::sync::Arc;

use super::{end::End, text::escaped};

/// Fields of a request that are looked at.
const FIELDS: usize = 64;
/// Octets of a host that are kept: a name and a port.
const LONGEST: usize = 262;

/// `Host` of the request that begins a stream.
pub(super) fn request(octets: &[u8]) -> (Option<Arc<str>>, End) {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let end = match request.parse(octets) {
        Ok(httparse::Status::Complete(_)) => End::Whole,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => End::Cut,
        Err(_) => End::Malformed,
    };
    // Fields before a cut or a fault are there as well, each with its whole value.
    let host = request
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("host"))
        .map(|field| field.value)
        .filter(|value| !value.is_empty());
    match host {
        Some(value) if value.len() > LONGEST => (None, End::Malformed),
        Some(value) if end == End::Malformed => (Some(escaped(value).into()), end),
        Some(value) => (Some(escaped(value).into()), End::Whole),
        None => (None, end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] =
        b"GET /a HTTP/1.1\r\nAccept: */*\r\nhOST: example.com:8080\r\nCookie: secret\r\n\r\n";

    #[test]
    fn host_of_a_request_truncated_behind_it_is_read() {
        let host_ends = REQUEST.windows(6).position(|it| it == b"Cookie").unwrap();
        for length in 0..=REQUEST.len() {
            let (host, end) = request(&REQUEST[..length]);
            if host.is_some() {
                assert_eq!(host.as_deref(), Some("example.com:8080"), "{length}");
                assert_eq!(end, End::Whole);
            }
            // The line is over once something follows it that does not continue it.
            assert_eq!(host.is_some(), length >= host_ends, "{length}");
            assert!(host.is_some() || end == End::Cut);
        }
    }

    #[test]
    fn request_may_have_no_host() {
        assert_eq!(request(b"GET / HTTP/1.0\r\n\r\n"), (None, End::Whole));
        assert_eq!(
            request(b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
            (None, End::Whole)
        );
    }

    #[test]
    fn other_text_than_a_request_is_malformed() {
        for octets in [
            &b"GET \0 HTTP/1.1\r\n\r\n"[..],
            b"GET / FTP/1.1\r\n\r\n",
            b"POST\r\n\r\n",
        ] {
            assert_eq!(request(octets), (None, End::Malformed), "{octets:?}");
        }
        let long = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(300));
        assert_eq!(request(long.as_bytes()), (None, End::Malformed));
    }
}
