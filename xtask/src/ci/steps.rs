//! The steps of CI in order. Add a row for a new step.

use anyhow::Result;

use crate::{
    api, api_server, day, dependencies, image, imports, object, package, promises, readers,
    shell::Variables, versions, vm,
};

/// Condition for running a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Always: half an hour on a fresh machine with two cores, including the installation of all tools.
    Quick,
    /// Only with `--full`: takes long, or needs tools that take minutes to compile.
    Full,
}

/// Work of a step.
pub(super) enum Work {
    /// The test commands in the README.
    Tests(&'static Variables),
    Command(&'static str, &'static Variables),
    /// A function and its name.
    Function(&'static str, fn() -> Result<()>),
}

pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    pub(super) work: Work,
}

/// Variables that the caller cannot change.
pub(super) const FIXED: [&str; 2] = ["MERMIN_REQUIRE_KERNEL", "RUSTDOCFLAGS"];

/// A kernel test that cannot run is a failure.
const REQUIRE_KERNEL: (&str, &str) = ("MERMIN_REQUIRE_KERNEL", "1");

/// Each fuzz case also runs mutated seeds for 5 s.
const FUZZ_SECONDS: (&str, &str) = ("MERMIN_FUZZ_SECONDS", "5");

const fn quick(name: &'static str, work: Work) -> Step {
    Step {
        name,
        scope: Scope::Quick,
        work,
    }
}

const fn full(name: &'static str, work: Work) -> Step {
    Step {
        name,
        scope: Scope::Full,
        work,
    }
}

pub(super) const STEPS: &[Step] = &[
    quick("format", Work::Command("cargo fmt --all --check", &[])),
    quick(
        "rust version",
        Work::Function("the pin, rustc", versions::check),
    ),
    quick(
        "dependencies",
        Work::Function("crates of mermin-core", dependencies::count),
    ),
    quick(
        "kernel program",
        Work::Function("cargo xtask bpf --check", object::check),
    ),
    quick(
        "kernel programs for tests",
        Work::Function("cargo xtask bpf --tests", object::for_tests),
    ),
    quick(
        "lints",
        Work::Command("cargo clippy --workspace --all-targets -- -D warnings", &[]),
    ),
    quick(
        "lints of the kernel program",
        Work::Function("the same for its target", object::lint),
    ),
    quick("tests", Work::Tests(&[REQUIRE_KERNEL, FUZZ_SECONDS])),
    quick(
        "another kernel",
        Work::Function("cargo xtask kernel-test --vm 6.1", vm::oldest),
    ),
    quick(
        "promises",
        Work::Function("cargo xtask promises", promises::check),
    ),
    quick(
        "imports",
        Work::Function("cargo xtask imports", imports::check),
    ),
    quick(
        "documentation",
        Work::Command(
            "cargo doc --workspace --no-deps",
            &[("RUSTDOCFLAGS", "-D warnings")],
        ),
    ),
    quick(
        "public API",
        Work::Function("cargo xtask api --check", api::check),
    ),
    quick(
        "documentation as published",
        Work::Function("all features, as docs.rs builds it", api::document),
    ),
    quick(
        "oldest Rust",
        Work::Function("the libraries with their rust-version", versions::oldest),
    ),
    quick(
        "arm64",
        Work::Command(
            "cargo check --target aarch64-unknown-linux-gnu -p mermin-core -p mermin-config -p mermin-examples -p mermin-program -p mermin-ipfix -p mermin-prometheus -p mermin-nats -p mermin-export -p mermin-top",
            &[],
        ),
    ),
    quick(
        "packages",
        Work::Function("cargo xtask package", package::check),
    ),
    quick(
        "manifests",
        Work::Function("cargo xtask manifests", readers::schemas),
    ),
    full(
        "other kernels",
        Work::Function("cargo xtask kernel-test --vm", vm::all),
    ),
    full(
        "licences",
        Work::Function("cargo deny check", dependencies::deny),
    ),
    full(
        "foreign types",
        Work::Function("cargo check-external-types", api::check_foreign),
    ),
    full(
        "semantic versioning",
        Work::Function("cargo semver-checks", api::check_semver),
    ),
    full(
        "page in a browser",
        Work::Function("Chromium without a screen", readers::browser),
    ),
    full(
        "receivers of OTLP",
        Work::Function("rotel and Python on every span", readers::otlp),
    ),
    full(
        "Prometheus 3 and VictoriaMetrics",
        Work::Function(
            "scrapes, promtool, the dashboard's queries",
            readers::metrics,
        ),
    ),
    full(
        "three sources in an engine",
        Work::Function("DuckDB behind a stream of NATS", readers::nats),
    ),
    full(
        "brokers of Kafka",
        Work::Function("librdkafka's, and Tansu killed mid-stream", readers::kafka),
    ),
    full(
        "readers of Parquet",
        Work::Function("DuckDB and pyarrow on every column", readers::parquet),
    ),
    full(
        "S3",
        Work::Function("moto on files, and trouble on the way there", readers::s3),
    ),
    full(
        "chart",
        Work::Function("Helm on the agent's chart", readers::helm),
    ),
    full(
        "static agent",
        Work::Function("built with musl, alone in a root file system", image::test),
    ),
    full(
        "Kubernetes API server",
        Work::Function(
            "kube-apiserver and etcd, built from source",
            api_server::test,
        ),
    ),
    full(
        "a day on a node, in three minutes",
        Work::Function("cargo xtask day --minutes 3 --rate 5000", day::brief),
    ),
    full(
        "a file's writer killed a thousand times",
        Work::Command(
            "cargo test -p mermin-parquet --test files -- killed --nocapture",
            &[("MERMIN_KILLS", "1000")],
        ),
    ),
    full(
        "cost of a packet",
        Work::Command("cargo bench -p mermin-benches --bench kernel", &[]),
    ),
    full(
        "killed a hundred times",
        Work::Command(
            "cargo test --release -p mermin-core --test kernel -- kill --nocapture",
            &[("MERMIN_KILLS", "50"), REQUIRE_KERNEL],
        ),
    ),
    full(
        "two thousand interfaces",
        Work::Command(
            "cargo test --release -p mermin-core --test kernel -- short_lived_interfaces --nocapture",
            &[("MERMIN_CHURN_PAIRS", "2000"), REQUIRE_KERNEL],
        ),
    ),
    full(
        "ten seconds of flood",
        Work::Command(
            "cargo test --release -p mermin-core --test kernel -- flood_of_syns --nocapture",
            &[("MERMIN_FLOOD_SECONDS", "10"), REQUIRE_KERNEL],
        ),
    ),
    full(
        "a minute without a consumer",
        Work::Command(
            "cargo test --release -p mermin-core --test kernel -- stalled_consumer --nocapture",
            &[("MERMIN_STALL_SECONDS", "60"), REQUIRE_KERNEL],
        ),
    ),
    full(
        "long attack",
        Work::Command(
            "cargo test --release -p mermin-core --test attack -- --nocapture",
            &[
                ("MERMIN_ATTACK_SECONDS", "60"),
                ("MERMIN_ATTACK_PACKETS", "100000000"),
                REQUIRE_KERNEL,
            ],
        ),
    ),
];
