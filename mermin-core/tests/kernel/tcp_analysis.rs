//! TCP analysis by the kernel program: crafted segments, and connections through a path that loses, delays and reorders.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use mermin_core::{
    Attach, Flow, FlowSource,
    flow::TcpSegments,
    lab::frame::{
        Segment,
        flag::{ACK, PSH, RST, SYN},
    },
};

use crate::support::{
    frame,
    host::{Host, Pair},
    path::{Fate, Path},
    traffic::{Injector, address},
    wait::until_true,
    watch::{Watch, on},
};

crate::cases! {
    each_mode segments_are_analysed_as_in_a_capture,
    each_mode reused_slot_has_a_new_analysis,
    case lost_segments_are_retransmitted,
    case overtaken_segments_are_out_of_order,
    case round_trips_are_those_of_the_socket,
}

/// A segment of the near end, or of the far one, in a frame.
fn segment(from_near: bool, flags: u8, numbers: [u32; 2], window: u16, payload: usize) -> Vec<u8> {
    let ends = [address("10.0.0.1:4000"), address("10.0.0.2:443")];
    let [from, to] = if from_near { ends } else { [ends[1], ends[0]] };
    let [sequence, acknowledgment] = numbers;
    let segment = Segment {
        flags,
        sequence,
        acknowledgment,
        window,
        payload: &vec![0; payload],
    };
    frame::ethernet(frame::IPV4, &frame::tcp_of(from, to, &segment))
}

/// Sends a segment and waits until it is counted: two interfaces keep no order.
struct Script<'a> {
    near: Injector,
    far: Injector,
    watch: &'a Watch,
    sent: u64,
}

impl Script<'_> {
    fn send(&mut self, from_near: bool, flags: u8, numbers: [u32; 2], window: u16, payload: usize) {
        let injector = if from_near { &self.near } else { &self.far };
        injector.send(&segment(from_near, flags, numbers, window, payload));
        self.sent += 1;
        until_true("the segment to be counted", || {
            let hooks = self.watch.stats().hooks;
            hooks.iter().map(|hook| hook.traffic.packets).sum::<u64>() == self.sent
        });
    }
}

fn counts(segments: &TcpSegments) -> [u64; 6] {
    [
        segments.retransmissions,
        segments.retransmitted_octets,
        segments.out_of_order,
        segments.duplicate_acks,
        segments.zero_windows,
        segments.resets,
    ]
}

fn samples(segments: &TcpSegments) -> [u64; 2] {
    [segments.round_trip, segments.response].map(|latency| latency.map_or(0, |it| it.samples))
}

