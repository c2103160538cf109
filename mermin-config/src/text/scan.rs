//! Finds brackets, quotes, comments and here-documents of a text.
//!
//! The parser is recursive and stops at the first error, often at the end of the file. So its input has limited
//! nesting, and unclosed brackets are found before parsing.

use super::Span;
use crate::diagnostic::Problem;

/// Largest nesting level; the deepest key of a configuration is on the seventh.
pub(crate) const MOST_LEVELS: usize = 32;

/// A fault that prevents parsing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) problem: Problem,
    /// The span to leave out so that the rest is valid.
    pub(crate) spoiled: Span,
}

/// Offsets of an opening bracket and its closing one.
pub(crate) type Pair = (usize, usize);

#[derive(Debug, PartialEq, Eq)]
enum Frame {
    /// `{`, `[` or `(`.
    Bracket(u8),
    Quote,
    /// `${` or `%{`.
    Template,
    Heredoc(String),
}

/// Finds the brackets of a text.
///
/// # Errors
/// The first bracket that is not closed, closes nothing, or is nested too deep.
pub(crate) fn scan(text: &str) -> Result<Vec<Pair>, Fault> {
    let mut scanner = Scanner {
        text,
        at: 0,
        open: Vec::new(),
        pairs: Vec::new(),
        misfit: None,
    };
    while let Some(&octet) = text.as_bytes().get(scanner.at) {
        match scanner.open.last() {
            Some((_, Frame::Quote)) => scanner.quoted(octet)?,
            Some((_, Frame::Heredoc(_))) => scanner.heredoc(octet)?,
            Some((_, Frame::Bracket(_) | Frame::Template)) | None => scanner.code(octet)?,
        }
    }
    match scanner.open.pop() {
        None => Ok(scanner.pairs),
        Some((open, frame)) => Err(scanner.unclosed(open, &frame)),
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    open: Vec<(usize, Frame)>,
    pairs: Vec<Pair>,
    /// The first block whose closing brace is further left than the block's first line. That brace probably closes an
    /// outer block, and the block's own brace is missing.
    misfit: Option<usize>,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, frame: Frame, octets: usize) -> Result<(), Fault> {
        if self.open.len() >= MOST_LEVELS {
            let here = self.at..self.at + octets;
            let message = format!("cannot read more than {MOST_LEVELS} levels of brackets");
            return Err(Fault {
                problem: Problem::at(&here, message)
                    .with_hint("no configuration nests so deep; look for a file gone wrong"),
                spoiled: self.to_the_end(self.at),
            });
        }
        self.open.push((self.at, frame));
        self.at += octets;
        Ok(())
    }

    fn code(&mut self, octet: u8) -> Result<(), Fault> {
        let rest = self.rest();
        if octet == b'#' || rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
            return Ok(());
        }
        if rest.starts_with("/*") {
            let Some(end) = rest.find("*/") else {
                let here = self.at..self.at + 2;
                return Err(Fault {
                    problem: Problem::at(&here, "cannot find the `*/` that ends this comment")
                        .with_hint("write it where the comment ends, or `#` before each line"),
                    spoiled: self.to_the_end(self.at),
                });
            };
            self.at += end + 2;
            return Ok(());
        }
        if let Some((delimiter, octets)) = heredoc(rest) {
            return self.push(Frame::Heredoc(delimiter), octets);
        }
        match octet {
            b'"' => self.push(Frame::Quote, 1),
            b'{' | b'[' | b'(' => self.push(Frame::Bracket(octet), 1),
            b'}' | b']' | b')' => self.close(octet),
            _ => {
                self.at += 1;
                Ok(())
            }
        }
    }

    fn close(&mut self, octet: u8) -> Result<(), Fault> {
        let here = self.at..self.at + 1;
        match self.open.pop() {
            Some((open, frame)) if closes(&frame, octet) => {
                self.pairs.push((open, self.at));
                if octet == b'}' && self.misfit.is_none() && self.outdented(open) {
                    self.misfit = Some(open);
                }
                self.at += 1;
                Ok(())
            }
            Some((open, frame)) => {
                let mut fault = self.unclosed(open, &frame);
                fault.spoiled = self.line(open).start..self.at;
                Err(fault)
            }
            None => Err(Fault {
                problem: Problem::at(
                    &here,
                    format!("cannot close with `{}` what is not open", char::from(octet)),
                )
                .with_hint("take it out, or look above for a bracket closed too early"),
                spoiled: here,
            }),
        }
    }

    fn quoted(&mut self, octet: u8) -> Result<(), Fault> {
        match octet {
            b'\n' => {
                let open = self.open.pop().map_or(self.at, |(open, _)| open);
                return Err(self.unclosed(open, &Frame::Quote));
            }
            b'\\' => self.at += 2,
            b'"' => {
                self.open.pop();
                self.at += 1;
            }
            _ => return self.template(),
        }
        Ok(())
    }

    fn heredoc(&mut self, octet: u8) -> Result<(), Fault> {
        if octet != b'\n' {
            return self.template();
        }
        self.at += 1;
        let Some((_, Frame::Heredoc(delimiter))) = self.open.last() else {
            return Ok(());
        };
        let line = self.rest().lines().next().unwrap_or_default();
        if line.trim() == delimiter {
            let octets = line.len();
            self.open.pop();
            self.at += octets;
        } else {
            // The next line's check handles the newline.
            return Ok(());
        }
        Ok(())
    }

    /// Reads text in which `${` and `%{` begin code.
    fn template(&mut self) -> Result<(), Fault> {
        let rest = self.rest();
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            self.at += 3;
        } else if rest.starts_with("${") || rest.starts_with("%{") {
            return self.push(Frame::Template, 2);
        } else {
            self.at += 1;
        }
        Ok(())
    }

    /// Returns true if the bracket here is the first on its line and further left than the line of `open`.
    fn outdented(&self, open: usize) -> bool {
        // Looks back only over blanks, because the line may be long and full of brackets.
        let before = self.text[..self.at].trim_end_matches([' ', '\t']);
        (before.is_empty() || before.ends_with('\n'))
            && self.at - before.len() < self.indent(self.line(open).start)
    }

    /// Returns the line at an offset, without its newline.
    fn line(&self, offset: usize) -> Span {
        line(self.text, offset)
    }

    fn indent(&self, start: usize) -> usize {
        let line = &self.text[start..];
        line.len() - line.trim_start_matches([' ', '\t']).len()
    }

    fn unclosed(&self, open: usize, frame: &Frame) -> Fault {
        match frame {
            Frame::Quote => {
                let line = self.line(open);
                // If the line also opens a block, the whole block is left out, because the rest of it is not valid
                // alone.
                let opens = self.text[open..line.end]
                    .trim_end()
                    .ends_with(['{', '[', '(']);
                Fault {
                    problem: Problem::at(
                        &(open..line.end),
                        "cannot find the quote that ends this text",
                    )
                    .with_hint("end it on the same line with `\"`"),
                    spoiled: if opens { self.block(open) } else { line },
                }
            }
            Frame::Heredoc(delimiter) => Fault {
                problem: Problem::at(
                    &(open..self.line(open).end),
                    format!("cannot find the line `{delimiter}` that ends this text"),
                )
                .with_hint(format!(
                    "add a line with `{delimiter}` alone behind the text"
                )),
                spoiled: self.to_the_end(self.line(open).start),
            },
            Frame::Template => Fault {
                problem: Problem::at(
                    &(open..open + 2),
                    "cannot find the `}` that ends this template",
                )
                .with_hint("write `$${` where no template is meant"),
                spoiled: self.line(open),
            },
            Frame::Bracket(b'{') => {
                self.unclosed_brace(self.misfit.filter(|at| *at > open).unwrap_or(open))
            }
            Frame::Bracket(octet) => {
                let (opening, closing) =
                    (char::from(*octet), if *octet == b'[' { ']' } else { ')' });
                Fault {
                    problem: Problem::at(
                        &(open..open + 1),
                        format!("cannot find the `{closing}` that closes this `{opening}`"),
                    )
                    .with_hint(format!("add `{closing}` behind its last part")),
                    spoiled: self.block(open),
                }
            }
        }
    }

    /// Returns the fault for a block without its closing brace. The hint names the line where the block seems to end.
    fn unclosed_brace(&self, open: usize) -> Fault {
        let line = self.line(open);
        let end = self.dedent(line.clone());
        let last = self.text[..end].trim_end().matches('\n').count() + 1;
        let head = self.text[line.start..=open].trim();
        let first = open - (head.len() - 1);
        Fault {
            problem: Problem::at(
                &(first..open + 1),
                format!("cannot find the `}}` that closes `{head}`"),
            )
            .with_hint(format!("add `}}` behind line {last}")),
            spoiled: line.start..end,
        }
    }

    /// Returns the offset where the text returns to the indentation of a line, or further left.
    fn dedent(&self, from: Span) -> usize {
        let indent = self.indent(from.start);
        let mut start = from.end + 1;
        while start < self.text.len() {
            let next = self.line(start);
            if !self.text[next.clone()].trim().is_empty() && self.indent(start) <= indent {
                return start;
            }
            start = next.end + 1;
        }
        self.text.len()
    }

    /// Returns the block that the line at an offset apparently opens, with the line that closes it.
    fn block(&self, offset: usize) -> Span {
        let first = self.line(offset);
        let end = self.dedent(first.clone());
        let last = self.line(end);
        let closes = self.text[last.clone()]
            .trim_start()
            .starts_with(['}', ']', ')']);
        first.start..if closes { last.end } else { end }
    }

    /// Returns everything from an offset on. With open brackets, it begins at the line of the outermost one, because
    /// the part that is left out may close that bracket.
    fn to_the_end(&self, offset: usize) -> Span {
        let outermost = self.open.first().map(|(open, _)| self.line(*open).start);
        outermost.unwrap_or(offset)..self.text.len()
    }
}

