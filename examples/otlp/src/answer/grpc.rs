//! Responses of gRPC.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode;

use super::{Answer, is_too_large, reader, shortened};
use crate::encode::PREFIX;

/// Names of gRPC status codes, by number.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
const OK: usize = 0;
const PERMISSION_DENIED: usize = 7;
const RESOURCE_EXHAUSTED: usize = 8;
const UNIMPLEMENTED: usize = 12;
const INTERNAL: usize = 13;
const UNAVAILABLE: usize = 14;
const UNAUTHENTICATED: usize = 16;
/// `CANCELLED`, `DEADLINE_EXCEEDED`, `ABORTED`, `OUT_OF_RANGE`, `UNAVAILABLE`, `DATA_LOSS`: retryable in any case,
/// according to OTLP's specification.
const AGAIN: [usize; 6] = [1, 4, 10, 11, UNAVAILABLE, 15];

/// Reads the response of a unary call. The status is in the trailers, or in the headers if there is no message.
pub(crate) fn of_grpc(
    status: StatusCode,
    headers: &HeaderMap,
    trailers: &HeaderMap,
    body: &[u8],
) -> Answer {
    let of = |name: &str| trailers.get(name).or_else(|| headers.get(name));
    let Some(code) = of("grpc-status") else {
        return without_status(status);
    };
    let code = code.to_str().ok().and_then(|code| code.parse().ok());
    let Some((code, name)) = code.and_then(|code: usize| Some((code, NAMES.get(code)?))) else {
        return Answer::later("the answer has no status of gRPC");
    };
    if code == OK {
        return accepted(body);
    }
    let words = of("grpc-message").map(|message| percent_decode(message.as_bytes()));
    let words = words.map(|words| words.decode_utf8_lossy().into_owned());
    let words = format!("{name}: {}", shortened(&words.unwrap_or_default()));
    if is_too_large(&words) {
        return Answer::TooLarge(words);
    }
    let details = of("grpc-status-details-bin").and_then(|text| DETAILS.decode(text).ok());
    let patience = details.and_then(|details| reader::status(&details).ok()?.1);
    // `RESOURCE_EXHAUSTED` is retryable only if the receiver says so.
    if AGAIN.contains(&code) || code == RESOURCE_EXHAUSTED && patience.is_some() {
        return Answer::Later { patience, words };
    }
    Answer::Refused(words)
}

/// Padding is optional in this header.
const DETAILS: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn accepted(body: &[u8]) -> Answer {
    let message = body.get(PREFIX..).unwrap_or_default();
    let is_plain = body.first().is_none_or(|compressed| *compressed == 0);
    match reader::partial_success(message) {
        Ok((rejected, words)) if is_plain => Answer::Accepted {
            rejected,
            words: shortened(&words),
        },
        _ => Answer::later("the answer is no message of OTLP"),
    }
}

/// Handles a response of a proxy, or of a server without gRPC, according to gRPC's `http-grpc-status-mapping`.
fn without_status(status: StatusCode) -> Answer {
    let code = match status.as_u16() {
        400 | 431 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        429 | 502..=504 => UNAVAILABLE,
        413 => return Answer::TooLarge(format!("HTTP {status}")),
        200 => return Answer::later("the answer is not of gRPC"),
        _ => return Answer::later(format!("the answer is not of gRPC: HTTP {status}")),
    };
    let name = NAMES.get(code).copied().unwrap_or_default();
    let words = format!("{name}: HTTP {status}");
    if code == UNAVAILABLE {
        Answer::later(words)
    } else {
        Answer::Refused(words)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

    use super::{super::reader::tests::status_message, *};

    fn answer(code: u32, message: &'static str, delay: Option<(i64, i32)>) -> Answer {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", code.into());
        trailers.insert("grpc-message", message.parse().unwrap());
        let details = status_message("busy", delay);
        let details = BASE64_STANDARD_NO_PAD.encode(details);
        trailers.insert("grpc-status-details-bin", details.parse().unwrap());
        of_grpc(StatusCode::OK, &HeaderMap::new(), &trailers, b"")
    }

    #[test]
    fn each_status_code_is_handled_as_specified() {
        let again: Vec<_> = (1..17)
            .filter(|code| matches!(answer(*code, "no", None), Answer::Later { .. }))
            .collect();
        assert_eq!(again, [1, 4, 10, 11, 14, 15]);
        let refused = Answer::Refused("INVALID_ARGUMENT: a b".to_owned());
        assert_eq!(answer(3, "a%20b", None), refused);
        let later = Answer::Later {
            patience: Some(Duration::from_secs(3)),
            words: "RESOURCE_EXHAUSTED: no".to_owned(),
        };
        assert_eq!(answer(8, "no", Some((3, 0))), later);
        assert!(matches!(answer(8, "no", None), Answer::Refused(_)));
    }

    #[test]
    fn message_size_limit_is_recognised_by_its_text() {
        for (code, words) in [
            (8, "grpc: received message larger than max (9 vs. 4)"),
            (8, "Received message larger than max (9 vs. 4)"),
            (11, "Error, decoded message length too large: found 9 bytes"),
        ] {
            assert!(matches!(answer(code, words, None), Answer::TooLarge(_)));
        }
    }

    #[test]
    fn response_that_is_not_grpc_is_an_error() {
        let bare = |status| {
            of_grpc(
                StatusCode::from_u16(status).unwrap(),
                &HeaderMap::new(),
                &HeaderMap::new(),
                b"<html>",
            )
        };
        assert_eq!(bare(200), Answer::later("the answer is not of gRPC"));
        assert!(matches!(bare(503), Answer::Later { .. }));
        assert!(matches!(bare(404), Answer::Refused(_)));
        assert!(matches!(bare(413), Answer::TooLarge(_)));
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", 0.into());
        let with = |body: &[u8]| of_grpc(StatusCode::OK, &HeaderMap::new(), &trailers, body);
        let nonsense = Answer::later("the answer is no message of OTLP");
        assert_eq!(with(b"\0\0\0\0\x06<html>"), nonsense);
        assert_eq!(with(b"\x01\0\0\0\0"), nonsense);
        assert!(matches!(with(b"\0\0\0\0\0"), Answer::Accepted { .. }));
        trailers.insert("grpc-status", "99".parse().unwrap());
        let odd = of_grpc(StatusCode::OK, &HeaderMap::new(), &trailers, b"");
        assert!(matches!(odd, Answer::Later { .. }));
    }

    #[test]
    fn base64_details_may_be_padded() {
        let octets = status_message("busy", Some((1, 0)));
        let padded = BASE64_STANDARD.encode(&octets);
        assert_eq!(DETAILS.decode(padded).unwrap(), octets);
    }
}
