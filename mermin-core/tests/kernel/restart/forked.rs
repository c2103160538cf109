//! A killed process whose forked child lives on: the child does not keep what the process held.

use mermin_core::{Attach, NetNs, Pinning};
use rustix::process::{Pid, Signal, kill_process};

use super::{instance_name, pins};
use crate::support::{
    attached,
    child_process::{ChildProcess, Task, print_line},
    frame,
    host::Pair,
    raw,
    traffic::Injector,
    wait::{LONGEST, until_true, within},
    watch::{Watch, on, shut, try_open},
};

pub(super) const TASK: Task = ("fork-and-wait", fork_and_wait);
const TC: Attach = Attach::Tc;

crate::cases! {
    case filters_of_a_killed_process_are_removed_while_its_child_lives,
    each_mode instance_of_a_killed_process_is_taken_over_while_its_child_lives,
}

/// `<netns> <instance or -> <mode>`: opens, forks, prints the child's id, and continues until it is killed.
fn fork_and_wait(argument: &str) -> String {
    let words: Vec<&str> = argument.split(' ').collect();
    let mode = if words[2] == "tc" { TC } else { Attach::Tcx };
    let options = on("v0").attach(mode).netns(NetNs::Path(words[0].into()));
    let options = match words[1] {
        "-" => options,
        instance => options.pinning(Pinning::instance(instance)),
    };
    let _source = within(LONGEST, options.open()).unwrap().unwrap();
    print_line(&raw::forked_sleeper().to_string());
    loop {
        std::thread::park();
    }
}

/// The child, until dropped; its parent is dead.
struct Left(Pid);

impl Left {
    fn by(pair: &Pair, instance: &str, mode: Attach, meanwhile: impl FnOnce()) -> Self {
        let mode = if mode == TC { "tc" } else { "tcx" };
        let path = pair.near.path();
        let mut process = ChildProcess::start(&format!("{} {path} {instance} {mode}", TASK.0));
        let child = process.line().unwrap().parse().unwrap();
        meanwhile();
        process.kill();
        process.wait();
        let left = Self(Pid::from_raw(child).unwrap());
        assert!(left.lives());
        left
    }

    fn lives(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.as_raw_nonzero()));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

fn instance_of_a_killed_process_is_taken_over_while_its_child_lives(mode: Attach) {
    let pair = Pair::new();
    let name = instance_name();
    let send = |packets: u64| {
        let injector = Injector::new(&pair.near, "v0");
        (0..packets).for_each(|_| injector.send(&frame::numbered(1)));
    };
    let left = Left::by(&pair, &name, mode, || send(3));
    send(4);
    let options = on("v0").attach(mode).pinning(Pinning::instance(&name));
    let watch = Watch::open(&pair.near, options);
    assert_eq!(watch.source.report().recovered.unwrap().flows, 1);
    send(5);
    let outcome = watch.finish();
    assert_eq!(outcome.only(|_| true).forward.packets.total, 12);
    assert!(left.lives());
    until_true("bare hooks", || attached::at(&pair.near, "v0").is_empty());
    assert!(!pins(&name).exists());
}

fn filters_of_a_killed_process_are_removed_while_its_child_lives() {
    let pair = Pair::new();
    let left = Left::by(&pair, "-", TC, || ());
    assert_ne!(attached::at(&pair.near, "v0"), "");
    let source = try_open(&pair.near, on("v0").attach(TC)).unwrap();
    assert_eq!(source.report().orphans.len(), 2);
    shut(source);
    assert!(left.lives());
    assert_eq!(attached::at(&pair.near, "v0"), "");
}
