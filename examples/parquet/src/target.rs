//! Targets of the exporter as text.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use mermin_program::{TargetError, split_target};

#[cfg(feature = "s3")]
use crate::Bucket;
use crate::{Exporter, OpenError, Settings};

/// A directory: `parquet:PATH`; with the feature `s3` a bucket: `s3://BUCKET/PREFIX`. Options follow a `?`:
/// `rows=100000`, `age=300` (seconds), `with=flow.community_id`, `without=flow.ip.ttl,flow.id`, `added=source.k8s.pod.name`,
/// `codec=lz4`.
///
/// ```
/// use mermin_parquet::Target;
///
/// let target: Target = "parquet:/var/lib/flows?rows=100000&age=300".parse()?;
/// assert_eq!(target.to_string(), "parquet:/var/lib/flows");
/// # Ok::<_, mermin_parquet::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    place: Place,
    settings: Settings,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Folder(PathBuf),
    #[cfg(feature = "s3")]
    Bucket(Bucket),
}

impl Target {
    /// Texts before the first `:` of targets.
    pub const SCHEMES: &[&str] = &["parquet", "s3"];

    /// Returns the options of its files.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Starts its exporter. Credentials, region and endpoint of a bucket come from the environment of the process.
    ///
    /// # Errors
    /// Those of [`Exporter::folder`] and `Exporter::bucket`.
    pub fn exporter(self) -> Result<Exporter, OpenError> {
        match self.place {
            Place::Folder(path) => Exporter::folder(path, self.settings),
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => Exporter::bucket(bucket, self.settings),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Folder(path) => write!(f, "parquet:{}", path.display()),
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => bucket.fmt(f),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let refuse = |why: String| TargetError::new(text, why);
        let (place, mut options) = split_target(text);
        let place = match place.split_once(':') {
            Some(("parquet", path)) if !path.is_empty() => Place::Folder(path.into()),
            Some(("s3", place)) => bucket(place).map_err(refuse)?,
            _ => return Err(refuse("name a folder: `parquet:flows`".to_owned())),
        };
        let settings = options.try_fold(Settings::default(), set).map_err(refuse)?;
        Ok(Self { place, settings })
    }
}

/// Parses `//BUCKET` or `//BUCKET/PREFIX`, with or without a `/` at the end.
#[cfg(feature = "s3")]
fn bucket(place: &str) -> Result<Place, String> {
    let place = place.strip_prefix("//").unwrap_or_default();
    let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
    if name.is_empty() {
        return Err("name a bucket: `s3://flows/prefix`".to_owned());
    }
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    Ok(Place::Bucket(Bucket::new(name).prefix(prefix)))
}

#[cfg(not(feature = "s3"))]
fn bucket(_: &str) -> Result<Place, String> {
    Err("this was built without S3: build with `--features s3`".to_owned())
}

fn set(settings: Settings, option: &str) -> Result<Settings, String> {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    let number = || {
        value
            .parse::<u64>()
            .ok()
            .filter(|number| *number != 0)
            .ok_or_else(|| format!("`{name}` is a number from 1, not `{value}`"))
    };
    Ok(match name {
        "rows" => settings.rows(usize::try_from(number()?).unwrap_or(usize::MAX)),
        "age" => settings.age(Duration::from_secs(number()?)),
        "with" => settings.with(columns(value)?),
        "without" => settings.without(columns(value)?),
        "added" => settings.added(attributes(value)?),
        "codec" => settings.codec(match value {
            "lz4" => crate::Codec::Lz4,
            #[cfg(feature = "zstd")]
            "zstd" => crate::Codec::Zstd,
            _ => return Err(format!("there is no codec `{value}`")),
        }),
        _ => return Err(format!("there is no option `{name}`")),
    })
}

/// Returns the names of attributes, one at least.
fn attributes(names: &str) -> Result<impl Iterator<Item = &str>, String> {
    let mut names = names.split(',').filter(|name| !name.is_empty()).peekable();
    match names.peek() {
        Some(_) => Ok(names),
        None => Err("`added` names attributes: `added=source.k8s.pod.name`".to_owned()),
    }
}

/// Returns the names of columns, which must exist.
fn columns(names: &str) -> Result<std::str::Split<'_, char>, String> {
    let known = crate::columns(&Settings::default().with(["flow.community_id"]));
    let unknown = |name: &&str| !known.iter().any(|column| column.name() == *name);
    match names.split(',').find(unknown) {
        Some(name) => Err(format!("there is no column `{name}`")),
        None => Ok(names.split(',')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Codec;

    fn parse(text: &str) -> Result<Target, String> {
        text.parse::<Target>().map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_settings() {
        let target = parse(
            "parquet:a/b?rows=7&age=3&with=flow.community_id&without=flow.id,source.port&added=rack,&codec=lz4",
        )
        .unwrap();
        assert_eq!(target.place, Place::Folder("a/b".into()));
        let expected = Settings::default()
            .rows(7)
            .age(Duration::from_secs(3))
            .with(["flow.community_id"])
            .without(["flow.id", "source.port"])
            .added(["rack"])
            .codec(Codec::Lz4);
        assert_eq!(target.settings, expected);
        assert_eq!(parse("parquet:a").unwrap().settings, Settings::default());
    }

    #[cfg(feature = "s3")]
    #[test]
    fn bucket_target_has_a_name_and_an_optional_prefix() {
        for (text, name) in [
            ("s3://flows", "s3://flows"),
            ("s3://flows/", "s3://flows"),
            ("s3://flows/a/b/?rows=7", "s3://flows/a/b"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), name);
        }
        for text in ["s3:", "s3:flows", "s3://", "s3:///a"] {
            let why = parse(text).unwrap_err();
            assert!(why.ends_with("name a bucket: `s3://flows/prefix`"), "{why}");
        }
    }

    #[cfg(not(feature = "s3"))]
    #[test]
    fn bucket_target_requires_the_feature() {
        let why = parse("s3://flows").unwrap_err();
        assert!(why.ends_with("build with `--features s3`"), "{why}");
    }

    #[test]
    fn invalid_argument_is_named() {
        for (text, why) in [
            ("parquet:", "name a folder: `parquet:flows`"),
            ("json:a", "name a folder: `parquet:flows`"),
            ("parquet:a?rows=0", "`rows` is a number from 1, not `0`"),
            ("parquet:a?age=1m", "`age` is a number from 1, not `1m`"),
            ("parquet:a?without=flow.ip", "there is no column `flow.ip`"),
            (
                "parquet:a?added=",
                "`added` names attributes: `added=source.k8s.pod.name`",
            ),
            ("parquet:a?codec=gzip", "there is no codec `gzip`"),
            ("parquet:a?size", "there is no option `size`"),
        ] {
            let expected = format!("cannot export to `{text}`: {why}");
            assert_eq!(parse(text), Err(expected));
        }
    }
}
