//! Rejects files before they are parsed.

use std::str;

use crate::diagnostic::Problem;

/// Size of a Kubernetes `ConfigMap` (1 MiB). No file from there is too large.
pub(crate) const MOST_OCTETS: usize = 1 << 20;

/// Returns the text of a file, without a byte order mark.
///
/// # Errors
/// A file that is too large, or not UTF-8.
pub(crate) fn text(octets: &[u8]) -> Result<&str, Problem> {
    if octets.len() > MOST_OCTETS {
        return Err(Problem::whole(format!(
            "cannot read a file of more than {MOST_OCTETS} octets"
        ))
        .with_hint("a configuration takes a few thousand; check whether this is the right file"));
    }
    let text = str::from_utf8(octets).map_err(|error| {
        let before = String::from_utf8_lossy(octets.get(..error.valid_up_to()).unwrap_or_default());
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        Problem::located(line, column, "cannot read what is not UTF-8")
            .with_hint("save the file as UTF-8; `file` tells what it is now")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_mark_is_skipped() {
        assert_eq!(text("\u{feff}a = 1".as_bytes()).ok(), Some("a = 1"));
    }

    #[test]
    fn largest_file_is_read() {
        assert!(text(&vec![b' '; MOST_OCTETS]).is_ok());
        assert!(text(&vec![b' '; MOST_OCTETS + 1]).is_err());
    }
}
