//! Parses messages of a server.

use std::str;

/// Longest line in octets. `INFO` is the longest; in a large cluster it lists hundreds of servers.
const LONGEST_LINE: usize = 64 << 10;
/// Largest message in octets: clients may publish 1 MiB by default, and a stored record is returned in base64.
const LARGEST_MESSAGE: usize = 2 << 20;

/// A message of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op<'b> {
    /// Information about the server, in JSON.
    Info(&'b str),
    Message {
        subject: &'b str,
        /// Status code of a line such as `NATS/1.0 503`.
        status: Option<u16>,
        payload: &'b [u8],
    },
    Ping,
    Pong,
    Ok,
    /// An error of the server.
    Error(&'b str),
}

/// Octets that no NATS server sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not speak NATS: `{0}`")]
pub(crate) struct Nonsense(String);

/// Returns a readable part of it.
fn nonsense(line: &[u8]) -> Nonsense {
    let line = line.get(..60).unwrap_or(line);
    Nonsense(line.escape_ascii().to_string())
}

/// Parses the first message in `octets`; returns it and its length. `None` if it is incomplete.
pub(crate) fn parse(octets: &[u8]) -> Result<Option<(Op<'_>, usize)>, Nonsense> {
    let Some(end) = octets.iter().position(|octet| *octet == b'\n') else {
        // Octets that begin no word of the protocol are an error at once.
        let mut begins = octets.iter().take(4);
        let is_word = |octet: &u8| octet.is_ascii_alphabetic() || b"+-\r \t".contains(octet);
        if octets.len() > LONGEST_LINE || !begins.all(is_word) {
            return Err(nonsense(octets));
        }
        return Ok(None);
    };
    let line = &octets[..end];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let fail = || nonsense(line);
    let text = str::from_utf8(line).map_err(|_| fail())?;
    let (verb, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let rest = rest.trim();
    let behind = end + 1;
    let op = match verb.to_ascii_uppercase().as_str() {
        "INFO" => Op::Info(rest),
        "PING" => Op::Ping,
        "PONG" => Op::Pong,
        "+OK" => Op::Ok,
        "-ERR" => Op::Error(rest.trim_matches('\'')),
        "MSG" => return message(rest, false, octets, behind).ok_or_else(fail)?,
        "HMSG" => return message(rest, true, octets, behind).ok_or_else(fail)?,
        _ => return Err(fail()),
    };
    Ok(Some((op, behind)))
}

type Parsed<'b> = Result<Option<(Op<'b>, usize)>, Nonsense>;

/// Parses `SUBJECT SID [REPLY] [HEADERS] ALL` and the content. `None` if it is invalid.
fn message<'b>(
    arguments: &'b str,
    has_headers: bool,
    octets: &'b [u8],
    behind: usize,
) -> Option<Parsed<'b>> {
    let words: Vec<&str> = arguments.split_ascii_whitespace().collect();
    let numbers = if has_headers { 2 } else { 1 };
    if !(2 + numbers..=3 + numbers).contains(&words.len()) {
        return None;
    }
    let (subject, all) = (*words.first()?, words.last()?.parse::<usize>().ok()?);
    let header = if has_headers {
        words.get(words.len() - 2)?.parse::<usize>().ok()?
    } else {
        0
    };
    if all > LARGEST_MESSAGE || header > all {
        return None;
    }
    let Some(body) = octets.get(behind..behind + all + 2) else {
        return Some(Ok(None));
    };
    let body = body.strip_suffix(b"\r\n")?;
    let (header, payload) = body.split_at(header);
    if has_headers && !header.starts_with(b"NATS/1.0") {
        return None;
    }
    let op = Op::Message {
        subject,
        status: status(header),
        payload,
    };
    Some(Ok(Some((op, behind + all + 2))))
}

/// Returns the number after `NATS/1.0` in the first line, if there is one.
fn status(header: &[u8]) -> Option<u16> {
    let line = str::from_utf8(header).ok()?.lines().next()?;
    let status = line.split_ascii_whitespace().nth(1)?;
    status.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[u8] = b"INFO {\"a\":1}\r\n+OK\r\nPING\r\npong\r\n-ERR 'Authorization Violation'\r\n\
        MSG _INBOX.a.7 1 2\r\n{}\r\nMSG s 1 reply 0\r\n\r\n\
        HMSG _INBOX.a.8 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\nHMSG s 1 reply 12 14\r\nNATS/1.0\r\n\r\nhi\r\n";

    fn ops(mut octets: &[u8]) -> Vec<Op<'_>> {
        let mut ops = Vec::new();
        while let Some((op, length)) = parse(octets).unwrap() {
            ops.push(op);
            octets = &octets[length..];
        }
        ops
    }

    fn message(subject: &'static str, status: Option<u16>, payload: &'static [u8]) -> Op<'static> {
        Op::Message {
            subject,
            status,
            payload,
        }
    }

    #[test]
    fn each_server_message_is_parsed() {
        assert_eq!(
            ops(ALL),
            [
                Op::Info("{\"a\":1}"),
                Op::Ok,
                Op::Ping,
                Op::Pong,
                Op::Error("Authorization Violation"),
                message("_INBOX.a.7", None, b"{}"),
                message("s", None, b""),
                message("_INBOX.a.8", Some(503), b""),
                message("s", None, b"hi"),
            ]
        );
    }

    #[test]
    fn truncated_message_waits_for_more_bytes() {
        for cut in 0..ALL.len() {
            let whole = ops(ALL);
            let before = ops(&ALL[..cut]);
            assert_eq!(before[..], whole[..before.len()], "{cut}");
        }
    }

    #[test]
    fn invalid_message_is_an_error_at_once() {
        let long = vec![b'A'; LONGEST_LINE + 1];
        for octets in [
            b"HTTP/1.1 400 Bad Request\r\n".as_slice(),
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\x15\x03\x01\x00\x02",
            b"\xff\xff\r\n",
            b"\r\n",
            b"MSG a 1\r\n",
            b"MSG a 1 b c 5\r\n",
            b"MSG a 1 -1\r\n",
            b"MSG a 1 99999999999\r\n",
            b"MSG a 1 18446744073709551615\r\n",
            b"MSG a 1 2\r\nabcd",
            b"HMSG a 1 5 4\r\nabcd\r\n",
            b"HMSG a 1 4 4\r\nabcd\r\n",
            &long,
        ] {
            let error = parse(octets).unwrap_err().to_string();
            assert!(error.starts_with("it does not speak NATS: `"), "{error}");
            assert!(error.len() < 300, "{error}");
        }
    }
}
