//! Messages about a file: errors and warnings with their positions.

use std::fmt;

use crate::text::{Source, Span, excerpt::Excerpt, excerpt::printable};

/// A fault at a position of a text whose name is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    place: Place,
    message: String,
    valid: Option<String>,
    hint: Option<String>,
    other: Option<(&'static str, Span)>,
    discreet: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Whole,
    Located { line: usize, column: usize },
    At(Span),
}

impl Problem {
    /// Creates a fault of the whole file.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self::new(Place::Whole, message)
    }

    /// Creates a fault at a position of a file whose text cannot be shown.
    pub(crate) fn located(line: usize, column: usize, message: impl Into<String>) -> Self {
        Self::new(Place::Located { line, column }, message)
    }

    pub(crate) fn at(span: &Span, message: impl Into<String>) -> Self {
        Self::new(Place::At(span.clone()), message)
    }

    fn new(place: Place, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            place,
            message: message.into(),
            valid: None,
            hint: None,
            other: None,
            discreet: None,
        }))
    }

    /// Adds the position of a conflicting `what`.
    pub(crate) fn with_other(mut self, what: &'static str, span: &Span) -> Self {
        self.0.other = Some((what, span.clone()));
        self
    }

    /// Adds valid values.
    pub(crate) fn with_valid(mut self, valid: impl Into<String>) -> Self {
        self.0.valid = Some(valid.into());
        self
    }

    /// Adds a remedy.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds a message for logs, where its own one or the hint repeats text of the file that may be a secret.
    pub(crate) fn with_discreet(mut self, message: impl Into<String>) -> Self {
        self.0.discreet = Some(message.into());
        self
    }

    /// Returns its offset; a fault of the whole file comes last.
    pub(crate) fn offset(&self) -> usize {
        match &self.0.place {
            Place::At(span) => span.start,
            Place::Whole | Place::Located { .. } => usize::MAX,
        }
    }

    /// Looks up line and column.
    pub(crate) fn locate(self, source: &Source) -> Diagnostic {
        let Inner {
            place,
            message,
            valid,
            hint,
            other,
            discreet,
        } = *self.0;
        let (position, excerpt) = match place {
            Place::Whole => (None, None),
            Place::Located { line, column } => (Some((line, column)), None),
            Place::At(span) => {
                let excerpt = Excerpt::new(&source.text, &span);
                (Some((excerpt.line, excerpt.column)), Some(excerpt))
            }
        };
        let message = match other {
            Some((what, span)) => {
                let line = Excerpt::new(&source.text, &span).line;
                format!("{message}: {what} is on line {line}")
            }
            None => message,
        };
        Diagnostic {
            file: source.name.clone(),
            position,
            excerpt,
            message,
            valid,
            hint,
            discreet,
        }
    }
}

/// An error or a warning about a file.
///
/// [`Display`](fmt::Display) prints several lines, without a newline at the end:
///
/// ```text
/// mermin.hcl:2:3: cannot use the key `tcp-timeout`: `span` has no such key
///   |
/// 2 |   tcp-timeout = "20s"
///   |   ^^^^^^^^^^^
///   = hint: did you mean `tcp_timeout`?
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    file: String,
    position: Option<(usize, usize)>,
    excerpt: Option<Excerpt>,
    message: String,
    valid: Option<String>,
    hint: Option<String>,
    discreet: Option<String>,
}

impl Diagnostic {
    /// Returns the file's name.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the line, from 1; `None` for the whole file.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.position.map(|(line, _)| line)
    }

    /// Returns the column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.position.map(|(_, column)| column)
    }

    /// Returns the fault: one line, in the form "cannot `<verb> <object>`".
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the values that are valid at this position.
    #[must_use]
    pub fn valid(&self) -> Option<&str> {
        self.valid.as_deref()
    }

    /// Returns the remedy, such as the nearest key.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns the lines of [`Display`](fmt::Display) for logs: without the line of the file, which may have a secret, and without a
    /// message or a hint that repeats text of the file in which a secret is possible. Names of keys remain.
    ///
    /// ```
    /// use mermin_config::Config;
    ///
    /// let text = "export \"traces\" { otlp = { auth = { bearer = \"t0ken\", bassic = 1 } } }";
    /// let error = Config::load("mermin.hcl", text.as_bytes(), &|_| None).unwrap_err();
    /// let said = error.diagnostics()[0].without_excerpt();
    /// assert!(said.starts_with("mermin.hcl:1:55: cannot use the key `bassic`"), "{said}");
    /// assert!(!said.contains("t0ken"));
    /// ```
    #[must_use]
    pub fn without_excerpt(&self) -> String {
        let mut shown = Self {
            excerpt: None,
            ..self.clone()
        };
        if let Some(message) = shown.discreet.take() {
            shown.message = message;
            shown.hint = None;
        }
        shown.to_string()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names and messages contain text of the file.
        let clean = |text: &str| -> String { text.chars().map(printable).collect() };
        f.write_str(&clean(&self.file))?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", clean(&self.message))?;
        let margin = self
            .excerpt
            .as_ref()
            .map_or(1, |excerpt| excerpt.line.to_string().len());
        if let Some(Excerpt {
            line,
            text,
            indent,
            width,
            ..
        }) = &self.excerpt
        {
            let (no, marker) = ("", "^".repeat(*width));
            write!(
                f,
                "\n{no:margin$} |\n{line} | {text}\n{no:margin$} | {no:indent$}{marker}"
            )?;
        }
        for (what, text) in [("valid", &self.valid), ("hint", &self.hint)] {
            if let Some(text) = text {
                write!(f, "\n{:margin$} = {what}: {}", "", clean(text))?;
            }
        }
        Ok(())
    }
}
