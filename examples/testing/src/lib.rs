//! Code shared by the tests of the exporters: tests that need a feature of the host, parts of tests in processes of
//! their own, temporary directories, records for comparison, certificates, and receivers with faults.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::missing_panics_doc, reason = "a test fails by a panic")]

pub mod apart;
#[cfg(feature = "tls")]
pub mod certificates;
mod collector;
pub mod figure;
mod folder;
mod kubernetes;
mod median;
mod moto;
pub mod program;
mod proxy;
mod records;
mod sentences;
mod tansu;
mod times;
mod trial;
pub mod trouble;
mod waiting;

pub use self::{
    collector::{Collector, has_attribute},
    folder::Folder,
    kubernetes::{Kubernetes, kubeconfig, pod_manifest, pod_status},
    median::median,
    moto::Moto,
    proxy::{Proxy, State},
    records::{id, id_of, ids, json, sorted_ids, times_of_a_stepped_clock},
    sentences::sentences,
    tansu::Tansu,
    times::{milliseconds, thread_times},
    trial::{can_mount, is_installed, needs, plain, waiting_arguments, with},
    waiting::{LONGEST, free_port, soon, until, wait},
};
