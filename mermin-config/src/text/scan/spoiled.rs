//! Faults of what is not closed, and the part of the text that each one spoils.

use super::{Fault, Frame, Scanner, line};
use crate::{diagnostic::Problem, text::Span};

impl Scanner<'_> {
    /// Returns the fault for a bracket, quote or here-document that begins at `open` and is not closed.
    pub(super) fn unclosed(&self, open: usize, frame: &Frame) -> Fault {
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
            .with_hint(format!("add `}}` behind line {last}"))
            .with_discreet("cannot find the `}` that closes this block"),
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
    pub(super) fn to_the_end(&self, offset: usize) -> Span {
        let outermost = self.open.first().map(|(open, _)| self.line(*open).start);
        outermost.unwrap_or(offset)..self.text.len()
    }

    /// Returns true if the bracket here is the first on its line and further left than the line of `open`.
    pub(super) fn outdented(&self, open: usize) -> bool {
        // Looks back only over blanks, because the line may be long and full of brackets.
        let before = self.text[..self.at].trim_end_matches([' ', '\t']);
        (before.is_empty() || before.ends_with('\n'))
            && self.at - before.len() < self.indent(self.line(open).start)
    }

    /// Returns the line at an offset, without its newline.
    pub(super) fn line(&self, offset: usize) -> Span {
        line(self.text, offset)
    }

    fn indent(&self, start: usize) -> usize {
        let line = &self.text[start..];
        line.len() - line.trim_start_matches([' ', '\t']).len()
    }
}
