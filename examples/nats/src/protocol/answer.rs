//! Replies of `JetStream` to a message or a request.

use serde_json::Value;

/// A reply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// No subscriber for the subject.
    NoResponders,
    /// An error of `JetStream`.
    Refused { code: u64, words: String },
    /// Anything else.
    Json(Value),
    /// Not JSON, or not an object.
    Nonsense,
}

/// Outcome for a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Stored, at this position.
    Stored(u64),
    /// Already stored.
    Known,
    /// Larger than the stream accepts.
    TooLarge,
    /// Temporarily refused.
    Again(String),
}

/// `JSStreamMessageExceedsMaximumErr` of nats-server: larger than the stream's `max_msg_size`.
const TOO_LARGE: u64 = 10054;

impl Answer {
    pub(crate) fn of(status: Option<u16>, payload: &[u8]) -> Self {
        if status == Some(503) {
            return Self::NoResponders;
        }
        let Ok(json @ Value::Object(_)) = serde_json::from_slice::<Value>(payload) else {
            return Self::Nonsense;
        };
        match json.get("error") {
            Some(error) => Self::Refused {
                code: error.get("err_code").and_then(Value::as_u64).unwrap_or(0),
                words: words(error),
            },
            None => Self::Json(json),
        }
    }

    /// Returns the outcome for a record's message.
    pub(crate) fn verdict(&self, subject: &str) -> Verdict {
        match self {
            Self::NoResponders => Verdict::Again(format!("no stream takes `{subject}`")),
            Self::Refused {
                code: TOO_LARGE, ..
            } => Verdict::TooLarge,
            Self::Refused { code, words } => Verdict::Again(format!("{words} ({code})")),
            Self::Json(json) => match json.get("seq").and_then(Value::as_u64) {
                _ if json.get("duplicate") == Some(&Value::Bool(true)) => Verdict::Known,
                Some(sequence) => Verdict::Stored(sequence),
                None => unclear(),
            },
            Self::Nonsense => unclear(),
        }
    }
}

fn unclear() -> Verdict {
    Verdict::Again("the answer to a record is none of JetStream".to_owned())
}

fn words(error: &Value) -> String {
    let words = error.get("description").and_then(Value::as_str);
    words.unwrap_or("an error without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: Option<u16>, payload: &str) -> Verdict {
        Answer::of(status, payload.as_bytes()).verdict("FLOWS.a")
    }

    #[test]
    fn each_acknowledgement_is_classified() {
        let error = |code: u64, words: &str| {
            format!(
                r#"{{"error":{{"code":503,"err_code":{code},"description":"{words}"}},"stream":"F","seq":0}}"#
            )
        };
        let again = |words: &str| Verdict::Again(words.to_owned());
        for (status, payload, expected) in [
            (None, r#"{"stream":"F","seq":7}"#, Verdict::Stored(7)),
            (
                None,
                r#"{"stream":"F","seq":7,"duplicate":true}"#,
                Verdict::Known,
            ),
            (Some(503), "", again("no stream takes `FLOWS.a`")),
            (
                None,
                &error(10077, "maximum bytes exceeded"),
                again("maximum bytes exceeded (10077)"),
            ),
            (
                None,
                &error(10054, "message size exceeds maximum allowed"),
                Verdict::TooLarge,
            ),
            (None, r#"{"error":{}}"#, again("an error without words (0)")),
            (None, "{}", unclear()),
            (None, "[]", unclear()),
            (None, "", unclear()),
            (None, r#"{"seq":-1}"#, unclear()),
        ] {
            assert_eq!(verdict(status, payload), expected, "{payload}");
        }
    }
}
