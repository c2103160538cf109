//! Responses of OTLP over HTTP.

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, LOCATION, RETRY_AFTER},
};

use super::{Answer, is_too_large, json, reader, shortened};

pub(crate) fn of_http(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Answer {
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if status.is_success() {
        return accepted(kind, body);
    }
    let words = words(status, headers, kind, body);
    match status.as_u16() {
        413 => Answer::TooLarge(words),
        429 | 502..=504 => Answer::Later {
            patience: patience(headers, now),
            words,
        },
        _ if is_too_large(&words) => Answer::TooLarge(words),
        // All others must not be retried (OTLP specification, section "Failures" of HTTP).
        _ => Answer::Refused(words),
    }
}

/// Reads the body of a success. Some receivers respond with an empty body, or with JSON to a request in Protocol Buffers.
fn accepted(kind: &str, body: &[u8]) -> Answer {
    let outcome = if kind.starts_with("application/json") {
        Ok(json::partial_success(body))
    } else {
        reader::partial_success(body)
    };
    match outcome {
        Ok((rejected, words)) if !kind.starts_with("text/html") => Answer::Accepted {
            rejected,
            words: shortened(&words),
        },
        _ => Answer::later(format!("the answer is no message of OTLP but `{kind}`")),
    }
}

/// Returns the status and the body's message.
fn words(status: StatusCode, headers: &HeaderMap, kind: &str, body: &[u8]) -> String {
    let said = if kind.starts_with("application/x-protobuf") {
        reader::status(body).map(|(words, _)| words).ok()
    } else if kind.starts_with("text/plain") || kind.starts_with("application/json") {
        Some(String::from_utf8_lossy(body).into_owned())
    } else {
        None
    };
    let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
    match (said.filter(|said| !said.trim().is_empty()), to) {
        (Some(said), _) => format!("HTTP {status}: {}", shortened(&said)),
        (None, Some(to)) if status.is_redirection() => {
            format!("HTTP {status}: it is at `{}`", shortened(to))
        }
        _ => format!("HTTP {status}"),
    }
}

/// Reads `Retry-After`: seconds or a date (RFC 9110 section 10.2.3).
fn patience(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = httpdate::parse_http_date(text).ok()?;
    Some(moment.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::{super::reader::tests::status_message, *};

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        of_http(StatusCode::from_u16(status).unwrap(), &map, body, now)
    }

    #[test]
    fn each_status_code_is_handled_as_specified() {
        let again: Vec<_> = (300..600)
            .filter(|status| matches!(answer(*status, &[], b""), Answer::Later { .. }))
            .collect();
        assert_eq!(again, [429, 502, 503, 504]);
        assert!(matches!(answer(413, &[], b""), Answer::TooLarge(_)));
        assert!(matches!(answer(400, &[], b""), Answer::Refused(_)));
        let plain = [("content-type", "text/plain; charset=utf-8")];
        let large = answer(400, &plain, b"http: request body too large\n");
        let words = "HTTP 400 Bad Request: http: request body too large";
        assert_eq!(large, Answer::TooLarge(words.to_owned()));
        let message = status_message("no such tenant", None);
        let kind = [("content-type", "application/x-protobuf")];
        let words = "HTTP 403 Forbidden: no such tenant";
        assert_eq!(
            answer(403, &kind, &message),
            Answer::Refused(words.to_owned())
        );
        let moved = answer(308, &[("location", "https://other/")], b"");
        let words = "HTTP 308 Permanent Redirect: it is at `https://other/`";
        assert_eq!(moved, Answer::Refused(words.to_owned()));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (text, wanted) in [
            ("7", Some(7)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("soon", None),
        ] {
            let Answer::Later { patience, .. } = answer(503, &[("retry-after", text)], b"") else {
                panic!("{text}");
            };
            assert_eq!(patience.map(|time| time.as_secs()), wanted, "{text}");
        }
    }

    #[test]
    fn invalid_response_body_is_no_success() {
        let html = [("content-type", "text/html")];
        assert_eq!(
            answer(200, &html, b"<html>"),
            Answer::later("the answer is no message of OTLP but `text/html`")
        );
        assert!(matches!(answer(200, &html, b""), Answer::Later { .. }));
        assert!(matches!(answer(200, &[], b"hello"), Answer::Later { .. }));
        for (headers, body) in [
            (&[][..], &b""[..]),
            (&[("content-type", "application/json")], b"{}"),
            (&[("content-type", "application/json")], b"accepted"),
            (&[("content-type", "application/x-protobuf")], b"\x0a\0"),
        ] {
            assert!(matches!(
                answer(200, headers, body),
                Answer::Accepted { .. }
            ));
        }
    }
}
