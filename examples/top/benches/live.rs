//! Cost of the view with 100,000 live flows: `cargo bench -p mermin-top`, as root; with `-- --json`, one object per row.
//!
//! A process in a new network namespace sends a datagram to each of 100,000 addresses, continues with some of them,
//! and runs the program at the same time. The benchmark reads the program's CPU time from /proc once all flows exist,
//! and again 20 frames later.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on ends; the lint knows only functions that are marked as tests"
)]

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, UdpSocket},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mermin_testing::{apart::command, figure::Row, milliseconds, thread_times};

/// Set if the process is in the namespace.
const INSIDE: &str = "MERMIN_TOP_BENCH_INSIDE";
const FLOWS: u32 = 100_000;
const FRAMES: u32 = 20;

fn main() {
    if env::var_os(INSIDE).is_some() {
        return inside();
    }
    if env::args().any(|argument| argument == "--test") {
        return;
    }
    let own = env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--net", "--"]).arg(own).env(INSIDE, "1");
    command.args(env::args().skip(1));
    assert!(command.status().unwrap().success(), "run it as root");
}

fn inside() {
    // Without ARP, each address is reachable at once.
    command("ip link add d0 arp off up type veth peer name d1");
    command("ip link set d1 up");
    command("ip addr add 10.0.0.1/8 dev d0");
    let config = env::temp_dir().join(format!("mermin-top-bench-{}.hcl", std::process::id()));
    let room = "pipeline {\n  flow_capture {\n    flow_stats_capacity = 131072\n  }\n}\nspan {\n  udp_timeout = \"10m\"\n}\n";
    fs::write(&config, room).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_top"));
    command
        .args(["--plain", "--interface", "d0", "--delay", "0.5", "--config"])
        .arg(&config);
    let mut top = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(top.stdout.take().unwrap()).lines();
    let mut frames = |wanted: u32, is_so: &dyn Fn(&str) -> bool| {
        let heads = lines
            .by_ref()
            .map(Result::unwrap)
            .filter(|line| line.starts_with("top  "));
        let last = heads
            .skip_while(|line| !is_so(line))
            .take(wanted as usize)
            .last();
        last.unwrap()
    };
    frames(1, &|_| true);
    let socket = UdpSocket::bind("10.0.0.1:5000").unwrap();
    let to = |number: u32| (Ipv4Addr::from_bits(0x0a01_0000 + number), 53);
    for number in 0..FLOWS {
        socket.send_to(&[0; 100], to(number)).unwrap();
    }
    // A fifth of the flows continue, so rates and orders change.
    thread::spawn(move || {
        for number in (0..FLOWS).step_by(5).cycle() {
            // The interface disappears with the namespace.
            let _ = socket.send_to(&[0; 100], to(number));
            if number % 100 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let is_json = env::args().any(|argument| argument == "--json");
    let say = |text: &str| {
        if !is_json {
            println!("{text}");
        }
    };
    say(&frames(1, &|line| line.contains("100,000 flows")));
    let (before, began) = (thread_times(top.id()), Instant::now());
    say(&frames(FRAMES, &|_| true));
    let (after, took) = (thread_times(top.id()), began.elapsed());
    top.kill().unwrap();
    top.wait().unwrap();
    fs::remove_file(&config).unwrap();
    let mut all = Duration::ZERO;
    let mut own = Duration::ZERO;
    for (name, time) in after {
        let known = before.iter().find(|(known, _)| *known == name);
        let spent = time.saturating_sub(known.map_or(Duration::ZERO, |(_, time)| *time));
        all += spent;
        if name == format!("top {}", top.id()) {
            own = spent / FRAMES;
        }
        let spent = milliseconds(spent / FRAMES);
        say(&format!("{name:16} {spent:6.2} ms a frame"));
    }
    say(&format!(
        "{FRAMES} frames of {FLOWS} flows in {:.2} s",
        took.as_secs_f64()
    ));
    let other = milliseconds(all / FRAMES) - milliseconds(own);
    let share = all.as_secs_f64() / took.as_secs_f64() * 100.0;
    for row in [
        Row::new("frame_in_the_thread_that_draws", "ms", milliseconds(own)).at_most(50.0),
        Row::new("frame_in_other_threads", "ms", other),
        Row::new("all_threads", "percent_of_core", share).at_most(20.0),
    ] {
        println!("{}", if is_json { row.json() } else { row.line() });
    }
}
