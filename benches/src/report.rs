//! Rows of figures, printed as a table or as JSON.

use std::fmt::Write as _;

use crate::rounds::{bounds, summary};

/// A limit for a figure.
#[derive(Clone, Debug)]
struct Target {
    words: String,
    met: bool,
}

/// A measured row.
#[derive(Clone, Debug)]
#[must_use = "a row is shown when it is added to a report"]
pub struct Row {
    name: String,
    figures: Vec<(&'static str, f64)>,
    targets: Vec<Target>,
    note: Option<String>,
}

impl Row {
    /// Creates a row without figures.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            figures: Vec::new(),
            targets: Vec::new(),
            note: None,
        }
    }

    /// Adds a figure; its key names the unit.
    pub fn with(mut self, key: &'static str, figure: f64) -> Self {
        self.figures.push((key, figure));
        self
    }

    /// Adds how much more one thing costs than another in each round: the median, and its 95 % confidence bounds.
    pub fn more(self, one: &[f64], other: &[f64]) -> Self {
        let more: Vec<f64> = one
            .iter()
            .zip(other)
            .map(|(one, other)| one - other)
            .collect();
        let [low, high] = bounds(more.clone());
        self.with("more_ns", summary(more).median)
            .with("more_low", low)
            .with("more_high", high)
    }

    /// Adds the limit that `what` must be at most.
    pub fn at_most(mut self, what: &str, figure: f64, limit: f64) -> Self {
        self.targets.push(Target {
            words: format!("{what} {figure:.1} <= {limit}"),
            met: figure <= limit,
        });
        self
    }

    /// Adds the limit that `what` must be at least.
    pub fn at_least(mut self, what: &str, figure: f64, limit: f64) -> Self {
        self.targets.push(Target {
            words: format!("{what} {figure:.1} >= {limit}"),
            met: figure >= limit,
        });
        self
    }

    /// Adds a remark for people.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    fn json(&self) -> String {
        let mut line = format!("{{\"row\": \"{}\"", self.name);
        for (key, figure) in &self.figures {
            // Writing to a string does not fail.
            let _ = write!(line, ", \"{key}\": {figure:?}");
        }
        if !self.targets.is_empty() {
            let met = self.targets.iter().all(|target| target.met);
            let _ = write!(line, ", \"target_met\": {met}");
        }
        if let Some(note) = &self.note {
            let note = note.replace(['"', '\\'], "'");
            let _ = write!(line, ", \"note\": \"{note}\"");
        }
        line.push('}');
        line
    }

    fn keys(&self) -> Vec<&'static str> {
        self.figures.iter().map(|(key, _)| *key).collect()
    }

    fn line(&self) -> String {
        let mut line = format!("{:<28}", self.name);
        for (key, figure) in &self.figures {
            let width = key.len().max(9) + 2;
            let _ = if figure.abs() >= 10_000.0 {
                write!(line, "{figure:>width$.0}")
            } else {
                write!(line, "{figure:>width$.2}")
            };
        }
        for target in &self.targets {
            let word = if target.met { "met" } else { "MISSED" };
            let _ = write!(line, "  {word}: {}", target.words);
        }
        if let Some(note) = &self.note {
            let _ = write!(line, "  ({note})");
        }
        line
    }
}

/// Prints rows as they come.
#[derive(Debug)]
pub struct Report {
    json: bool,
    keys: Vec<&'static str>,
    missed: Vec<String>,
}

impl Report {
    /// Creates a report: a table, or one JSON object per row.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self {
            json,
            keys: Vec::new(),
            missed: Vec::new(),
        }
    }

    /// Prints a row.
    pub fn row(&mut self, row: &Row) {
        let missed = row.targets.iter().filter(|target| !target.met);
        self.missed
            .extend(missed.map(|target| format!("{}: {}", row.name, target.words)));
        if self.json {
            println!("{}", row.json());
            return;
        }
        let keys = row.keys();
        if keys != self.keys && !keys.is_empty() {
            let mut head = format!("\n{:<28}", "");
            for key in &keys {
                let width = key.len().max(9) + 2;
                let _ = write!(head, "{key:>width$}");
            }
            println!("{head}");
            self.keys = keys;
        }
        println!("{}", row.line());
    }

    /// Prints the missed limits, for people.
    pub fn finish(&self) {
        if self.json {
            return;
        }
        println!();
        if self.missed.is_empty() {
            println!("no target was missed");
        }
        for missed in &self.missed {
            println!("missed: {missed}");
        }
    }
}
