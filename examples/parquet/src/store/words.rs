//! Formats errors of S3 in one line.

use std::error::Error;

/// Returns the innermost cause; for a response of S3 its status, code and message.
pub(super) fn in_words(error: &object_store::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    of_answer(&cause.to_string())
}

/// Formats an XML response as `403 Forbidden: AccessDenied: Access Denied`; returns other text unchanged.
fn of_answer(words: &str) -> String {
    let Some((before, _)) = words.split_once('<') else {
        return words.to_owned();
    };
    let status = before
        .rsplit_once("code: ")
        .map_or(before, |(_, status)| status);
    let status = status.trim_end_matches([':', ' ']);
    let rest = [element(words, "Code"), element(words, "Message")];
    [Some(status)]
        .into_iter()
        .chain(rest)
        .flatten()
        .filter(|words| !words.is_empty())
        .collect::<Vec<_>>()
        .join(": ")
}

fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_response_becomes_one_line() {
        for (words, line) in [
            (
                "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code>\
                 <Message>Access Denied</Message></Error>",
                "403 Forbidden: AccessDenied: Access Denied",
            ),
            (
                "Server returned error response: <a",
                "Server returned error response",
            ),
            (
                "Connection refused (os error 111)",
                "Connection refused (os error 111)",
            ),
            ("<Code>", ""),
        ] {
            assert_eq!(of_answer(words), line);
        }
    }
}
