//! Parses the few response messages.

use std::time::Duration;

/// The response is no message of this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

enum Field<'a> {
    Number(u64),
    Octets(&'a [u8]),
    Fixed,
}

/// Reads fields from the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for place in 0..10 {
            let &[octet] = self.take(1)? else {
                return Err(Malformed);
            };
            let bits = u64::from(octet & 0x7f);
            // The tenth octet has only one bit of 64.
            if place == 9 && bits > 1 {
                return Err(Malformed);
            }
            number |= bits << (7 * place);
            if octet < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Number(self.varint()?),
            1 => self.take(8).map(|_| Field::Fixed)?,
            2 => {
                let length = self.varint()?;
                Field::Octets(self.take(usize::try_from(length).map_err(|_| Malformed)?)?)
            }
            5 => self.take(4).map(|_| Field::Fixed)?,
            _ => return Err(Malformed),
        };
        match key >> 3 {
            0 => Err(Malformed),
            number => Ok(Some((number, field))),
        }
    }
}

fn text(octets: &[u8]) -> Result<String, Malformed> {
    str::from_utf8(octets)
        .map(str::to_owned)
        .map_err(|_| Malformed)
}

/// Reads `partial_success` of an `Export..ServiceResponse`: the number of rejected records, and the reason.
pub(super) fn partial_success(octets: &[u8]) -> Result<(u64, String), Malformed> {
    let mut outcome = (0, String::new());
    let mut response = Fields(octets);
    while let Some((number, field)) = response.next()? {
        if let (1, Field::Octets(inner)) = (number, field) {
            let mut inner = Fields(inner);
            while let Some((number, field)) = inner.next()? {
                match (number, field) {
                    // It is an int64; a negative number rejects nothing.
                    (1, Field::Number(rejected)) if rejected <= u64::MAX >> 1 => {
                        outcome.0 = rejected;
                    }
                    (2, Field::Octets(words)) => outcome.1 = text(words)?,
                    _ => {}
                }
            }
        }
    }
    Ok(outcome)
}

/// Reads `google.rpc.Status`: its message, and the delay of a `google.rpc.RetryInfo` in its details.
pub(super) fn status(octets: &[u8]) -> Result<(String, Option<Duration>), Malformed> {
    let (mut words, mut delay) = (String::new(), None);
    let mut status = Fields(octets);
    while let Some((number, field)) = status.next()? {
        match (number, field) {
            (2, Field::Octets(message)) => words = text(message)?,
            (3, Field::Octets(detail)) => delay = retry_info(detail)?.or(delay),
            _ => {}
        }
    }
    Ok((words, delay))
}

/// Returns the delay, if this `google.protobuf.Any` is a `RetryInfo`.
fn retry_info(any: &[u8]) -> Result<Option<Duration>, Malformed> {
    let (mut kind, mut value): (&[u8], &[u8]) = (&[], &[]);
    let mut any = Fields(any);
    while let Some((number, field)) = any.next()? {
        match (number, field) {
            (1, Field::Octets(url)) => kind = url,
            (2, Field::Octets(message)) => value = message,
            _ => {}
        }
    }
    if !kind.ends_with(b"google.rpc.RetryInfo") {
        return Ok(None);
    }
    let mut info = Fields(value);
    while let Some((number, field)) = info.next()? {
        if let (1, Field::Octets(delay)) = (number, field) {
            return duration(delay).map(Some);
        }
    }
    Ok(Some(Duration::ZERO))
}

/// Reads `google.protobuf.Duration`; zero for a negative one.
fn duration(octets: &[u8]) -> Result<Duration, Malformed> {
    let (mut seconds, mut nanoseconds) = (0, 0);
    let mut fields = Fields(octets);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Field::Number(number)) => seconds = number,
            (2, Field::Number(number)) => nanoseconds = number,
            _ => {}
        }
    }
    let is_negative = seconds > u64::MAX >> 1 || nanoseconds > u64::MAX >> 1;
    let nanoseconds = u32::try_from(nanoseconds).unwrap_or(0).min(999_999_999);
    Ok(if is_negative {
        Duration::ZERO
    } else {
        Duration::new(seconds, nanoseconds)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use opentelemetry_proto::tonic::collector::{
        logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse},
        trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse},
    };
    use prost::{Message, encoding};

    use super::*;

    /// Builds a `google.rpc.Status` with a `RetryInfo` after another detail.
    pub(in crate::answer) fn status_message(words: &str, delay: Option<(i64, i32)>) -> Vec<u8> {
        let mut status = Vec::new();
        encoding::int32::encode(1, &8, &mut status);
        encoding::string::encode(2, &words.to_owned(), &mut status);
        let mut other = Vec::new();
        encoding::string::encode(
            1,
            &"type.googleapis.com/google.rpc.Help".to_owned(),
            &mut other,
        );
        encoding::bytes::encode(3, &other, &mut status);
        if let Some((seconds, nanoseconds)) = delay {
            let (mut duration, mut info, mut any) = (Vec::new(), Vec::new(), Vec::new());
            encoding::int64::encode(1, &seconds, &mut duration);
            encoding::int32::encode(2, &nanoseconds, &mut duration);
            encoding::bytes::encode(1, &duration, &mut info);
            let kind = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
            encoding::string::encode(1, &kind, &mut any);
            encoding::bytes::encode(2, &info, &mut any);
            encoding::bytes::encode(3, &any, &mut status);
        }
        status
    }

    #[test]
    fn partial_success_is_read_for_each_signal() {
        let spans = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans: 300,
                error_message: "too old".to_owned(),
            }),
        };
        let logs = ExportLogsServiceResponse {
            partial_success: Some(ExportLogsPartialSuccess {
                rejected_log_records: -1,
                error_message: String::new(),
            }),
        };
        let read = |octets: Vec<u8>| partial_success(&octets);
        assert_eq!(read(spans.encode_to_vec()), Ok((300, "too old".to_owned())));
        assert_eq!(read(logs.encode_to_vec()), Ok((0, String::new())));
        assert_eq!(read(Vec::new()), Ok((0, String::new())));
        let empty = ExportTraceServiceResponse::default().encode_to_vec();
        assert_eq!(read(empty), Ok((0, String::new())));
    }

    #[test]
    fn retry_delay_is_found_among_details() {
        let read = |delay| status(&status_message("busy", delay)).unwrap();
        assert_eq!(read(None), ("busy".to_owned(), None));
        let wait = Duration::from_millis(2500);
        assert_eq!(read(Some((2, 500_000_000))).1, Some(wait));
        assert_eq!(read(Some((0, 0))).1, Some(Duration::ZERO));
        assert_eq!(read(Some((-2, 0))).1, Some(Duration::ZERO));
    }

    #[test]
    fn arbitrary_bytes_never_panic() {
        for bad in [
            &b"<html>"[..],
            b"\x0a\x05ab",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x00\x01",
            b"\x0f",
        ] {
            assert_eq!(partial_success(bad), Err(Malformed), "{bad:?}");
        }
        let whole = status_message("busy", Some((2, 1)));
        for end in 0..whole.len() {
            // Truncated anywhere, it is shorter or rejected, and never a panic.
            let _ = status(&whole[..end]);
            let _ = partial_success(&whole[..end]);
        }
    }
}