fn segments_are_analysed_as_in_a_capture(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0")
        .attach(mode)
        .tcp_analysis(true)
        .active_timeout(Duration::from_millis(300));
    let mut watch = Watch::open(&pair.near, options);
    let mut script = Script {
        near: Injector::new(&pair.near, "v0"),
        far: Injector::new(&pair.far, "v1"),
        watch: &watch,
        sent: 0,
    };
    script.send(true, SYN, [99, 0], 1000, 0);
    script.send(false, SYN | ACK, [499, 100], 1000, 0);
    script.send(true, ACK, [100, 500], 1000, 0);
    for sequence in [100, 200, 300] {
        script.send(true, ACK, [sequence, 500], 1000, 100);
    }
    script.send(true, ACK | PSH, [300, 500], 1000, 100);
    script.send(false, ACK, [500, 300], 1000, 0);
    script.send(false, ACK, [500, 300], 1000, 0);
    script.send(false, ACK, [500, 300], 1000, 0);
    script.send(false, ACK, [500, 400], 0, 0);
    script.send(true, ACK, [399, 500], 1000, 0);
    script.send(false, ACK, [500, 400], 900, 50);
    script.send(true, ACK, [400, 550], 1000, 0);
    watch.take_until("a record", |flows| {
        let packets: u64 = flows
            .iter()
            .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta)
            .sum();
        packets == 14
    });
    let first = watch.flows.len();
    let mut script = Script {
        near: Injector::new(&pair.near, "v0"),
        far: Injector::new(&pair.far, "v1"),
        watch: &watch,
        sent: 14,
    };
    script.send(true, ACK, [300, 550], 1000, 100);
    script.send(false, RST | ACK, [550, 400], 1000, 0);
    let outcome = watch.finish();
    let sum = |flows: &[Flow], way: fn(&Flow) -> TcpSegments| {
        let each = flows.iter().map(|flow| counts(&way(flow)));
        each.fold([0; 6], |sum, counts| {
            std::array::from_fn(|at| sum[at] + counts[at])
        })
    };
    let forward = |flow: &Flow| flow.tcp_analysis.as_deref().unwrap().forward;
    let reverse = |flow: &Flow| flow.tcp_analysis.as_deref().unwrap().reverse;
    let (early, late) = outcome.flows.split_at(first);
    assert_eq!(sum(early, forward), [1, 100, 0, 0, 0, 0], "{early:#?}");
    assert_eq!(sum(early, reverse), [0, 0, 0, 2, 1, 0], "{early:#?}");
    assert_eq!(sum(late, forward), [1, 100, 0, 0, 0, 0], "{late:#?}");
    assert_eq!(sum(late, reverse), [0, 0, 0, 0, 0, 1], "{late:#?}");
    let of_all = |way: fn(&Flow) -> TcpSegments| {
        let each = outcome.flows.iter().map(|flow| samples(&way(flow)));
        each.fold([0; 2], |sum, it| [sum[0] + it[0], sum[1] + it[1]])
    };
    // SYN without its repetition; SYN-ACK and the data.
    assert_eq!((of_all(forward), of_all(reverse)), ([1, 0], [2, 0]));
    let last = outcome.flows.last().unwrap().tcp_analysis.clone().unwrap();
    for handshake in [last.handshake_client, last.handshake_server] {
        let taken = handshake.unwrap();
        assert!(taken > Duration::ZERO && taken < Duration::from_secs(60));
    }
}

/// A table with room for one flow.
fn reused_slot_has_a_new_analysis(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0")
        .attach(mode)
        .max_flows(1)
        .tcp_analysis(true)
        .tcp_rst_timeout(Duration::from_millis(50));
    let mut watch = Watch::open(&pair.near, options);
    let injector = Injector::new(&pair.near, "v0");
    for number in 1..4 {
        watch.begin(&injector, &segment(true, ACK, [100, 500], 0, 100));
        injector.send(&segment(true, ACK, [100, 500], 0, 100));
        injector.send(&segment(true, RST | ACK, [200, 500], 0, 0));
        watch.take_until("the flow's end", |flows| flows.len() == number);
        until_true("an empty slot", || watch.stats().flows_open == 0);
    }
    let outcome = watch.finish();
    for flow in &outcome.flows {
        let analysis = flow.tcp_analysis.as_deref().unwrap();
        assert_eq!(counts(&analysis.forward), [1, 100, 0, 0, 2, 1]);
    }
}

/// A connection over a path, and the statistics of the watched end's socket at its end.
struct Transfer {
    flow: Flow,
    socket: Socket,
    path: crate::support::path::Done,
}

/// Fields of `ss -tin` of the sender.
#[derive(Debug, Default)]
struct Socket {
    retransmitted: u64,
    /// ns.
    least_round_trip: f64,
}

impl Socket {
    fn read(host: &Host) -> Self {
        let said = host.shell("ss -tinH dport = 8080");
        let word = |name: &str| {
            let mut words = said.split_whitespace();
            let found = words.find_map(|word| word.strip_prefix(name));
            found.map(ToOwned::to_owned)
        };
        let total = |text: String| text.split('/').nth(1).unwrap().parse().unwrap();
        Self {
            retransmitted: word("retrans:").map_or(0, total),
            least_round_trip: word("minrtt:")
                .map_or(0.0, |text| text.parse::<f64>().unwrap() * 1_000_000.0),
        }
    }
}

