//! Writes the tables of `docs/CONFIG.md` from the table of keys.

use std::fmt::Write as _;

use super::{Effect, Info, Key, Shape, Style, read::join};
use crate::Config;

const INTRODUCTION: &str = include_str!("reference.md");

fn reference() -> String {
    let mut tables = Tables::default();
    tables.section("", &Config::info());
    let Tables {
        blocks,
        unsupported,
        retired,
    } = tables;
    INTRODUCTION
        .replace("{{keys}}", blocks.trim_end())
        .replace("{{unsupported}}", unsupported.trim_end())
        .replace("{{retired}}", retired.trim_end())
}

#[derive(Default)]
struct Tables {
    blocks: String,
    unsupported: String,
    retired: String,
}

impl Tables {
    fn section(&mut self, path: &str, info: &Info) {
        let (mut rows, mut inner) = (String::new(), Vec::new());
        for key in &info.keys {
            let path = format!("{path}{}", join(path.is_empty(), info.style, key.name));
            match (&key.shape, key.shape.section(), items(&key.shape)) {
                (Shape::Retired, ..) => self.retire(&path, key),
                _ if key.effect == Effect::Unsupported => self.apart(&path, key),
                (_, Some(block), _) if block.style != Style::Inline => inner.push((path, block)),
                (_, _, Some(item)) => {
                    rows.push_str(&row(key));
                    inner.push((format!("{path}[]"), item));
                }
                _ => rows.push_str(&row(key)),
            }
        }
        let title = if path.is_empty() { "The file" } else { path };
        if !rows.is_empty() {
            let title = if path.is_empty() {
                title.to_owned()
            } else {
                format!("`{title}`")
            };
            let _ = writeln!(
                self.blocks,
                "### {title}\n\n{}\n\n| key | type | default | meaning | acts on |\n|---|---|---|---|---|\n{rows}",
                info.about.trim()
            );
        } else if info.style == Style::Labels {
            let _ = writeln!(self.blocks, "### `{title}`\n\n{}\n", info.about.trim());
        }
        for (path, block) in inner {
            self.section(&path, &block);
        }
    }

    /// Adds a key without a program, and the keys within it.
    fn apart(&mut self, path: &str, key: &Key) {
        let block = key.shape.section().filter(|it| it.style != Style::Inline);
        if block.is_none() {
            let _ = writeln!(self.unsupported, "| {} |", cells(path, key));
        }
        let items = items(&key.shape).map(|it| (format!("{path}[]"), it));
        for (path, info) in block
            .map(|it| (path.to_owned(), it))
            .into_iter()
            .chain(items)
        {
            for key in &info.keys {
                let path = format!("{path}{}", join(false, info.style, key.name));
                match key.shape {
                    Shape::Retired => self.retire(&path, key),
                    _ => self.apart(&path, key),
                }
            }
        }
    }

    fn retire(&mut self, path: &str, key: &Key) {
        let _ = writeln!(self.retired, "| `{path}` | {} |", key.meaning.trim());
    }
}

/// Returns the description of a list's items, if they are objects.
fn items(shape: &Shape) -> Option<Info> {
    match shape {
        Shape::List(inner) => inner.section(),
        _ => None,
    }
}

fn row(key: &Key) -> String {
    format!("| {} | {} |\n", cells(key.name, key), key.effect.word())
}

/// Returns name, type, default and meaning.
fn cells(name: &str, key: &Key) -> String {
    let default = match (key.default)().inline() {
        _ if key.required => "required".to_owned(),
        text if text == "null" => String::new(),
        // The key's meaning describes it better.
        text if items(&key.shape).is_some() && text.len() > 100 => String::new(),
        text => format!("`{text}`"),
    };
    let meaning = match key.shape.valid() {
        valid if valid.is_empty() => key.meaning.trim().to_owned(),
        valid => format!("{} Valid: {valid}.", key.meaning.trim()),
    };
    format!(
        "`{name}` | {} | {default} | {}",
        key.shape.name(),
        meaning.replace('|', "\\|"),
    )
}

#[test]
fn configuration_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONFIG.md");
    let written = reference();
    if std::env::var_os("MERMIN_WRITE_DOCS").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let differs = committed
        .lines()
        .zip(written.lines())
        .find(|(old, new)| old != new);
    assert!(
        committed == written,
        "docs/CONFIG.md is not what the keys say: type `MERMIN_WRITE_DOCS=1 cargo test -p mermin-config reference` and commit it; first difference {differs:?}"
    );
}
