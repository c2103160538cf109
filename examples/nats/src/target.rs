//! Targets of the exporter as text.

use std::{fmt, str::FromStr, time::Duration};

use mermin_program::{TargetError, split_hosts, split_target};

use crate::settings::{Credentials, Settings};

/// The port of NATS.
const PORT: u16 = 4222;

/// A stream: `nats://HOST[:PORT][,HOST..]/STREAM`. Options follow a `?`: `subject=a.b`, `window=SECONDS`,
/// `create=false`. Default port: 4222.
///
/// ```
/// use mermin_nats::Target;
///
/// let target: Target = "nats://nats.example/FLOWS?window=3600".parse()?;
/// assert_eq!(target.to_string(), "nats://nats.example:4222/FLOWS");
/// # Ok::<_, mermin_nats::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    settings: Settings,
}

impl Target {
    /// Texts before the first `:` of targets.
    pub const SCHEMES: &[&str] = &["nats"];

    /// Returns its settings, with credentials from the variables `NATS_USER` and `NATS_PASSWORD`, or `NATS_TOKEN`.
    pub fn settings(self, variable: impl Fn(&str) -> Option<String>) -> Settings {
        let said = |name| variable(name).filter(|value| !value.is_empty());
        let credentials = match (said("NATS_USER"), said("NATS_TOKEN")) {
            (Some(user), _) => Credentials::User(user, said("NATS_PASSWORD").unwrap_or_default()),
            (None, Some(token)) => Credentials::Token(token),
            (None, None) => Credentials::Nobody,
        };
        self.settings.credentials(credentials)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            servers, stream, ..
        } = &self.settings;
        write!(f, "nats://{}/{stream}", servers.join(","))
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let refuse = |why: &str| TargetError::new(text, why);
        let (place, options) = split_target(text);
        let place = place
            .strip_prefix("nats://")
            .ok_or_else(|| refuse("begin with `nats://`"))?;
        if place.contains('@') {
            // The text is on the command line, which everyone can read, and in the final table.
            let error = "say who connects by NATS_USER and NATS_PASSWORD, or NATS_TOKEN";
            return Err(TargetError::new("nats://..@..", error));
        }
        let (hosts, stream) = place.split_once('/').unwrap_or((place, ""));
        let servers = split_hosts(hosts, PORT).ok_or_else(|| {
            refuse(
                "name a host, and a port behind a colon if it is not 4222; several between commas",
            )
        })?;
        if !is_subject(stream) || stream.contains('.') {
            return Err(refuse("name a stream: `nats://nats.example/FLOWS`"));
        }
        let mut settings = Settings::new(servers, stream);
        for option in options {
            settings = match option.split_once('=') {
                Some(("subject", subject)) if is_subject(subject) => settings.subject(subject),
                Some(("create", "true")) => settings.create(true),
                Some(("create", "false")) => settings.create(false),
                Some(("window", seconds)) => match seconds.parse() {
                    Ok(seconds @ 1..=31_536_000) => settings.window(Duration::from_secs(seconds)),
                    _ => return Err(refuse("a window is a number of seconds, a year at most")),
                },
                _ => {
                    return Err(refuse(
                        "options are `subject=SUBJECT` without wildcards, `window=SECONDS` and `create=false`",
                    ));
                }
            };
        }
        Ok(Self { settings })
    }
}

/// Returns true for tokens separated by dots, without wildcards.
fn is_subject(text: &str) -> bool {
    let is_token = |token: &str| {
        let fits = |it: char| it.is_ascii_graphic() && !"*>/\\".contains(it);
        !token.is_empty() && token.chars().all(fits)
    };
    text.split('.').all(is_token) && !text.starts_with('$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn target_names_servers_and_a_stream() {
        for (text, shown) in [
            ("nats://127.0.0.1:4223/F", "nats://127.0.0.1:4223/F"),
            (
                "nats://a,[::1],c:1/FLOWS?create=false",
                "nats://a:4222,[::1]:4222,c:1/FLOWS",
            ),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), shown);
        }
        let target: Target = "nats://a/F?window=60&subject=x.y&create=false"
            .parse()
            .unwrap();
        let expected = Settings::new(["a:4222"], "F")
            .window(Duration::from_mins(1))
            .subject("x.y")
            .create(false);
        assert_eq!(target.settings(none), expected);
    }

    #[test]
    fn credentials_come_from_the_environment() {
        let with = |pairs: &'static [(&str, &str)]| {
            let target: Target = "nats://a/F".parse().unwrap();
            let found = move |name: &str| pairs.iter().find(|pair| pair.0 == name);
            target
                .settings(|name| found(name).map(|pair| pair.1.to_owned()))
                .credentials
        };
        let user = [
            ("NATS_USER", "u"),
            ("NATS_PASSWORD", "p"),
            ("NATS_TOKEN", "t"),
        ];
        assert_eq!(with(Box::leak(Box::new(user))), Credentials::user("u", "p"));
        assert_eq!(
            with(&[("NATS_TOKEN", "t")]),
            Credentials::Token("t".to_owned())
        );
        assert_eq!(with(&[("NATS_TOKEN", "")]), Credentials::Nobody);
    }

    #[test]
    fn invalid_target_error_lists_valid_targets() {
        for text in [
            "",
            "tls://a/F",
            "nats://",
            "nats://a",
            "nats:///F",
            "nats://a/",
            "nats://a/b.c",
            "nats://a/b/c",
            "nats://a/*",
            "nats://a:0/F",
            "nats://a,/F",
            "nats://a/F?window=0",
            "nats://a/F?window=x",
            "nats://a/F?subject=a.>",
            "nats://a/F?subject=$JS.x",
            "nats://a/F?x=1",
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            let begins = format!("cannot export to `{text}`: ");
            assert!(error.starts_with(&begins), "{error}");
        }
        let error = "nats://me:hush@a/F"
            .parse::<Target>()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("NATS_PASSWORD") && !error.contains("hush"),
            "{error}"
        );
    }
}
