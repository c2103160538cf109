//! Recognises YAML instead of HCL, and shows the same in HCL.
//!
//! Mermin's agent reads both. This crate reads only HCL, and a hint needs no full YAML reader.

use super::Span;
use crate::diagnostic::Problem;

/// Returns the message for a YAML file; `None` for any other.
pub(crate) fn problem(text: &str) -> Option<Problem> {
    let first = lines(text).next()?;
    // Braces indicate HCL with a colon in place of an equals sign.
    let braces = lines(text).any(|line| line.words.ends_with('{') || line.words == "}");
    if braces || !is_key(first.words) && first.words != "---" {
        return None;
    }
    let example = example(text).unwrap_or_else(|| {
        "`span:` and below it `tcp_timeout: 30s` is `span { tcp_timeout = \"30s\" }`".to_owned()
    });
    let span: Span = first.at..first.at + first.words.len();
    let message = "cannot read YAML: a configuration is written in HCL";
    let problem = Problem::at(&span, message).with_discreet(message);
    Some(problem.with_hint(format!("{example}; docs/CONFIG.md has every key")))
}

/// A line that is not blank.
struct Line<'a> {
    at: usize,
    indent: usize,
    words: &'a str,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        let words = line.trim();
        let indent = line.len() - line.trim_start().len();
        let empty = words.is_empty() || words.starts_with('#');
        (!empty).then_some(Line {
            at: start + indent,
            indent,
            words,
        })
    })
}

/// Returns true for `key:` or `key: value`, which begins no line of HCL.
fn is_key(words: &str) -> bool {
    words.split_once(':').is_some_and(|(key, value)| {
        let name = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-');
        !key.is_empty() && key.chars().all(name) && (value.is_empty() || value.starts_with(' '))
    })
}

/// Returns the first value of the file with its enclosing keys, as HCL. Lists and multi-line texts are not converted.
fn example(text: &str) -> Option<String> {
    let mut around: Vec<(usize, &str)> = Vec::new();
    for line in lines(text).filter(|line| line.words != "---") {
        if !is_key(line.words) {
            return None;
        }
        let (key, value) = line.words.split_once(':')?;
        let value = value.split(" #").next().unwrap_or_default().trim();
        around.retain(|(indent, _)| *indent < line.indent);
        if !value.is_empty() {
            let mut hcl = format!("{key} = {}", in_hcl(value)?);
            for (_, block) in around.iter().rev() {
                hcl = format!("{block} {{ {hcl} }}");
            }
            let path: Vec<&str> = around.iter().map(|(_, key)| *key).collect();
            let path = [path.as_slice(), &[key]].concat().join(".");
            return Some(format!("the value of `{path}` is written `{hcl}`"));
        }
        around.push((line.indent, key));
    }
    None
}

/// Converts a value on a single line.
fn in_hcl(value: &str) -> Option<String> {
    let bare = value.trim_matches(['"', '\'']);
    let literal = matches!(value, "true" | "false" | "null") || value.parse::<f64>().is_ok();
    if literal || value.starts_with("env(") {
        return Some(value.to_owned());
    }
    if bare.is_empty()
        || value.starts_with(['[', '{', '|', '>', '&', '*', '!'])
        || bare.contains(['"', '\\', '$', '%'])
    {
        return None;
    }
    Some(format!("\"{bare}\""))
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn equivalent(text: &str) -> String {
        match Config::load("mermin.yaml", text.as_bytes(), &|_| None) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn yaml_is_reported_once_with_equivalent_hcl() {
        for (text, hcl) in [
            (
                "span:\n  tcp_timeout: 30s\n",
                "span { tcp_timeout = \"30s\" }",
            ),
            (
                "---\n# all of it\ndiscovery:\n  instrument:\n    tc_priority: 5 # low\n",
                "discovery { instrument { tc_priority = 5 } }",
            ),
            ("log_level: 'debug'\n", "log_level = \"debug\""),
            ("auto_reload: true\n", "auto_reload = true"),
            (
                "a:\n  b:\nspan:\n    udp_timeout: \"5s\"\n",
                "span { udp_timeout = \"5s\" }",
            ),
            (
                "discovery:\n  instrument:\n    interfaces:\n      - eth0\n",
                "tcp_timeout = ",
            ),
            ("span: {tcp_timeout: 30s}\n", "tcp_timeout = "),
        ] {
            let said = equivalent(text);
            assert_eq!(said.matches("cannot ").count(), 1, "{said}");
            assert!(said.contains("cannot read YAML"), "{said}");
            assert!(said.contains(hcl), "{said}");
        }
    }

    #[test]
    fn suggested_hcl_is_valid() {
        let said = equivalent("span:\n  tcp_timeout: 30s\n");
        let hcl = said
            .split("is written `")
            .nth(1)
            .and_then(|rest| rest.split('`').next());
        assert_eq!(equivalent(hcl.unwrap_or("none")), "");
    }

    #[test]
    fn invalid_hcl_is_not_taken_for_yaml() {
        for text in [
            "span {\n  tcp_timeout: 30s\n}\n",
            "a = b ? c : d\n",
            "span \"a:b\" {\n",
            "log_level: \"info\"\nspan {\n}\n",
        ] {
            assert!(!equivalent(text).contains("YAML"), "{text}");
        }
    }
}
