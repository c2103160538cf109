//! Reasons why tshark and this project name different things. docs/ACCURACY.md explains them.

use std::path::Path;

use super::{Values, ours::Ours, theirs::Theirs};
use crate::conversation::Conversation;

/// A value that one of the two has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference<'a> {
    pub(super) field: &'static str,
    pub(super) conversation: Conversation,
    pub(super) value: &'a str,
    pub(super) is_here: bool,
}

/// A capture, read by both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capture<'a> {
    pub(super) path: &'a Path,
    /// Names in whole payloads.
    pub(super) whole: &'a Ours,
    /// Those in the octets that a source reads.
    pub(super) ours: &'a Ours,
    pub(super) theirs: &'a Theirs,
}

/// The rule for a difference.
pub(super) fn explain(capture: &Capture<'_>, difference: &Difference<'_>) -> Option<&'static str> {
    let Difference {
        field,
        conversation,
        value,
        is_here,
    } = *difference;
    let name = capture
        .path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    if !is_here && has(&capture.whole.values, field, conversation, value) {
        return Some("behind the first 256 octets of a packet");
    }
    if name.starts_with("fuzz") {
        return Some("a capture with changed octets");
    }
    if !capture.ours.conversations.contains(&conversation) {
        return Some("no flow: the frame's headers contradict each other");
    }
    let other = if is_here {
        &capture.theirs.values
    } else {
        &capture.ours.values
    };
    let facts = capture.theirs.facts.get(&(field, conversation));
    let facts = facts.copied().unwrap_or_default();
    if let Some(rule) = facts.version.filter(|_| !is_here).and_then(unknown) {
        return Some(rule);
    }
    if facts.messages > 2 && !is_here {
        return Some("behind two messages of DNS in that direction, which are read");
    }
    if facts.is_snapped {
        return Some("the end of the packet was not captured");
    }
    if facts.is_of_another {
        return Some("a response to another question, or from the end that asked");
    }
    if facts.is_no_query {
        return Some("a message of DNS that asks nothing");
    }
    if facts.sequence.is_some_and(|sequence| sequence > 1) && !is_here {
        return Some("behind other octets of the stream (STARTTLS, a proxy, a second request)");
    }
    let others = [other, &capture.whole.values];
    let mut others = others
        .iter()
        .filter_map(|other| value_of(other, field, conversation));
    if field == "tls.alpn" && others.any(|it| begins(it, value)) {
        return Some("more than 16 protocols");
    }
    if field == "http.host" && !is_here && capture.whole.malformed != 0 {
        return Some("a request line with more or fewer than two spaces (RFC 9112 section 3)");
    }
    if value.contains("\\239\\191\\189") || value.contains("Unknown") {
        return Some("octets that are no UTF-8, or no label");
    }
    None
}

/// A version of QUIC whose keys are not known here.
fn unknown(version: u32) -> Option<&'static str> {
    if version & 0x0f0f_0f0f == 0x0a0a_0a0a {
        Some("a reserved version of QUIC, which says nothing of its packets (RFC 9000 section 15)")
    } else if version >> 24 == 0x54 || version >> 24 == 0x51 {
        Some("a version of Google's, of which the number is all that is read")
    } else {
        None
    }
}

fn begins(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn has(values: &Values, field: &str, conversation: Conversation, value: &str) -> bool {
    values
        .get(field)
        .is_some_and(|values| values.contains(&(conversation, value.to_owned())))
}

fn value_of<'a>(values: &'a Values, field: &str, conversation: Conversation) -> Option<&'a str> {
    let values = values.get(field)?;
    let found = values.iter().find(|(of, _)| *of == conversation)?;
    Some(&found.1)
}
