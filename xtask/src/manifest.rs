//! Data of the manifests, from `cargo metadata`.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;

/// Returns the workspace's packages, without their dependencies.
pub(crate) fn packages() -> Result<Vec<Value>> {
    let said = shell::read(&mut shell::command(
        "cargo metadata --format-version 1 --no-deps --offline",
    )?)?;
    let mut said: Value = serde_json::from_str(&said)?;
    match said.get_mut("packages").map(Value::take) {
        Some(Value::Array(packages)) => Ok(packages),
        _ => None.context("cannot find packages in what `cargo metadata` says"),
    }
}

/// Names of the published packages, in order: each may depend on earlier ones.
pub(crate) const PUBLISHED: [&str; 3] = ["mermin-bpf", "mermin-core", "mermin-config"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_packages_have_complete_metadata() {
        let packages = packages().unwrap();
        let published: Vec<&Value> = packages
            .iter()
            // `publish = false` appears as an empty list.
            .filter(|package| package["publish"].is_null())
            .collect();
        let names: Vec<&str> = published
            .iter()
            .filter_map(|it| it["name"].as_str())
            .collect();
        assert_eq!(names, PUBLISHED);
        let version = &published[0]["rust_version"];
        for package in &published {
            for field in ["description", "license", "readme", "rust_version"] {
                assert!(package[field].is_string(), "{}: {field}", package["name"]);
            }
            // There is no public address.
            for field in ["repository", "homepage", "documentation"] {
                assert!(package[field].is_null(), "{}: {field}", package["name"]);
            }
            for field in ["keywords", "categories"] {
                let words = package[field].as_array().unwrap();
                assert!(
                    (1..=5).contains(&words.len()),
                    "{}: {field}",
                    package["name"]
                );
            }
            assert_eq!(package["rust_version"], *version);
            assert!(
                package["metadata"]["docs"]["rs"].is_object(),
                "{}",
                package["name"]
            );
        }
    }

    #[test]
    fn all_packages_have_one_version() {
        let packages = packages().unwrap();
        for field in ["version", "edition", "license"] {
            let first = &packages[0][field];
            assert!(
                packages.iter().all(|package| package[field] == *first),
                "{field}"
            );
        }
    }
}
