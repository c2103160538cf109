//! A server of S3 that no one here wrote, and AWS's client beside it.

use std::{
    env,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mermin_parquet::Bucket;
use mermin_testing::Folder;

use crate::read::{Key, keys};

/// The Python that has `moto` and `boto3`.
pub(crate) const PYTHON: &str = "MERMIN_PARQUET_MOTO";

const NAME: &str = "flows";

/// Its objects go with it.
pub(crate) struct Moto {
    server: Child,
    port: u16,
}

impl Moto {
    pub(crate) fn new() -> Self {
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let server = Command::new(python())
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p"])
            .arg(port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self { server, port };
        let began = Instant::now();
        while moto.ask("PUT", "/flows", "").is_err() {
            assert!(
                began.elapsed() < Duration::from_mins(2),
                "moto does not come up"
            );
            thread::sleep(Duration::from_millis(100));
        }
        moto
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The bucket, by way of this port.
    pub(crate) fn bucket(port: u16) -> Bucket {
        Bucket::new(NAME)
            .prefix("site/1")
            .variables(variables(port))
    }

    /// Refuses every request from now on, or none.
    pub(crate) fn refuse(&self, refuse: bool) {
        let after = if refuse { "0" } else { "inf" };
        let answer = self.ask("POST", "/moto-api/reset-auth", after).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: moto\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Keys of the records in all objects, each of which must be whole.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let folder = Folder::new("fetched");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files/s3/fetch.py");
        let output = Command::new(python())
            .args([script, NAME])
            .arg(folder.path())
            .envs(variables(self.port))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let names = folder.names();
        assert!(
            names.iter().all(|name| name.starts_with("site_1_flows-")),
            "{names:?}"
        );
        keys(folder.path())
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn python() -> PathBuf {
    env::var_os(PYTHON).unwrap().into()
}

/// As in an environment. moto takes any key.
pub(crate) fn variables(port: u16) -> [(&'static str, String); 4] {
    [
        ("AWS_ACCESS_KEY_ID", "key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
    ]
}
