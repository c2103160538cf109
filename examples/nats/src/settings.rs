//! Settings of the exporter.

use std::{fmt, time::Duration};

/// Credentials. Neither errors nor `Debug` show them.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// None.
    #[default]
    Nobody,
    /// A user and a password.
    User(String, String),
    /// A token.
    Token(String),
}

impl Credentials {
    /// Creates credentials from a user and a password.
    pub fn user(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::User(user.into(), password.into())
    }

    /// Returns the fields of `CONNECT`.
    pub(crate) fn options(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Nobody => Vec::new(),
            Self::User(user, password) => vec![("user", user), ("pass", password)],
            Self::Token(token) => vec![("auth_token", token)],
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::User(..) => "User(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}

/// Stream, servers and options.
///
/// ```
/// use std::time::Duration;
/// use mermin_nats::Settings;
///
/// let settings = Settings::new(["nats-1:4222", "nats-2:4222"], "FLOWS").window(Duration::from_hours(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to an exporter"]
pub struct Settings {
    pub(crate) servers: Vec<String>,
    pub(crate) stream: String,
    pub(crate) subject: Option<String>,
    pub(crate) creates: bool,
    pub(crate) window: Option<Duration>,
    pub(crate) under_way: usize,
    pub(crate) patience: Duration,
    pub(crate) credentials: Credentials,
    pub(crate) community_id_seed: u16,
}

impl Settings {
    /// Creates settings for a stream on these servers, each `host:port`.
    pub fn new<T: Into<String>>(
        servers: impl IntoIterator<Item = T>,
        stream: impl Into<String>,
    ) -> Self {
        Self {
            servers: servers.into_iter().map(Into::into).collect(),
            stream: stream.into(),
            subject: None,
            creates: true,
            window: None,
            under_way: 1024,
            patience: Duration::from_secs(10),
            credentials: Credentials::Nobody,
            community_id_seed: 0,
        }
    }

    /// Sets the subject of records. Default: the stream's name, a dot and the host's name, so that a consumer can
    /// distinguish hosts.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets if a missing stream is created: in files, without limits, for all subjects below its name, or for the
    /// chosen subject if that is elsewhere. Default: yes.
    pub fn create(mut self, creates: bool) -> Self {
        self.creates = creates;
        self
    }

    /// Sets how long the stream remembers the ids of records (`duplicate_window`), to the nanosecond. A stream with
    /// another value is changed. Default: the value of an existing stream, and 10 minutes for a new one. A source
    /// that is killed and restarted within this time doubles no record. The server keeps every id in memory for this
    /// time.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }

    /// Sets the largest number of unacknowledged records. Default: 1,024. At least 1.
    pub fn under_way(mut self, records: usize) -> Self {
        self.under_way = records.max(1);
        self
    }

    /// Sets the timeout of connecting, of replies and of acknowledgements. Default: 10 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.max(Duration::from_millis(1));
        self
    }

    /// Sets the credentials. Default: none.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Sets the seed of `flow.community_id`. Default: 0.
    pub fn community_id_seed(mut self, seed: u16) -> Self {
        self.community_id_seed = seed;
        self
    }

    /// Returns the subject, and those of a stream that the exporter creates.
    pub(crate) fn subjects(&self, host: &str) -> (String, String) {
        let below = format!("{}.", self.stream);
        match &self.subject {
            // Other sources have other subjects below the same name.
            Some(subject) if !subject.starts_with(&below) => (subject.clone(), subject.clone()),
            Some(subject) => (subject.clone(), below + ">"),
            None => (
                format!("{}.{}", self.stream, token(host)),
                format!("{}.>", self.stream),
            ),
        }
    }
}

/// Returns a host's name as one token of a subject.
fn token(host: &str) -> String {
    let fits = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    let text: String = host
        .chars()
        .map(|it| if fits(it) { it } else { '_' })
        .collect();
    if text.is_empty() {
        "host".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_name_is_one_subject_token() {
        let settings = Settings::new(["a:1"], "FLOWS");
        for (host, subject) in [
            ("db-7.east.example", "FLOWS.db-7_east_example"),
            ("*.>", "FLOWS.___"),
            ("", "FLOWS.host"),
        ] {
            let expected = (subject.to_owned(), "FLOWS.>".to_owned());
            assert_eq!(settings.subjects(host), expected);
        }
        let east = settings.clone().subject("FLOWS.east");
        let expected = ("FLOWS.east".to_owned(), "FLOWS.>".to_owned());
        assert_eq!(east.subjects("x"), expected);
        let chosen = settings.subject("a.b");
        assert_eq!(chosen.subjects("x"), ("a.b".to_owned(), "a.b".to_owned()));
    }

    #[test]
    fn credentials_are_not_printed() {
        let settings = Settings::new(["a:1"], "S").credentials(Credentials::user("me", "hush"));
        let shown = format!("{settings:?} {:?}", Credentials::Token("hush".to_owned()));
        assert!(
            !shown.contains("hush") && !shown.contains("me\""),
            "{shown}"
        );
    }
}
