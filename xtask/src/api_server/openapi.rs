//! The one generated file that the source lacks: the definitions of all types that the server knows.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

/// Comment of the packages whose types have definitions.
const TAG: &str = "+k8s:openapi-gen=";
/// Where such packages are.
const PLACES: [&str; 4] = ["cmd", "pkg", "plugin", "staging/src/k8s.io"];
/// Programs of their own, with types of the same names.
const OTHERS: [&str; 2] = ["code-generator", "sample-apiserver"];

/// Adds the generator's arguments. `work` is the folder whose `go` has the source.
pub(super) fn arguments(command: &mut Command, source: &Path, work: &Path) -> Result<()> {
    let mut packages = Vec::new();
    for place in PLACES {
        collect(&source.join(place), &mut packages)?;
    }
    packages.sort();
    let packages: Vec<String> = packages
        .iter()
        .filter_map(|folder| name(folder.strip_prefix(source).ok()?))
        .collect();
    command
        .args(["-i", &packages.join(",")])
        .args(["-p", "k8s.io/kubernetes/pkg/generated/openapi"])
        .args(["-O", "zz_generated.openapi"])
        .args(["-h", "vendor/k8s.io/code-generator/hack/boilerplate.go.txt"])
        .arg("-o")
        .arg(work.join("go/src"))
        .arg("-r")
        .arg(work.join("violations"));
    Ok(())
}

/// Returns the name by which a folder's package is imported.
fn name(folder: &Path) -> Option<String> {
    if OTHERS
        .iter()
        .any(|other| folder.iter().any(|it| it == *other))
    {
        return None;
    }
    // `vendor` has links to the parts that are published on their own.
    let folder = match folder.strip_prefix("staging/src") {
        Ok(published) => Path::new("vendor").join(published),
        Err(_) => folder.to_owned(),
    };
    Some(format!("k8s.io/kubernetes/{}", folder.display()))
}

/// Collects the folders with a file that has the tag.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut is_tagged = false;
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|it| it == "go") && !is_tagged {
            is_tagged = String::from_utf8_lossy(&fs::read(&path)?).contains(TAG);
        }
    }
    if is_tagged {
        found.push(folder.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_as_the_server_imports_them() {
        let named = |folder: &str| name(Path::new(folder));
        assert_eq!(
            named("staging/src/k8s.io/api/core/v1").as_deref(),
            Some("k8s.io/kubernetes/vendor/k8s.io/api/core/v1")
        );
        assert_eq!(
            named("pkg/apis/abac/v0").as_deref(),
            Some("k8s.io/kubernetes/pkg/apis/abac/v0")
        );
        assert_eq!(
            named("staging/src/k8s.io/sample-apiserver/pkg/apis/wardle/v1beta1"),
            None
        );
    }
}
