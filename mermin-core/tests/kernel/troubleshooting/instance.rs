//! A source with pinning, and obstacles to it.

use std::{fs, path::PathBuf};

use mermin_core::{Attach, FlowSourceBuilder, Pinning};

use super::{Symptom, by_tcx, open, preflight, row, words};
use crate::{
    restart::{instance_name, layout, left::torn, moved::renumbered, pins},
    support::{
        host::Pair,
        raw,
        skip::skip,
        watch::{on, shut, try_open},
    },
};

pub(super) const ROWS: &[Symptom] = &[
    row!("`is no BPF file system`", symptom_no_bpffs),
    row!("`pinning: cannot make and lock`", symptom_bpffs_refuses),
    row!("`another source owns it`", symptom_in_use),
    row!(
        "`pins of a former process cannot be taken over`",
        symptom_not_taken_over
    ),
    row!(
        "`pins of another version` .. `cannot be taken over`",
        symptom_other_layout
    ),
    row!("`the instance was made for`", symptom_other_size),
    row!("`is not Mermin's`", symptom_foreign_pin),
    row!("`the journal of` .. `is not valid`", symptom_torn_notes),
    by_tcx(row!(
        "`was moved to another network namespace`",
        symptom_renumbered
    )),
    by_tcx(row!("`cannot pin the link at`", symptom_no_link_pin)),
];

fn symptom_torn_notes() -> String {
    torn()
}

fn symptom_renumbered() -> String {
    renumbered()
}

/// An instance of a test; its remains are removed with the test.
struct Instance(String);

impl Instance {
    fn new() -> Self {
        Self(instance_name())
    }

    fn options(&self) -> FlowSourceBuilder {
        on("v0").pinning(Pinning::instance(&self.0))
    }

    /// Leaves it as a process that was killed does.
    fn leave(&self, pair: &Pair) {
        let pinning = Pinning::instance(&self.0).persist(true);
        shut(try_open(&pair.near, on("v0").pinning(pinning)).unwrap());
    }

    fn layout(&self) -> PathBuf {
        layout(&self.0)
    }

    fn directory(&self) -> PathBuf {
        pins(&self.0)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.directory());
    }
}

/// `preflight` and `open` give the same text.
fn symptom_no_bpffs() -> String {
    let (instance, pair) = (Instance::new(), Pair::new());
    pair.near.run(|| {
        if let Err(error) = raw::without_mount(c"/sys/fs/bpf") {
            skip(format!("no BPF file system can be taken away: {error}"));
        }
        let (preflight_text, opened) = (preflight(&instance.options()), open(instance.options()));
        assert!(preflight_text.can_capture(), "{preflight_text:#?}");
        assert_eq!(preflight_text.to_string(), opened);
        assert!(
            opened.contains("`mount -t bpf bpf /sys/fs/bpf`"),
            "{opened}"
        );
        // A source without pinning has a notice and no degradation.
        let unasked = preflight(&on("v0"));
        assert!(words(&unasked).contains("is no BPF file system"));
        assert_eq!(unasked.degradations, []);
        opened
    })
}

fn symptom_bpffs_refuses() -> String {
    let (instance, pair) = (Instance::new(), Pair::new());
    pair.near.run(|| {
        raw::fill_up();
        let preflight_text = words(&preflight(&instance.options()));
        assert!(
            preflight_text.contains("bpffs: cannot make `/sys/fs/bpf/mermin-trial-"),
            "{preflight_text}"
        );
        open(instance.options())
    })
}

fn symptom_in_use() -> String {
    let (instance, pair) = (Instance::new(), Pair::new());
    let _owner = try_open(&pair.near, instance.options()).unwrap();
    pair.near.run(|| open(instance.options()))
}

/// It was left in another network namespace.
fn symptom_not_taken_over() -> String {
    let instance = Instance::new();
    instance.leave(&Pair::new());
    Pair::new().near.run(|| open(instance.options()))
}

fn symptom_other_layout() -> String {
    let (instance, pair) = (Instance::new(), Pair::new());
    instance.leave(&pair);
    let layout = instance.layout();
    fs::rename(&layout, layout.with_file_name("0123456789abcdef")).unwrap();
    pair.near.run(|| open(instance.options()))
}

fn symptom_other_size() -> String {
    let (instance, pair) = (Instance::new(), Pair::new());
    instance.leave(&pair);
    pair.near.run(|| open(instance.options().max_flows(64)))
}

fn symptom_foreign_pin() -> String {
    let (instance, pair) = (Instance::new(), Pair::new());
    instance.leave(&pair);
    fs::create_dir(instance.layout().join("foreign")).unwrap();
    pair.near.run(|| open(instance.options()))
}

/// The name of its link is taken by what cannot be removed as a pin is.
fn symptom_no_link_pin() -> String {
    let (instance, pair) = (Instance::new(), Pair::new());
    instance.leave(&pair);
    pair.join(1);
    let name = format!("link_{}_ingress", pair.near.index("v2"));
    fs::create_dir(instance.layout().join(&name)).unwrap();
    let options = instance.options().interfaces(["v0", "v2"]);
    let source = try_open(&pair.near, options.attach(Attach::Tcx)).unwrap();
    assert_eq!(
        source.report().interfaces.len(),
        2,
        "it is watched all the same"
    );
    source.report().to_string()
}
