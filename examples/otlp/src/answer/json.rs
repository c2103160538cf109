//! Parses responses in JSON (OTLP specification, "JSON Protobuf Encoding": names in lowerCamelCase, int64 as text or as a number).

use serde_json::Value;

/// Reads `partialSuccess` of an `Export..ServiceResponse`: the number of rejected records, and the reason. A body that is no such message
/// rejects nothing: its status has said that the request is accepted.
pub(super) fn partial_success(body: &[u8]) -> (u64, String) {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let partial = &message["partialSuccess"];
    let rejected = ["rejectedSpans", "rejectedLogRecords", "rejectedDataPoints"]
        .iter()
        .find_map(|name| {
            let number = &partial[name];
            let text = number.as_str().and_then(|text| text.parse().ok());
            number.as_u64().or(text)
        });
    let words = partial["errorMessage"].as_str().unwrap_or_default();
    (rejected.unwrap_or_default(), words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_success_is_read_from_json() {
        for (body, wanted) in [
            (
                r#"{"partialSuccess":{"rejectedSpans":"300","errorMessage":"quota"}}"#,
                (300, "quota"),
            ),
            (r#"{"partialSuccess":{"rejectedLogRecords":7}}"#, (7, "")),
            (
                r#"{"partialSuccess":{"rejectedDataPoints":"-1","errorMessage":"no"}}"#,
                (0, "no"),
            ),
            (r#"{"partialSuccess":null}"#, (0, "")),
            (r#"{"partialSuccess":[1]}"#, (0, "")),
            ("{}", (0, "")),
            ("[]", (0, "")),
            ("", (0, "")),
        ] {
            let (rejected, words) = partial_success(body.as_bytes());
            assert_eq!((rejected, &*words), wanted, "{body}");
        }
    }
}