/// Sends so many octets from the near end; watches the near or the far one.
fn transfer(octets: usize, at_sender: bool, fate: impl FnMut(u64) -> Fate + Send) -> Transfer {
    let path = Path::new(Duration::from_millis(5));
    let host = if at_sender { &path.near } else { &path.far };
    let options = FlowSource::builder()
        .interfaces(["tun0"])
        .max_flows(64)
        .tcp_analysis(true);
    let watch = Watch::open(host, options);
    let (socket, done) = path.carry(fate, || {
        let listener = path
            .far
            .run(|| TcpListener::bind(address("10.9.0.2:8080")).unwrap());
        let mut client = path
            .near
            .run(|| TcpStream::connect(address("10.9.0.2:8080")).unwrap());
        let (mut server, _) = listener.accept().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                server.read_exact(&mut vec![0; octets]).unwrap();
                server.write_all(&[1]).unwrap();
            });
            client.write_all(&vec![7; octets]).unwrap();
            client.read_exact(&mut [0]).unwrap();
        });
        Socket::read(&path.near)
    });
    let outcome = watch.finish();
    let flow = outcome.only(|flow| flow.tcp_analysis.is_some()).clone();
    Transfer {
        flow,
        socket,
        path: done,
    }
}

fn forward(transfer: &Transfer) -> TcpSegments {
    transfer.flow.tcp_analysis.as_deref().unwrap().forward
}

/// Seen where they are sent, retransmissions are those that the socket counts. Seen behind the loss, they are the segments that fill
/// what was lost, and those that were sent again though they had arrived.
fn lost_segments_are_retransmitted() {
    let lose = |number: u64| {
        if number > 20 && number.is_multiple_of(50) {
            Fate::Lost
        } else {
            Fate::Passes
        }
    };
    let sent = transfer(3_000_000, true, lose);
    let segments = forward(&sent);
    assert!(sent.path.lost > 10, "{:?}", sent.path);
    assert!(sent.socket.retransmitted >= sent.path.lost);
    assert_eq!(segments.retransmissions, sent.socket.retransmitted);
    assert_eq!(segments.out_of_order, 0);
    let received = transfer(3_000_000, false, lose);
    let again = forward(&received).retransmissions + forward(&received).out_of_order;
    println!(
        "lost {} of {}, sent again {}, seen behind the loss {again}",
        received.path.lost, received.path.passed, received.socket.retransmitted
    );
    assert_eq!(
        again,
        received.socket.retransmitted - received.path.lost_again
    );
}

/// A segment that the path lets others overtake fills a gap before it can have been sent again.
fn overtaken_segments_are_out_of_order() {
    let received = transfer(3_000_000, false, |number| {
        if number > 20 && number.is_multiple_of(50) {
            Fate::Overtaken
        } else {
            Fate::Passes
        }
    });
    let segments = forward(&received);
    assert!(received.path.overtaken > 10, "{:?}", received.path);
    println!("{:?} {segments:?} {:?}", received.path, received.socket);
    // If the forwarder is interrupted for longer than a round trip, a gap is filled as late as by a retransmission.
    let late = received.path.overtaken - segments.out_of_order;
    assert!(late < received.path.overtaken / 2);
    assert_eq!(
        segments.retransmissions,
        received.socket.retransmitted + late
    );
}

/// The least round trip is the one that the sender's socket knows, less the way within the host.
fn round_trips_are_those_of_the_socket() {
    let sent = transfer(300_000, true, |_| Fate::Passes);
    let latency = forward(&sent).round_trip.unwrap();
    println!("{latency:?} {:?}", sent.socket);
    // The path delays each way.
    assert!(latency.min >= Duration::from_millis(10), "{latency:?}");
    assert!(latency.min <= latency.mean && latency.mean <= latency.max);
    let analysis = sent.flow.tcp_analysis.as_deref().unwrap();
    let handshake = analysis.handshake_server.unwrap();
    assert!(handshake >= Duration::from_millis(10));
    // It is one of the samples, as it is for the socket.
    assert!(latency.min <= handshake);
    let socket = Duration::from_secs_f64(sent.socket.least_round_trip / 1e9);
    assert!(socket >= Duration::from_millis(10), "{socket:?}");
    // The client is this host.
    assert!(analysis.handshake_client.unwrap() < analysis.handshake_server.unwrap());
    // One octet after all that was sent.
    let response = analysis.forward.response.unwrap();
    assert_eq!(response.samples, 1);
}
