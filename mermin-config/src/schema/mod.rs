//! The one table of keys: name, type, default, what is valid, meaning, and what acts on it.
//!
//! [`section!`](section) declares a block once. From that come its type, how it is read, how it is written, and the
//! reference in the documentation.

#[cfg(test)]
pub(crate) mod arbitrary;
pub(crate) mod config_value;
pub(crate) mod nearest;
pub(crate) mod print;
mod quote;
pub(crate) mod read;
#[macro_use]
mod section;
#[cfg(test)]
mod reference;

pub(crate) use self::{
    config_value::{ConfigValue, HclValue},
    read::Reader,
    section::{getter, section},
};

/// Description of a block.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    pub(crate) about: &'static str,
    pub(crate) style: Style,
    pub(crate) keys: Vec<Key>,
}

/// How a block's own blocks are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Within it.
    Nested,
    /// On one line, as an object.
    Inline,
    /// As labels behind its name: `name "label" { .. }`.
    Labels,
}

/// Description of a key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) effect: Effect,
    pub(crate) shape: Shape,
    pub(crate) preset: fn() -> HclValue,
    /// True if it has no default: the block is refused without it.
    pub(crate) required: bool,
}

/// The part that acts on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// The source of flows: [`Config::source`](crate::Config::source) hands it over.
    Capture,
    /// The application, where it has a use for it.
    Application,
    /// Nothing: the key is accepted so that files of Mermin's agent load unchanged.
    Ignored,
}

#[cfg(test)]
impl Effect {
    /// As the reference calls it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Application => "application",
            Self::Ignored => "nothing",
        }
    }
}

/// The shape of a key's value.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// A value, as the reference calls it, and what is valid; empty where the name says it.
    Leaf {
        name: String,
        valid: String,
    },
    /// A block or object. Its description is looked up when it is asked for.
    Section(fn() -> Info),
    /// May be left out without a default.
    Optional(Box<Shape>),
    List(Box<Shape>),
    /// Names of the file's own, and values.
    Map(Box<Shape>),
    /// Anything: the key has no meaning any more.
    Retired,
}

impl Shape {
    pub(crate) fn leaf(name: impl Into<String>, valid: impl Into<String>) -> Self {
        Self::Leaf {
            name: name.into(),
            valid: valid.into(),
        }
    }

    /// The block it is, with or without one there.
    pub(crate) fn section(&self) -> Option<Info> {
        match self {
            Self::Section(info) => Some(info()),
            Self::Optional(inner) => inner.section(),
            _ => None,
        }
    }

    /// The shape of a rule's two lists, where it is a rule.
    fn rule(&self) -> Option<Self> {
        let info = self.section().filter(|info| info.style == Style::Inline)?;
        info.keys.into_iter().next().map(|key| key.shape)
    }

    /// As the reference calls it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Leaf { name, .. } => name.clone(),
            Self::Section(_) => match self.rule() {
                Some(list) => format!("`match` and `not_match`, each a {}", list.name()),
                None => "block".to_owned(),
            },
            Self::Optional(inner) => inner.name(),
            Self::List(inner) => match &**inner {
                Self::Section(_) => "list of objects".to_owned(),
                inner => format!("list of {}", plural(&inner.name())),
            },
            Self::Map(inner) => format!("map of {}", plural(&inner.name())),
            Self::Retired => "anything".to_owned(),
        }
    }

    /// Valid values beyond those that the name says.
    pub(crate) fn valid(&self) -> String {
        match self {
            Self::Leaf { valid, .. } => valid.clone(),
            Self::Optional(inner) | Self::List(inner) | Self::Map(inner) => inner.valid(),
            Self::Section(_) => self.rule().map_or(String::new(), |list| list.valid()),
            Self::Retired => String::new(),
        }
    }

    /// Name and what is valid, for messages.
    pub(crate) fn describe(&self) -> String {
        match (self.name(), self.valid()) {
            (name, valid) if valid.is_empty() => name,
            // The words say it.
            (name, valid) if name == "word" => valid,
            (name, valid) => format!("{name}: {valid}"),
        }
    }
}

fn plural(name: &str) -> String {
    if let Some(items) = name.strip_prefix("list of ") {
        return format!("lists of {items}");
    }
    let ending = if name.ends_with(['s', 'x']) {
        "es"
    } else {
        "s"
    };
    format!("{name}{ending}")
}
