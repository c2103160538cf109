//! Reads keys from a file's tree, and reports all problems.

use std::collections::HashMap;

use super::{ConfigValue, Effect, Info, Key, Shape, Style, nearest::nearest};
use crate::{
    diagnostic::Problem,
    node::{Entry, Form, Kind, Node},
};

/// Largest number of characters of a value in a message.
const LONGEST_VALUE: usize = 80;
/// Largest number of collected problems.
pub(crate) const MOST: usize = 1_000;

/// Collects the problems of a file while it is read, and the keys that concern the application.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    /// Keys of the file that an application uses.
    pub(crate) for_application: Vec<String>,
    /// The enclosing blocks and the key.
    path: Vec<Step>,
}

/// A component of a path.
#[derive(Clone, Debug)]
struct Step {
    name: &'static str,
    /// Syntax in the enclosing block.
    style: Style,
}

impl Reader {
    pub(crate) fn error(&mut self, problem: Problem) {
        if self.problems.len() < MOST {
            self.problems.push(problem);
        }
    }

    pub(crate) fn warn(&mut self, problem: Problem) {
        self.warnings.push(problem);
    }

    /// Formats the current path: `discovery "instrument"`, `pipeline.flow_capture`.
    fn path(&self) -> String {
        let mut path = String::new();
        for Step { name, style } in &self.path {
            path.push_str(&join(path.is_empty(), *style, name));
        }
        path
    }

