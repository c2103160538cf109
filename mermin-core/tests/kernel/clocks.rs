//! The precision of times, and a process whose monotonic clock differs from the kernel program's.

use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};

use futures::StreamExt;
use mermin_core::{Attach, Flow, NetNs, flow::Endpoint};

use crate::support::{
    child_process::{ChildProcess, Task, print_line},
    frame,
    host::Pair,
    skip::skip,
    traffic::{Injector, address},
    wait::{LONGEST, within},
    watch::{Watch, on, shut},
};

pub(crate) const TASKS: &[Task] = &[("in-time-namespace", in_time_namespace)];

crate::cases! {
    case dates_are_right_in_a_time_namespace_ahead,
    case dates_are_right_in_a_time_namespace_behind,
    each_mode exact_ends_are_to_the_nanosecond,
    each_mode flow_ends_have_tick_precision,
}

fn dates_are_right_in_a_time_namespace_ahead() {
    told_in("86400");
}

fn dates_are_right_in_a_time_namespace_behind() {
    told_in("-500");
}

/// Of the machine's own time namespace and of this process's.
fn namespaces() -> [String; 2] {
    ["/proc/self/ns/time", "/proc/self/ns/time_for_children"].map(|path| {
        std::fs::read_link(path).map_or_else(|_| String::new(), |at| at.display().to_string())
    })
}

fn milliseconds(time: SystemTime) -> i128 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i128::try_from(since.as_millis()).unwrap()
}

/// Says its namespace, that it is open, and the first record that ends a flow.
fn in_time_namespace(path: &str) -> String {
    print_line(&namespaces()[0]);
    let options = on("v0")
        .netns(NetNs::Path(path.into()))
        .udp_timeout(Duration::from_millis(400));
    let mut source = within(LONGEST, options.open()).unwrap().unwrap();
    print_line("open");
    let mut records = 0;
    let last = loop {
        let item = within(Duration::from_secs(20), source.next());
        let flow = item.expect("no record comes").unwrap().unwrap();
        records += 1;
        if !flow.end_reason.goes_on() {
            break flow;
        }
    };
    shut(source);
    let [start, end] = [last.start, last.end].map(milliseconds);
    format!("{records} {} {start} {end}", last.forward.packets.total)
}

/// One record with all packets, when the flow has been idle, of the right date.
fn told_in(ahead: &str) {
    let pair = Pair::new();
    let command = ["unshare", "--time", "--monotonic", ahead, "--fork"];
    let mut process =
        ChildProcess::start_by(&command, &format!("in-time-namespace {}", pair.near.path()));
    match process.line() {
        Some(namespace) => assert!(!namespaces().contains(&namespace), "{namespace}"),
        None => skip("the kernel has no time namespaces"),
    }
    assert_eq!(process.line().as_deref(), Some("open"));
    let before = milliseconds(SystemTime::now());
    let injector = Injector::new(&pair.near, "v0");
    (0..10).for_each(|_| injector.send(&frame::numbered(1)));
    let after = milliseconds(SystemTime::now());
    let told = process.line().unwrap();
    let numbers: Vec<i128> = told
        .split(' ')
        .map(|number| number.parse().unwrap_or_else(|_| panic!("{told}")))
        .collect();
    assert_eq!(numbers[..2], [1, 10], "{told}");
    // Ticks are 10 ms at most.
    for date in &numbers[2..] {
        assert!(
            (before - 20..=after + 20).contains(date),
            "{before} {told} {after}"
        );
    }
    assert!(numbers[2] <= numbers[3], "{told}");
    process.close();
    process.wait();
}

/// Conversations, and how long each lasts: no two are as far from a tick.
const CONVERSATIONS: u64 = 24;
const STEP: Duration = Duration::from_micros(2_617);

/// When a frame was sent, at the earliest and at the latest.
type Sent = [Instant; 2];

/// A date may be off by as much as the wall clock may be set without being followed.
const STEP_OF_DATES: Duration = Duration::from_millis(1);

/// Frames of a conversation cross the hook one after the other, with time in between; when the first and the last did.
fn converse(injector: &Injector, frames: &[Vec<u8>], pause: Duration) -> [Sent; 2] {
    let times: Vec<Sent> = frames
        .iter()
        .enumerate()
        .map(|(number, frame)| {
            if number != 0 {
                thread::sleep(pause);
            }
            let before = Instant::now();
            injector.send(frame);
            [before, Instant::now()]
        })
        .collect();
    [times[0], times[times.len() - 1]]
}

fn conversations(mode: Attach, exact: bool) -> Vec<(Flow, [Sent; 2])> {
    let pair = Pair::new();
    let hour = Duration::from_secs(3_600);
    let options = on("v0").attach(mode).exact_end(exact);
    let watch = Watch::open(&pair.near, options.udp_timeout(hour).active_timeout(hour));
    let injector = Injector::new(&pair.near, "v0");
    let ends = |number| [frame::source(number), address("10.0.0.2:53")];
    let before = SystemTime::now();
    let began = Instant::now();
    let sent: Vec<_> = (0..CONVERSATIONS)
        .map(|number| {
            let [near, far] = ends(number);
            let frames = [(near, far), (far, near), (near, far)]
                .map(|(from, to)| frame::ethernet(frame::IPV4, &frame::udp(from, to, &[1; 40])));
            converse(&injector, &frames, STEP)
        })
        .collect();
    let outcome = watch.finish();
    let flow = |number| {
        let [near, far] = ends(number).map(|end| Endpoint::new(end.ip(), end.port()));
        let flow = outcome.only(|flow| flow.source == near && flow.destination == far);
        assert_eq!(
            [&flow.forward, &flow.reverse].map(|half| half.packets.total),
            [2, 1]
        );
        flow.clone()
    };
    let found: Vec<_> = (0..CONVERSATIONS).map(flow).zip(sent).collect();
    for (flow, [first, _]) in &found {
        let [from, to] = first.map(|at| before + (at - began));
        let date = flow.start;
        assert!(
            from <= date + STEP_OF_DATES && date <= to + STEP_OF_DATES,
            "{from:?} {date:?} {to:?}"
        );
    }
    found
}

/// How long a conversation lasted, at the least and at the most.
fn lasted([first, last]: [Sent; 2]) -> [Duration; 2] {
    [last[0] - first[1], last[1] - first[0]]
}

/// The last packet's time is between the readings of a clock before and after it was sent.
fn exact_ends_are_to_the_nanosecond(mode: Attach) {
    for (flow, sent) in conversations(mode, true) {
        assert_eq!(flow.time_resolution, Some(Duration::from_nanos(1)));
        let [least, most] = lasted(sent);
        let told = flow.end.duration_since(flow.start).unwrap();
        assert!(
            (least..=most).contains(&told),
            "{least:?} {told:?} {most:?}"
        );
    }
}

/// Without the option, the time is that of the preceding tick.
fn flow_ends_have_tick_precision(mode: Attach) {
    let found = conversations(mode, false);
    let early = found.iter().filter(|(flow, sent)| {
        let tick = flow.time_resolution.unwrap();
        assert!(tick >= Duration::from_millis(1), "{tick:?}");
        let [least, most] = lasted(*sent);
        let told = flow.end.duration_since(flow.start).unwrap();
        assert!(told <= most, "{told:?} {most:?}");
        told < least
    });
    assert_ne!(
        early.count(),
        0,
        "a packet in {CONVERSATIONS} is not at a tick"
    );
}
