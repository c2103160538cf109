//! Finds brackets, quotes, comments and here-documents of a text.
//!
//! The parser is recursive and stops at the first error, often at the end of the file. So its input has limited
//! nesting, and unclosed brackets are found before parsing.

mod spoiled;

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
mod tests;
