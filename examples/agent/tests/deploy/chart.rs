//! Renders the chart without Helm.

use std::collections::HashMap;

use crate::read;

/// The values of the chart: words, and texts of several lines.
pub(crate) fn values() -> HashMap<String, String> {
    let text = read("deploy/chart/values.yaml");
    let mut values: HashMap<String, String> = HashMap::new();
    let mut block = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let (Some(name), true) = (&block, line.is_empty() || line.starts_with("  ")) {
            let value: &mut String = values.entry(String::clone(name)).or_default();
            value.push_str(line.strip_prefix("  ").unwrap_or(""));
            value.push('\n');
        } else if let Some((name, value)) = line.split_once(": ") {
            block = (value == "|").then(|| name.to_owned());
            if block.is_none() {
                values.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    values
}

/// Renders a template as Helm does, of the part of its language that the chart uses: values, `nindent`, and conditions on lines
/// of their own.
pub(crate) fn render(template: &str, values: &HashMap<String, String>) -> String {
    let (mut text, mut shown) = (String::new(), vec![true]);
    for line in template.lines() {
        let word = line
            .trim()
            .strip_prefix("{{- ")
            .and_then(|it| it.strip_suffix(" }}"));
        match word {
            Some("else") => {
                let last = shown.pop().unwrap();
                shown.push(!last);
            }
            Some("end") => drop(shown.pop().unwrap()),
            Some(word) if word.starts_with("if .Values.") => {
                let name = word.trim_start_matches("if .Values.");
                shown.push(!["false", "[]", "\"\""].contains(&values[name].as_str()));
            }
            Some(_) if shown.contains(&false) => {}
            Some(word) => {
                let word = word.trim_start_matches("toYaml ");
                let (name, indent) = word.split_once(" | nindent ").unwrap();
                let pad = " ".repeat(indent.parse().unwrap());
                let value = &values[name.trim_start_matches(".Values.")];
                // As Helm does, but without spaces at the ends of lines.
                for line in value.trim_end().lines() {
                    text.push_str(format!("{pad}{line}").trim_end());
                    text.push('\n');
                }
            }
            None if shown.iter().all(|shown| *shown) => {
                let mut line = line.replace("{{ .Release.Namespace }}", "mermin");
                for (name, value) in values {
                    line = line.replace(&format!("{{{{ .Values.{name} }}}}"), value);
                    line = line.replace(&format!("{{{{ toJson .Values.{name} }}}}"), value);
                    line = line.replace(&quoted(name), &format!("\"{}\"", value.trim_matches('"')));
                }
                assert!(!line.contains("{{"), "{line}");
                text.push_str(&line);
                text.push('\n');
            }
            None => {}
        }
    }
    assert_eq!(shown, [true]);
    text
}

/// Returns the template of a value that is a string in the manifest, also if it is a number among the values. `toString` would make
/// `2.0251201e+07` of 20251201, because Helm has numbers as `float64`.
fn quoted(name: &str) -> String {
    let json = format!("toJson .Values.{name}");
    format!("{{{{ kindIs \"string\" .Values.{name} | ternary ({json}) ({json} | quote) }}}}")
}

pub(crate) fn manifest(privileged: bool) -> String {
    rendered(&[("privileged", &privileged.to_string())])
}

/// Renders all templates with these values in the place of the chart's.
pub(crate) fn rendered(changes: &[(&str, &str)]) -> String {
    let mut values = values();
    for (name, value) in changes {
        values.insert((*name).to_owned(), (*value).to_owned());
    }
    let names = [
        "serviceaccount",
        "clusterrole",
        "clusterrolebinding",
        "configmap",
        "daemonset",
        "podmonitor",
    ];
    let parts = names.map(|name| {
        render(
            &read(&format!("deploy/chart/templates/{name}.yaml")),
            &values,
        )
    });
    let parts = parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(String::as_str);
    parts.collect::<Vec<_>>().join("---\n")
}
