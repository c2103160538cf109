//! Processes at both ends of flows: in this namespace and in others, with sockets older than the source or handed on.

use std::{
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mermin_core::{
    Attach, Flow, FlowSourceBuilder,
    flow::{Process, Protocol},
    report::Feature,
};

use crate::support::{
    host::Pair,
    rights::NOBODY,
    traffic::{address, udp_socket},
    wait::until_true,
    watch::{Outcome, Watch, on, try_open},
};

crate::cases! {
    each_mode processes_at_both_ends_are_found,
    each_mode socket_of_another_process_is_found,
    each_mode socket_of_another_user_is_found,
    each_mode socket_of_another_user_is_found_without_other_capabilities,
    each_mode removed_container_leaves_no_namespace,
}

/// A process in the far host, as a container has one: its network namespace is looked at because of it.
pub(crate) struct Inhabitant(Child);

impl Inhabitant {
    pub(crate) fn of(pair: &Pair) -> Self {
        let mut command = Command::new("sleep");
        Self(pair.far.run(|| command.arg("60").spawn().unwrap()))
    }
}

impl Drop for Inhabitant {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Time in which a flow that goes on is looked up: a sweep, and a look at all processes.
const LOOK: Duration = Duration::from_millis(2_500);

fn watch(pair: &Pair, options: FlowSourceBuilder) -> Watch {
    let source = try_open(&pair.near, options.process(true)).unwrap();
    // Less may be visible here; then the report says so.
    let report = source.report();
    assert!(
        report
            .degradations
            .iter()
            .all(|it| it.feature == Feature::Process),
        "{report}"
    );
    Watch::new(source)
}

fn of(outcome: &Outcome, protocol: Protocol) -> &Flow {
    outcome.only(|flow| flow.protocol == protocol)
}

fn is_this(process: Option<&Process>) -> bool {
    let own = std::env::current_exe().unwrap();
    let name = own.file_name().unwrap().to_str();
    process.is_some_and(|it| it.pid == std::process::id() && it.executable.as_deref() == name)
}

/// A connection and datagrams whose sockets are older than the source. The far host is another network namespace.
fn processes_at_both_ends_are_found(mode: Attach) {
    let pair = Pair::new();
    let _inhabitant = Inhabitant::of(&pair);
    pair.add_ipv6();
    let tcp = ["10.0.0.2:5001", "[fd00::2]:5001"].map(address);
    let connections: Vec<_> = tcp
        .iter()
        .map(|&far| {
            let listener = pair.far.run(|| TcpListener::bind(far).unwrap());
            let client = pair.near.run(|| TcpStream::connect(far).unwrap());
            (client, listener.accept().unwrap().0)
        })
        .collect();
    // Tests that run beside this one have the same addresses, and of two namespaces that have a socket none is named.
    let port = if mode == Attach::Tcx { 5301 } else { 5302 };
    let far = format!("10.0.0.2:{port}");
    let ends = ["10.0.0.1:4000", &far].map(address);
    let client = udp_socket(&pair.near, ends[0], ends[1]);
    // Bound and not connected, as a server's is.
    let server = pair
        .far
        .run(|| std::net::UdpSocket::bind(("0.0.0.0", port)).unwrap());
    let mut watch = watch(&pair, on("v0").attach(mode));
    for (client, server) in &connections {
        use std::io::Write as _;
        let (mut client, mut server) = (client, server);
        client.write_all(b"here").unwrap();
        server.write_all(b"there").unwrap();
    }
    client.send(b"question").unwrap();
    server.send_to(b"answer", ends[0]).unwrap();
    watch.take_for(LOOK);
    let outcome = watch.finish();
    let udp = of(&outcome, Protocol::UDP);
    let all = outcome
        .flows
        .iter()
        .filter(|flow| flow.protocol == Protocol::TCP);
    let all: Vec<_> = all.chain([udp]).collect();
    assert_eq!(all.len(), 3);
    for flow in all {
        assert!(is_this(flow.source_process.as_deref()), "{flow:#?}");
        assert!(is_this(flow.destination_process.as_deref()), "{flow:#?}");
    }
    assert_eq!(outcome.stats.lookups_missed, 0);
}

fn socket_of_another_process_is_found(mode: Attach) {
    inherited_socket_is_found(0, on("v0").attach(mode));
}

fn socket_of_another_user_is_found(mode: Attach) {
    inherited_socket_is_found(NOBODY, on("v0").attach(mode));
}

fn socket_of_another_user_is_found_without_other_capabilities(mode: Attach) {
    let options = on("v0").attach(mode).drop_capabilities(true);
    inherited_socket_is_found(NOBODY, options);
}

/// A child of this user inherits a connection and its parent closes it: the child is named, also in records behind its end.
fn inherited_socket_is_found(user: u32, options: FlowSourceBuilder) {
    let pair = Pair::new();
    let _inhabitant = Inhabitant::of(&pair);
    let far = address("10.0.0.2:5001");
    let listener = pair.far.run(|| TcpListener::bind(far).unwrap());
    let client = pair.near.run(|| TcpStream::connect(far).unwrap());
    let (server, _) = listener.accept().unwrap();
    let mut child = Command::new("sleep")
        .arg("60")
        .uid(user)
        .stdin(Stdio::from(OwnedFd::from(client)))
        .spawn()
        .unwrap();
    let mut watch = watch(&pair, options.active_timeout(Duration::from_secs(3)));
    {
        use std::io::Write as _;
        (&server).write_all(b"late").unwrap();
    }
    watch.take_until("a record of the child's connection", |flows| {
        !flows.is_empty()
    });
    let pid = child.id();
    child.kill().unwrap();
    child.wait().unwrap();
    let outcome = watch.finish();
    assert!(outcome.flows.len() >= 2);
    for flow in &outcome.flows {
        // Captured midstream: the first sender is the source.
        let both = [&flow.source_process, &flow.destination_process];
        let [server, client] = if flow.source.port == Some(5001) {
            both
        } else {
            [both[1], both[0]]
        };
        let child = client.as_deref().unwrap();
        assert_eq!(
            (child.pid, child.executable.as_deref()),
            (pid, Some("sleep")),
            "{flow:#?}"
        );
        assert!(is_this(server.as_deref()), "{flow:#?}");
    }
}

/// The look-up has been in the container's network namespace, and lets it go: the veth pair goes with it.
fn removed_container_leaves_no_namespace(mode: Attach) {
    let pair = Pair::new();
    let inhabitant = Inhabitant::of(&pair);
    let port = if mode == Attach::Tcx { 5303 } else { 5304 };
    let ends = ["10.0.0.1:4000", &format!("10.0.0.2:{port}")].map(address);
    let client = udp_socket(&pair.near, ends[0], ends[1]);
    let server = pair
        .far
        .run(|| std::net::UdpSocket::bind(("0.0.0.0", port)).unwrap());
    let options = on("v0").attach(mode).active_timeout(Duration::from_secs(1));
    let mut watch = watch(&pair, options);
    let mut sent = 0;
    while !watch
        .flows
        .iter()
        .any(|flow| is_this(flow.destination_process.as_deref()))
    {
        client.send(b"question").unwrap();
        sent += 1;
        assert!(sent < 100, "no process was found in {sent} rounds");
        watch.take_for(Duration::from_millis(300));
    }
    drop((server, inhabitant));
    let Pair { near, far } = pair;
    drop(far);
    until_true("the namespace to go", || !near.has("v0"));
    watch.finish();
}