    /// Returns the current key.
    fn key(&self) -> &'static str {
        self.path.last().map_or("", |step| step.name)
    }

    /// Reads the value of a key.
    fn within<T>(&mut self, key: &Key, style: Style, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(Step {
            name: key.name,
            style,
        });
        let read = read(self);
        self.path.pop();
        read
    }

    /// Returns the keys of a block, and reports unknown ones.
    pub(crate) fn table<'n>(&mut self, node: &'n Node, info: &Info) -> Option<&'n [Entry]> {
        let Kind::Table(entries) = &node.kind else {
            return self.mismatch(node, &Shape::leaf("block", ""));
        };
        for entry in entries {
            // Beyond that many problems, the search for the nearest key would take long, and nobody reads so many
            // messages.
            if self.problems.len() < MOST && !info.keys.iter().any(|key| key.name == entry.key) {
                let problem = self.unknown(entry, info);
                self.error(problem);
            }
        }
        Some(entries)
    }

    /// Reads a key of a block, or returns its default.
    pub(crate) fn field<T: ConfigValue>(
        &mut self,
        entries: &[Entry],
        key: &Key,
        style: Style,
        default: T,
    ) -> T {
        let found: Vec<&Entry> = entries
            .iter()
            .filter(|entry| entry.key == key.name)
            .collect();
        let Some(first) = found.first() else {
            return default;
        };
        let value = self.within(key, style, |reader| {
            let node = reader.one(&found, &key.shape)?;
            if matches!(node.kind, Kind::Null | Kind::Broken) {
                return None;
            }
            reader.take_note(first, key);
            T::read(&node, reader)
        });
        value.unwrap_or(default)
    }

    /// Notes a key of earlier versions: accepts any value and ignores it.
    pub(crate) fn retired(&mut self, entries: &[Entry], key: &Key, style: Style) {
        if let Some(entry) = entries.iter().find(|entry| entry.key == key.name) {
            self.within(key, style, |reader| reader.take_note(entry, key));
        }
    }

    /// Merges the entries of one key into one value, if the key accepts several. Otherwise reports all but the first,
    /// and returns the first.
    fn one(&mut self, found: &[&Entry], shape: &Shape) -> Option<Node> {
        let [first, others @ ..] = found else {
            return None;
        };
        if others.is_empty() {
            return Some(first.node.clone());
        }
        let nodes = || found.iter().map(|entry| entry.node.clone());
        let blocks = found.iter().all(|entry| entry.form == Form::Block);
        match shape {
            // Blocks with the same name and different labels.
            Shape::Section(info) if info().style == Style::Labels => {
                let mut entries = Vec::new();
                for node in nodes() {
                    match node.kind {
                        Kind::Table(more) => entries.extend(more),
                        Kind::Null | Kind::Broken => {}
                        _ => {
                            self.mismatch::<()>(&node, shape);
                        }
                    }
                }
                Some(Node {
                    kind: Kind::Table(entries),
                    ..first.node.clone()
                })
            }
            Shape::List(inner) if blocks && inner.section().is_some() => Some(Node {
                kind: Kind::List(nodes().collect()),
                ..first.node.clone()
            }),
            _ => {
                for other in others {
                    self.twice(first, other);
                }
                Some(first.node.clone())
            }
        }
    }

    fn twice(&mut self, first: &Entry, other: &Entry) {
        let what = match other.form {
            Form::Attribute => "key",
            Form::Block | Form::Label => "block",
        };
        let path = self.path();
        let name = if path.is_empty() { &other.key } else { &path };
        self.error(
            Problem::at(&other.span, format!("cannot use the {what} `{name}` twice"))
                .with_hint("put all that belongs there into one of them")
                .with_other("the first", &first.span),
        );
    }

    /// Rejects duplicate names.
    pub(crate) fn unique(&mut self, entries: &[Entry]) {
        let mut seen: HashMap<&str, &Entry> = HashMap::new();
        for entry in entries {
            if let Some(first) = seen.insert(&entry.key, entry) {
                self.error(
                    Problem::at(
                        &entry.span,
                        format!("cannot use the key `{}` twice", entry.key),
                    )
                    .with_other("the first", &first.span),
                );
            }
        }
    }

    fn take_note(&mut self, entry: &Entry, key: &Key) {
        let path = self.path();
        match key.effect {
            Effect::Ignored => self.warn(
                Problem::at(&entry.span, format!("`{path}` has no effect here"))
                    .with_hint(key.meaning.trim()),
            ),
            Effect::Application | Effect::Unsupported if key.shape.section().is_none() => {
                self.for_application.push(path);
            }
            Effect::Application | Effect::Unsupported | Effect::Capture => {}
        }
    }

    fn unknown(&self, entry: &Entry, info: &Info) -> Problem {
        let here = self.path();
        let known = || {
            info.keys
                .iter()
                .filter(|key| !matches!(key.shape, Shape::Retired))
                .map(|key| key.name)
        };
        let what = match (entry.form, info.style) {
            (Form::Label, _) => "label",
            (Form::Block, _) => "block",
            (Form::Attribute, _) => "key",
        };
        let owner = if here.is_empty() {
            "the file".to_owned()
        } else {
            format!("`{here}`")
        };
        if entry.form == Form::Label && info.style != Style::Labels {
            return Problem::at(
                &entry.span,
                format!("cannot use the label `{}`: {owner} takes none", entry.key),
            )
            .with_hint("take the label out");
        }
        let problem = Problem::at(
            &entry.span,
            format!(
                "cannot use the {what} `{}`: {owner} has no such {what}",
                entry.key
            ),
        );
        let problem = problem.with_valid(known().collect::<Vec<_>>().join(", "));
        if let Some(near) = nearest(&entry.key, known()) {
            return problem.with_hint(format!("did you mean `{near}`?"));
        }
        let mut places = Vec::new();
        elsewhere(
            &crate::Config::info(),
            &entry.key,
            &mut String::new(),
            &mut places,
        );
        match places.as_slice() {
            [place] if *place != here => problem.with_hint(format!("it belongs into `{place}`")),
            _ => problem,
        }
    }

    /// Reports a value of the wrong type.
    pub(crate) fn mismatch<T>(&mut self, node: &Node, shape: &Shape) -> Option<T> {
        if !matches!(node.kind, Kind::Broken) {
            let key = self.key();
            let message = format!("cannot use {} for `{key}`", node.what());
            let problem = Problem::at(&node.span, &*message).with_valid(shape.describe());
            let problem = match (&node.kind, shape) {
                (Kind::Text(_) | Kind::Number(_), Shape::List(_)) => {
                    problem.with_hint("put it in brackets: a list of one")
                }
                (Kind::Number(number), Shape::Leaf { name, .. }) if name == "duration" => problem
                    .with_hint(format!("give it a unit, in quotes: `\"{number}s\"`"))
                    .with_discreet(message),
                (Kind::Text(text), Shape::Leaf { name, .. }) if fits_without_quotes(text, name) => {
                    problem.with_hint("take the quotes off")
                }
                _ => problem,
            };
            self.error(problem);
        }
        None
    }

    /// Reports an invalid value of the right type.
    pub(crate) fn invalid<T>(
        &mut self,
        node: &Node,
        value: &str,
        fault: &'static str,
        shape: &Shape,
    ) -> Option<T> {
        self.invalid_quoting(node, value, fault, fault, shape)
    }

    /// Reports an invalid value of the right type by a fault that repeats its text, and by a `discreet` one for logs.
    pub(crate) fn invalid_quoting<T>(
        &mut self,
        node: &Node,
        value: &str,
        fault: &str,
        discreet: &str,
        shape: &Shape,
    ) -> Option<T> {
        let key = self.key();
        let shown: String = value.chars().take(LONGEST_VALUE).collect();
        let message = format!("cannot use `{shown}` for `{key}`: {fault}");
        // A secret may be a part of it, or be under the wrong key.
        self.error(
            Problem::at(&node.span, message)
                .with_valid(shape.describe())
                .with_discreet(format!("cannot use this for `{key}`: {discreet}")),
        );
        None
    }

    /// Reports a value by an error of another crate, which may repeat its text.
    pub(crate) fn rejected<T>(
        &mut self,
        node: &Node,
        error: &str,
        hint: Option<String>,
        shape: &Shape,
    ) -> Option<T> {
        let problem = Problem::at(&node.span, error)
            .with_valid(shape.describe())
            .with_discreet(format!("cannot use this for `{}`", self.key()));
        self.error(match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        });
        None
    }

    /// Rejects a block without a required key.
    pub(crate) fn require(&mut self, entries: &[Entry], node: &Node, info: &Info) {
        for key in info.keys.iter().filter(|key| key.required) {
            let given =
                |entry: &Entry| entry.key == key.name && !matches!(entry.node.kind, Kind::Null);
            if !entries.iter().any(given) {
                let message = format!(
                    "cannot do without the key `{}` in `{}`",
                    key.name,
                    self.path()
                );
                self.error(Problem::at(&node.span, message).with_valid(key.shape.describe()));
            }
        }
    }
}

/// Returns true if a text would be a value of this type without its quotes.
fn fits_without_quotes(text: &str, name: &str) -> bool {
    match name {
        "bool" => text.parse::<bool>().is_ok(),
        "int" | "port" => text.parse::<u32>().is_ok(),
        _ => false,
    }
}

/// Collects the blocks that have a key with this name.
fn elsewhere(info: &Info, name: &str, path: &mut String, places: &mut Vec<String>) {
    for key in &info.keys {
        if key.name == name && !matches!(key.shape, Shape::Retired) && !path.is_empty() {
            places.push(path.clone());
        }
        if let Some(inner) = key.shape.section() {
            let length = path.len();
            path.push_str(&join(path.is_empty(), info.style, key.name));
            elsewhere(&inner, name, path, places);
            path.truncate(length);
        }
    }
}

/// Formats a component of a path with its separator.
pub(crate) fn join(first: bool, style: Style, name: &str) -> String {
    match (first, style) {
        (true, _) => name.to_owned(),
        (false, Style::Labels) => format!(" \"{name}\""),
        (false, Style::Nested | Style::Inline) => format!(".{name}"),
    }
}
