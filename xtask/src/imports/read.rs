//! Parses the `use` paths of a source file as text.

/// An imported name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// Full path: `crate`, `self`, `super`, a module or a crate comes first. A glob ends in `*`.
    pub(super) path: Vec<String>,
    /// The name in the file.
    pub(super) name: String,
}

/// Begins the unit tests of a file, which may import anything.
const TESTS: &str = "#[cfg(test)]\nmod tests {";

/// Returns all imports of a source text, except those of unit tests.
pub(super) fn imports(text: &str) -> Vec<Import> {
    let text = text.split(TESTS).next().unwrap_or_default();
    let code: String = text.lines().map(without_comment).collect();
    let mut all = Vec::new();
    // True for each open brace of a module.
    let mut open = Vec::new();
    let mut rest = code.as_str();
    while let Some(end) = rest.find([';', '{', '}']) {
        let statement = words(&rest[..end]);
        if let Some(path) = statement.strip_prefix("use ") {
            // A tree is one statement, whatever braces it has.
            let begin = path.as_ptr() as usize - rest.as_ptr() as usize;
            let tree = rest[begin..].split(';').next().unwrap_or_default();
            let mut found = Vec::new();
            tree_of(tree, &mut Vec::new(), &mut found);
            let inside = open.iter().filter(|is_module| **is_module).count();
            all.extend(found.into_iter().map(|import| outside(import, inside)));
            rest = &rest[(begin + tree.len() + 1).min(rest.len())..];
            continue;
        }
        match rest.as_bytes()[end] {
            b'{' => open.push(statement.starts_with("mod ")),
            b'}' => _ = open.pop(),
            _ => {}
        }
        rest = &rest[end + 1..];
    }
    all
}

/// Converts an import of an inline module into one of the file.
fn outside(mut import: Import, mut inside: usize) -> Import {
    if inside == 0 {
        return import;
    }
    while inside != 0 && import.path.first().is_some_and(|first| first == "super") {
        import.path.remove(0);
        inside -= 1;
    }
    if import
        .path
        .first()
        .is_none_or(|first| !["super", "self", "crate"].contains(&first.as_str()))
    {
        import.path.insert(0, "self".to_owned());
    }
    import
}

/// Returns a line without its comment, with a space at its end.
fn without_comment(line: &str) -> String {
    let code = line.split("//").next().unwrap_or_default();
    format!("{} ", code.trim())
}

/// Returns a statement without attributes and visibility.
fn words(statement: &str) -> &str {
    let mut rest = statement.trim_start();
    while rest.starts_with("#[") || rest.starts_with("#![") {
        rest = rest
            .split_once(']')
            .map_or("", |(_, behind)| behind.trim_start());
    }
    let Some(public) = rest.strip_prefix("pub") else {
        return rest;
    };
    match public
        .strip_prefix('(')
        .and_then(|within| within.split_once(')'))
    {
        Some((_, behind)) => behind.trim_start(),
        None => public.trim_start(),
    }
}

/// Collects the imports of a tree of paths; `before` is the prefix.
fn tree_of(tree: &str, before: &mut Vec<String>, all: &mut Vec<Import>) {
    let tree = tree.trim();
    let length = before.len();
    match tree.split_once('{') {
        Some((stem, branches)) => {
            before.extend(segments(stem));
            let branches = branches.trim_end().trim_end_matches('}');
            for branch in branches_of(branches) {
                tree_of(branch, before, all);
            }
        }
        None if tree.is_empty() => {}
        None => {
            let (path, alias) = match tree.split_once(" as ") {
                Some((path, alias)) => (path, Some(alias.trim().to_owned())),
                None => (tree, None),
            };
            before.extend(segments(path));
            // `{self, ..}` is the module itself.
            if before.len() > 1 && before.last().is_some_and(|last| last == "self") {
                before.pop();
            }
            let name = alias.or_else(|| before.last().cloned());
            all.push(Import {
                path: before.clone(),
                name: name.unwrap_or_default(),
            });
        }
    }
    before.truncate(length);
}

fn segments(path: &str) -> impl Iterator<Item = String> {
    let segments = path.split("::").map(str::trim);
    segments.filter(|it| !it.is_empty()).map(str::to_owned)
}

/// Splits a tree at commas outside of inner braces.
fn branches_of(text: &str) -> Vec<&str> {
    let mut branches = Vec::new();
    let (mut depth, mut begin) = (0_usize, 0);
    for (at, it) in text.char_indices() {
        match it {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                branches.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&text[begin..]);
    branches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let imports = imports(text);
        imports.iter().map(|it| it.path.join("::")).collect()
    }

    #[test]
    fn trees_are_taken_apart() {
        let text = "//! use not::this;\n\
                    #[cfg(feature = \"a\")]\npub(super) use self::{b::C, d::{self, E as F}};\n\
                    use std::io; // use nor::this;\n\
                    fn f() {\n    use super::g::*;\n}\nmod h {\n    use super::I;\n}\nlet used = use_it;\n";
        let expected = [
            "self::b::C",
            "self::d",
            "self::d::E",
            "std::io",
            "super::g::*",
            "self::I",
        ];
        assert_eq!(paths(text), expected);
        assert_eq!(imports(text)[2].name, "F");
    }

    #[test]
    fn unit_tests_are_left_out() {
        assert_eq!(
            paths("use a::B;\n#[cfg(test)]\nmod tests {\n    use c::D;\n}\n"),
            ["a::B"]
        );
    }
}
