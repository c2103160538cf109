//! S3 by moto, an independent server.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::waiting::{free_port, wait};

/// An S3 server with an empty bucket. It keeps its objects in memory.
#[derive(Debug)]
pub struct Moto {
    server: Child,
    port: u16,
}

impl Moto {
    /// Starts the server with the Python that has `moto`.
    #[must_use]
    pub fn new(python: &Path, bucket: &str) -> Self {
        let port = free_port();
        let server = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p"])
            .arg(port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self { server, port };
        wait(|| moto.ask("PUT", &format!("/{bucket}"), "").is_ok());
        moto
    }

    /// Returns its port on the loopback address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends a request; returns the response, head and body.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<String> {
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

    /// Returns the settings of an environment for a server at `port`. moto accepts any key.
    #[must_use]
    pub fn variables(port: u16) -> [(&'static str, String); 4] {
        [
            ("AWS_ACCESS_KEY_ID", "key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
        ]
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