/// Returns the line at an offset, without its newline.
pub(crate) fn line(text: &str, offset: usize) -> Span {
    let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[offset..]
        .find('\n')
        .map_or(text.len(), |at| offset + at);
    start..end
}

fn closes(frame: &Frame, octet: u8) -> bool {
    matches!(
        (frame, octet),
        (Frame::Bracket(b'{') | Frame::Template, b'}')
            | (Frame::Bracket(b'['), b']')
            | (Frame::Bracket(b'('), b')')
    )
}

/// Returns the delimiter of a here-document that begins here, and the number of octets before its first newline.
fn heredoc(rest: &str) -> Option<(String, usize)> {
    let behind = rest.strip_prefix("<<")?;
    let behind = behind.strip_prefix('-').unwrap_or(behind);
    // Looks ahead only over name and blanks, because this runs at each octet and the line may be long.
    let after = behind.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'));
    let name = &behind[..behind.len() - after.len()];
    let end = after.trim_start_matches([' ', '\t', '\r']);
    let fits = !name.is_empty() && (end.is_empty() || end.starts_with('\n'));
    fits.then(|| (name.to_owned(), rest.len() - end.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_and_comments_are_ignored() {
        for text in [
            "a = \"}{][)(\"\n",
            "# }\n// ]\n/* ) \n } */\n",
            "a = \"\\\"}\"\n",
            "a = <<EOT\n}}}\n\"\nEOT\n",
            "a = <<-EOT\n  }\n  EOT\n",
            "a = \"$${ %%{\"\n",
        ] {
            assert_eq!(scan(text), Ok(vec![]), "{text}");
        }
    }

    #[test]
    fn bracket_pairs_are_found_within_templates() {
        let text = "a = \"x ${env(\"Y\")}\"\n";
        assert_eq!(scan(text), Ok(vec![(12, 16), (7, 17)]));
    }

    fn spoiled(text: &str) -> &str {
        &text[scan(text).unwrap_err().spoiled]
    }

    #[test]
    fn missing_brace_invalidates_its_block_only() {
        assert_eq!(
            spoiled("span {\n  a = 1\n\nparser {\n}\n"),
            "span {\n  a = 1\n\n"
        );
        assert_eq!(
            spoiled("pipeline {\n  inner {\n    a = 1\n}\n"),
            "  inner {\n    a = 1\n"
        );
    }

    #[test]
    fn missing_bracket_invalidates_its_content() {
        assert_eq!(spoiled("a {\n  b = [1\n}\n"), "  b = [1\n");
        assert_eq!(spoiled("a = 1\nb = [1,\n  2\nc = 3\n"), "b = [1,\n  2\n");
        assert_eq!(spoiled("a = env(\"B\"\nc {\n}\n"), "a = env(\"B\"\n");
    }

    #[test]
    fn unclosed_quote_invalidates_its_line_and_what_it_opens() {
        assert_eq!(spoiled("a = \"x\nb = \"y\"\n"), "a = \"x");
        assert_eq!(spoiled("a = 1\nb = \"y\nc = 1\n"), "b = \"y");
        assert_eq!(
            spoiled("a \"b {\n  c = 1\n\n  d {\n  }\n}\ne {\n}\n"),
            "a \"b {\n  c = 1\n\n  d {\n  }\n}"
        );
        assert_eq!(spoiled("a = \"b [\nc = 1\n"), "a = \"b [\n");
        assert_eq!(spoiled("a \"b {"), "a \"b {");
    }

    #[test]
    fn unclosed_block_invalidates_its_content() {
        assert_eq!(spoiled("a = 1\nb {\n  c = <<E\n}\n"), "b {\n  c = <<E\n}\n");
        assert_eq!(spoiled("a = 1 /*\nb {\n}\n"), "/*\nb {\n}\n");
        let deep = "[".repeat(MOST_LEVELS + 1);
        assert_eq!(
            spoiled(&format!("a = 1\nb = {deep}\n")),
            format!("b = {deep}\n")
        );
    }

    #[test]
    fn nesting_depth_is_limited() {
        let nested = |levels| format!("a = {}{}\n", "[".repeat(levels), "]".repeat(levels));
        assert!(scan(&nested(MOST_LEVELS)).is_ok());
        assert!(scan(&nested(MOST_LEVELS + 1)).is_err());
        assert!(scan(&"a {\n".repeat(10_000)).is_err());
    }

    /// Scanning from each octet to the end of its line would take a minute for a file of one line.
    #[test]
    fn long_line_takes_linear_time() {
        for part in [" && true", "{}", "()", "<", "<<", "\"\" ", "}", "a = {}\n"] {
            let text = part.repeat((1 << 20) / part.len());
            let began = std::time::Instant::now();
            let _ = scan(&text);
            assert!(
                began.elapsed().as_secs() < 10,
                "{part}: {:?}",
                began.elapsed()
            );
        }
    }

    #[test]
    fn every_truncated_text_is_parsed_to_its_end() {
        let text = "a \"ü\" {\n  b = [\"x ${env(\"Y\")}\", <<E\n${1}\nE\n  ] # }\n}\n/* */";
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let _ = scan(&text[..end]);
        }
    }
}
