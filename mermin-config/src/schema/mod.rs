//! The table of keys: name, type, default, valid values, meaning, and the part that uses it.
//!
//! [`section!`](section) declares a block once. The declaration gives its type, its reader, its writer, and the
//! reference in the documentation.

#[cfg(test)]
pub(crate) mod arbitrary;
pub(crate) mod config_value;
pub(crate) mod nearest;
pub(crate) mod print;
pub(crate) mod quote;
pub(crate) mod read;
#[macro_use]
mod section;
#[cfg(test)]
mod reference;

pub(crate) use self::{
    config_value::{ConfigValue, HclValue},
    read::Reader,
    section::{core_section, getter, section},
};

/// Description of a block.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    pub(crate) about: &'static str,
    pub(crate) style: Style,
    pub(crate) keys: Vec<Key>,
}

/// Syntax of nested blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Inside the block.
    Nested,
    /// On one line, as an object.
    Inline,
    /// As labels after its name: `name "label" { .. }`.
    Labels,
}

/// Description of a key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) effect: Effect,
    pub(crate) shape: Shape,
    pub(crate) default: fn() -> HclValue,
    /// True if it has no default and the block needs it.
    pub(crate) required: bool,
}

/// The part that uses a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// The source of flows: [`Config::source`](crate::Config::source) applies it.
    Capture,
    /// The application, if it uses the key.
    Application,
    /// The application, if it uses the key. No program of Mermin does yet.
    Unsupported,
    /// Nothing: the key is accepted so that files of Mermin's agent load unchanged.
    Ignored,
}

#[cfg(test)]
impl Effect {
    /// Returns its name in the tables of the reference.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Application => "application",
            Self::Unsupported => "no program yet",
            Self::Ignored => "nothing",
        }
    }
}

/// The shape of a key's value.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// A value: its name in the reference, and the valid values; empty if the name is enough.
    Leaf {
        name: String,
        valid: String,
    },
    /// A block or object. A function returns its description.
    Section(fn() -> Info),
    /// May be omitted, without a default.
    Optional(Box<Shape>),
    List(Box<Shape>),
    /// A map from names in the file to values.
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

    /// Returns the block's description, if it is a block, optional or not.
    pub(crate) fn section(&self) -> Option<Info> {
        match self {
            Self::Section(info) => Some(info()),
            Self::Optional(inner) => inner.section(),
            _ => None,
        }
    }

    /// Returns the shape of a rule's two lists, if it is a rule.
    fn rule(&self) -> Option<Self> {
        let info = self.section().filter(|info| info.style == Style::Inline)?;
        info.keys.into_iter().next().map(|key| key.shape)
    }

    /// Returns its name in the reference.
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

    /// Returns valid values, if the name is not enough.
    pub(crate) fn valid(&self) -> String {
        match self {
            Self::Leaf { valid, .. } => valid.clone(),
            Self::Optional(inner) | Self::List(inner) | Self::Map(inner) => inner.valid(),
            Self::Section(_) => self.rule().map_or(String::new(), |list| list.valid()),
            Self::Retired => String::new(),
        }
    }

    /// Returns name and valid values, for messages.
    pub(crate) fn describe(&self) -> String {
        match (self.name(), self.valid()) {
            (name, valid) if valid.is_empty() => name,
            // The words are the valid values.
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
