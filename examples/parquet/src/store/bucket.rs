//! A bucket of S3, or of a compatible service.

use std::{env, fmt, io, time::Duration};

use object_store::{
    ClientOptions, ObjectStoreExt as _, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    path::Path,
};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

use super::{Store, words::in_words};

/// Lowest transfer rate in octets per second; a slower transfer counts as broken.
const SLOWEST: u64 = 128 << 10;

/// A bucket of S3, a prefix of object names, and variables with further settings.
///
/// ```
/// use mermin_parquet::Bucket;
///
/// let bucket = Bucket::new("flows").prefix("site-1").variables([("AWS_REGION", "eu-central-1")]);
/// assert_eq!(bucket.to_string(), "s3://flows/site-1");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use = "give it to an exporter"]
pub struct Bucket {
    name: String,
    prefix: String,
    timeout: Duration,
    variables: Vec<(String, String)>,
}

impl Bucket {
    /// Creates settings for an existing bucket. Credentials, region and endpoint come from this process's
    /// environment, see [`variables`](Self::variables).
    pub fn new(name: impl Into<String>) -> Self {
        let of_process = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("AWS_"));
        Self {
            name: name.into(),
            prefix: String::new(),
            timeout: Duration::from_secs(30),
            variables: of_process.collect(),
        }
    }

    /// Sets the prefix of object names, as a path without `/` at either end. Default: none.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the timeout of a file, in addition to a second per 128 KiB. It includes name look-up, credentials, TLS and
    /// the response. Default: 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Replaces this process's environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`,
    /// `AWS_REGION`, `AWS_ENDPOINT_URL` and others in the README. Unknown variables are ignored, as in an
    /// environment.
    pub fn variables<N: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let each = variables.into_iter();
        self.variables = each
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        self
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.name)?;
        match self.prefix.as_str() {
            "" => Ok(()),
            prefix => write!(f, "/{prefix}"),
        }
    }
}

/// Without the variables, because some are secrets.
impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({self})")
    }
}

/// Writes each file with one request: S3 shows an object only when it is complete and matches its signature.
pub(crate) struct Objects {
    bucket: Bucket,
    prefix: Path,
    client: AmazonS3,
    runtime: Runtime,
}

impl Objects {
    /// Creates the client without network access.
    pub(crate) fn open(bucket: Bucket) -> io::Result<Self> {
        let cannot = |error: object_store::Error| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("cannot use `{bucket}`: {}", in_words(&error)),
            )
        };
        let prefix = Path::parse(&bucket.prefix).map_err(|error| cannot(error.into()))?;
        // If the process has already installed one, that is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = client(&bucket).build().map_err(cannot)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            bucket,
            prefix,
            client,
            runtime,
        })
    }
}

fn client(bucket: &Bucket) -> AmazonS3Builder {
    let mut builder = AmazonS3Builder::new();
    let mut plain = false;
    for (name, value) in &bucket.variables {
        let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() else {
            continue;
        };
        let endpoint = [AmazonS3ConfigKey::Endpoint, AmazonS3ConfigKey::S3Endpoint];
        plain |= endpoint.contains(&key) && value.starts_with("http://");
        builder = builder.with_config(key, value);
    }
    let options = ClientOptions::new()
        // Only an endpoint with `http://` needs this.
        .with_allow_http(plain)
        // The timeout depends on the size, see `patience`.
        .with_timeout_disabled()
        .with_http1_only()
        // The server closes idle connections after seconds, and between two files nothing here would notice.
        .with_pool_max_idle_per_host(0);
    // The exporter retries: it counts attempts and exports the batch again.
    let retry = RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    };
    builder
        .with_bucket_name(&bucket.name)
        .with_client_options(options)
        .with_retry(retry)
}

/// Returns the timeout of a file by its size.
fn patience(timeout: Duration, octets: usize) -> Duration {
    timeout.saturating_add(Duration::from_secs(octets as u64 / SLOWEST))
}

impl Store for Objects {
    fn put(&mut self, name: &str, octets: Vec<u8>) -> io::Result<()> {
        let cannot = |kind, why: String| {
            let bucket = &self.bucket;
            let slash = if bucket.prefix.is_empty() { "" } else { "/" };
            io::Error::new(
                kind,
                format!("cannot write to `{bucket}{slash}{name}`: {why}"),
            )
        };
        let place = self.prefix.clone().join(name);
        let patience = patience(self.bucket.timeout, octets.len());
        let put = async { timeout(patience, self.client.put(&place, octets.into())).await };
        match self.runtime.block_on(put) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(cannot(io::ErrorKind::Other, in_words(&error))),
            Err(_) => Err(cannot(
                io::ErrorKind::TimedOut,
                format!("no answer within {} s", patience.as_secs()),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upload_timeout_grows_with_the_size() {
        let timeout = Duration::from_secs(30);
        assert_eq!(patience(timeout, 0), timeout);
        assert_eq!(patience(timeout, 128 << 20), Duration::from_secs(30 + 1024));
    }

    #[test]
    fn secrets_are_not_printed() {
        let bucket = Bucket::new("flows").variables([("AWS_SECRET_ACCESS_KEY", "hidden")]);
        assert_eq!(
            format!("{bucket:?} {bucket}"),
            "Bucket(s3://flows) s3://flows"
        );
    }

    #[test]
    fn invalid_bucket_is_named() {
        let prefix = Bucket::new("flows").prefix("a//b");
        let error = Objects::open(prefix).err().unwrap().to_string();
        assert!(
            error.starts_with("cannot use `s3://flows/a//b`: "),
            "{error}"
        );
    }
}
