//! Checks `docs/API.md`, which says for each public type if it is open to new fields and variants.

use std::collections::BTreeMap;

use super::LIBRARIES;

/// A public type in `docs/public-api`.
#[derive(Clone, Copy, Debug, Default)]
struct Type {
    is_enum: bool,
    is_non_exhaustive: bool,
    has_public_fields: bool,
}

/// Returns the types of one library by path.
fn types(api: &str) -> BTreeMap<&str, Type> {
    let mut types: BTreeMap<&str, Type> = BTreeMap::new();
    for line in api.lines() {
        for (word, is_enum) in [("pub enum ", true), ("pub struct ", false)] {
            let Some((before, rest)) = line.split_once(word) else {
                continue;
            };
            // Only attributes may precede it.
            if !before.is_empty() && !before.starts_with("#[") {
                continue;
            }
            let end = rest.find(['<', '(', ' ']).unwrap_or(rest.len());
            let found = Type {
                is_enum,
                is_non_exhaustive: before.contains("non_exhaustive"),
                has_public_fields: rest.get(end..).is_some_and(|it| it.starts_with("(pub ")),
            };
            types.insert(&rest[..end], found);
        }
    }
    let fields = api.lines().filter_map(|line| line.strip_prefix("pub "));
    for field in fields.filter(|line| line.contains(": ") && !line.contains('(')) {
        let Some((path, _)) = field.split_once(": ") else {
            continue;
        };
        if let Some((owner, _)) = path.rsplit_once("::")
            && let Some(found) = types.get_mut(owner.split('<').next().unwrap_or(owner))
        {
            found.has_public_fields = true;
        }
    }
    types
}

/// Returns the rows of the page: a path or a prefix of paths, and the decision.
fn rows(page: &str) -> Vec<(&str, &str)> {
    page.lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let path = cells.next()?.trim_end_matches('`');
            let decision = cells.next()?;
            let reason = cells.next()?.trim_end_matches(" |");
            (!reason.is_empty()).then_some((path, decision))
        })
        .collect()
}

/// Returns the decision about a type: that of its own row, or of the longest prefix.
fn decision<'a>(rows: &[(&str, &'a str)], path: &str) -> Option<&'a str> {
    let fits = |row: &str| match row.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => row == path,
    };
    let longest = rows
        .iter()
        .filter(|row| fits(row.0))
        .max_by_key(|row| row.0.len());
    longest.map(|row| row.1)
}

/// Returns the fault of a decision that does not match the type.
fn fault(decision: Option<&str>, found: Type) -> Option<&'static str> {
    match decision {
        None => Some("has no row"),
        Some("open") if !found.is_non_exhaustive => Some("is to be `#[non_exhaustive]`"),
        Some("closed") if found.is_non_exhaustive => {
            Some("is `#[non_exhaustive]` and said to be closed")
        }
        Some("closed") if !found.is_enum && !found.has_public_fields => {
            Some("has private fields and is said to be closed")
        }
        Some("private") if found.is_enum || found.has_public_fields || found.is_non_exhaustive => {
            Some("is said to have private fields alone")
        }
        Some("open" | "closed" | "private") => None,
        Some(_) => Some("has a decision that is none"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{api::place, project};

    #[test]
    fn public_types_equal_the_decision_list() {
        let page = fs::read_to_string(project::root().join("docs/API.md")).unwrap();
        let rows = rows(&page);
        let mut faults = Vec::new();
        let mut all = Vec::new();
        for library in &LIBRARIES {
            let api = fs::read_to_string(project::root().join(place(library))).unwrap();
            for (path, found) in types(&api) {
                if let Some(fault) = fault(decision(&rows, path), found) {
                    faults.push(format!("`{path}` {fault}"));
                }
                all.push(path.to_owned());
            }
        }
        assert!(all.len() > 150, "{all:?}");
        assert!(faults.is_empty(), "{faults:#?}");
        let idle: Vec<_> = rows
            .iter()
            .filter(|row| !all.iter().any(|path| decision(&[**row], path).is_some()))
            .collect();
        assert!(idle.is_empty(), "no such type: {idle:?}");
    }

    #[test]
    fn public_types_are_classified() {
        let api = "#[non_exhaustive] pub enum a::Open\npub a::Open::One\npub struct a::Private\npub struct a::Data<T>\n\
                   pub a::Data::field: u8\npub struct a::Wide(pub u8)\npub struct a::Shut(_)\n";
        let types = types(api);
        let rows = [
            ("a::*", "private"),
            ("a::Open", "open"),
            ("a::Data", "closed"),
            ("a::Wide", "closed"),
        ];
        for (path, found) in &types {
            assert_eq!(fault(decision(&rows, path), *found), None, "{path}");
        }
        assert!(fault(Some("closed"), types["a::Open"]).is_some());
        assert!(fault(Some("private"), types["a::Data"]).is_some());
        assert!(fault(Some("open"), types["a::Wide"]).is_some());
        assert!(fault(None, types["a::Shut"]).is_some());
    }
}
