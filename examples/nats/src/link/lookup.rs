//! Finds stored records whose ids the stream no longer remembers.

use std::collections::HashSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::Connection;
use crate::protocol::Answer;

/// Largest number of messages to read: pending ones, and those of others with the same subject.
const MOST: usize = 100_000;
/// `JSNoMessageFoundErr` of nats-server.
const NO_MESSAGE: u64 = 10037;

/// Result of a look-up.
#[derive(Debug)]
pub(crate) enum Found {
    /// Ids of all messages after the position.
    All(HashSet<String>),
    /// Not all messages can be read.
    Unknown,
}

/// Returns the ids of messages with this subject that were stored after a position of the stream.
///
/// # Errors
/// If the connection broke.
pub(crate) fn lookup(link: &mut Connection, behind: u64) -> Result<Found, String> {
    let what = format!("STREAM.MSG.GET.{}", link.frame.stream);
    let subject = link.frame.subject.clone();
    let (mut ids, mut next) = (HashSet::new(), behind + 1);
    for _ in 0..MOST {
        let question = json!({"seq": next, "next_by_subj": subject}).to_string();
        let (place, id) = match link.ask(&what, &question)? {
            Ok(Answer::Json(answer)) => match stored(&answer) {
                Some(stored) => stored,
                None => return Ok(Found::Unknown),
            },
            Ok(Answer::Refused {
                code: NO_MESSAGE, ..
            }) => return Ok(Found::All(ids)),
            _ => return Ok(Found::Unknown),
        };
        ids.extend(id);
        next = place + 1;
    }
    Ok(Found::Unknown)
}

/// Returns its position and its id.
fn stored(answer: &Value) -> Option<(u64, Option<String>)> {
    let message = answer.get("message")?;
    let place = message.get("seq")?.as_u64()?;
    let headers = message.get("hdrs").and_then(Value::as_str).unwrap_or("");
    let headers = BASE64_STANDARD.decode(headers).ok()?;
    let headers = String::from_utf8(headers).ok()?;
    let id = headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_id = name.eq_ignore_ascii_case("Nats-Msg-Id");
        is_id.then(|| value.trim().to_owned())
    });
    Some((place, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_message_has_sequence_and_id() {
        let headers = |text: &str| BASE64_STANDARD.encode(text);
        let message = |hdrs: String| json!({"message": {"seq": 7, "hdrs": hdrs, "data": ""}});
        let ours = message(headers("NATS/1.0\r\nNats-Msg-Id: a-1\r\nX: y\r\n\r\n"));
        assert_eq!(stored(&ours), Some((7, Some("a-1".to_owned()))));
        assert_eq!(
            stored(&message(headers("NATS/1.0\r\n\r\n"))),
            Some((7, None))
        );
        assert_eq!(stored(&json!({"message": {"seq": 7}})), Some((7, None)));
        assert_eq!(stored(&json!({"message": {}})), None);
        assert_eq!(stored(&message("?".to_owned())), None);
    }
}
