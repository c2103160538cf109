//! Processes at both ends of flows: in this namespace and in others, with sockets older than the source or handed on.

use std::{
    fs,
    io::{self, IoSlice, IoSliceMut, Write as _},
    mem::MaybeUninit,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsFd as _, OwnedFd},
        linux::net::SocketAddrExt as _,
        unix::{
            fs::MetadataExt as _,
            net::{SocketAddr as UnixAddr, UnixListener, UnixStream},
            process::CommandExt as _,
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use mermin_core::{
    Attach, Flow, FlowSourceBuilder,
    flow::{EndReason, Process, Protocol},
    report::Feature,
};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::support::{
    child_process::{ChildProcess, Task, print_line},
    host::{Host, Pair},
    raw,
    rights::NOBODY,
    skip::skip,
    traffic::{address, bind_udp, udp_socket},
    wait::until_true,
    watch::{Outcome, Watch, on, try_open},
};

pub(crate) const TASKS: &[Task] = &[
    ("hold-passed-socket", hold_passed_socket),
    ("connect-in-threads", connect_in_threads),
    ("connect-and-execute", connect_and_execute),
    ("talk-briefly", talk_briefly),
    ("talk-by-a-child", talk_by_a_child),
];

crate::cases! {
    each_mode processes_at_both_ends_are_found,
    each_mode socket_of_another_process_is_found,
    each_mode socket_of_another_user_is_found,
    each_mode socket_of_another_user_is_found_without_other_capabilities,
    case datagrams_of_ipv6_and_of_both_versions_are_named,
    case passed_socket_is_its_receivers,
    case sockets_of_threads_are_their_process_s,
    case program_that_is_executed_later_has_the_socket,
    case containers_with_the_same_port_are_told_apart,
    case flow_that_ends_after_its_process_names_it,
    case process_that_is_gone_before_the_look_up_is_named,
    case inherited_socket_names_the_process_that_opened_it,
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
            .all(|it| matches!(it.feature, Feature::Process | Feature::Tcx)),
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
    let server = pair.far.run(|| UdpSocket::bind(("0.0.0.0", port)).unwrap());
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
        // The capture began during the connection: the first sender is the source.
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
    let server = pair.far.run(|| UdpSocket::bind(("0.0.0.0", port)).unwrap());
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

/// A connection from the near host to the far one, older than the source: its client and its server.
fn connection(pair: &Pair, far: SocketAddr) -> [TcpStream; 2] {
    let listener = pair.far.run(|| TcpListener::bind(far).unwrap());
    let client = pair.near.run(|| TcpStream::connect(far).unwrap());
    [client, listener.accept().unwrap().0]
}

/// Process at the end that does not have this port, or at the one that has it: connections captured midway have either as their source.
fn client_of(flow: &Flow, port: u16) -> Option<&Process> {
    if flow.source.port == Some(port) {
        flow.destination_process.as_deref()
    } else {
        flow.source_process.as_deref()
    }
}

fn server_of(flow: &Flow, port: u16) -> Option<&Process> {
    if flow.source.port == Some(port) {
        flow.source_process.as_deref()
    } else {
        flow.destination_process.as_deref()
    }
}

/// Writes to a client until a record names it. Processes are looked at once a second, or less often on a busy machine.
fn write_until_named(watch: &mut Watch, server: &mut TcpStream, port: u16) {
    for _ in 0..200 {
        server.write_all(b"late").unwrap();
        watch.take_for(Duration::from_millis(300));
        let mut flows = watch.flows.iter().filter(|flow| has_port(flow, port));
        if flows.any(|flow| client_of(flow, port).is_some()) {
            return;
        }
    }
    panic!("no process was found: {:#?}", watch.flows);
}

fn has_port(flow: &Flow, port: u16) -> bool {
    [flow.source.port, flow.destination.port].contains(&Some(port))
}

/// UDP over IPv6, and servers with one socket for both versions, which have clients of IPv4.
fn datagrams_of_ipv6_and_of_both_versions_are_named() {
    let pair = Pair::new();
    let _inhabitant = Inhabitant::of(&pair);
    pair.add_ipv6();
    let bound = |port: u16| {
        pair.far
            .run(|| bind_udp(SocketAddr::new("::".parse().unwrap(), port)))
    };
    let servers = [5311, 5312].map(bound);
    let [six, four] = [
        ("[fd00::1]:4000", "[fd00::2]:5311"),
        ("10.0.0.1:4000", "10.0.0.2:5312"),
    ]
    .map(|(own, peer)| udp_socket(&pair.near, address(own), address(peer)));
    let listener = pair.far.run(|| TcpListener::bind("[::]:5313").unwrap());
    let stream = pair
        .near
        .run(|| TcpStream::connect("10.0.0.2:5313").unwrap());
    let accepted = listener.accept().unwrap().0;
    let mut watch = watch(&pair, on("v0"));
    six.send(b"question").unwrap();
    four.send(b"question").unwrap();
    (&stream).write_all(b"question").unwrap();
    for server in &servers {
        let (length, peer) = server.recv_from(&mut [0; 16]).unwrap();
        assert_eq!(length, 8);
        server.send_to(b"answer", peer).unwrap();
    }
    watch.take_for(LOOK);
    let outcome = watch.finish();
    for port in [5311, 5312, 5313] {
        let flow = outcome.only(|flow| has_port(flow, port));
        assert!(is_this(flow.source_process.as_deref()), "{flow:#?}");
        assert!(is_this(flow.destination_process.as_deref()), "{flow:#?}");
    }
    drop(accepted);
}

/// Where a task receives a socket: an abstract name, which needs no file.
fn meeting_place(name: &str) -> UnixAddr {
    UnixAddr::from_abstract_name(name).unwrap()
}

/// Takes a socket that another process passes (unix(7), `SCM_RIGHTS`), and holds it until its input ends.
fn hold_passed_socket(name: &str) -> String {
    let listener = UnixListener::bind_addr(&meeting_place(name)).unwrap();
    print_line("ready");
    let (stream, _) = listener.accept().unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut received = RecvAncillaryBuffer::new(&mut space);
    let mut octet = [0];
    let into = &mut [IoSliceMut::new(&mut octet)];
    recvmsg(&stream, into, &mut received, RecvFlags::empty()).unwrap();
    let sockets: Vec<OwnedFd> = received
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(sockets.len(), 1);
    print_line("held");
    io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
    drop(sockets);
    String::new()
}

/// A socket goes to another process after all processes were looked at: the flow that begins then is the receiver's.
fn passed_socket_is_its_receivers() {
    let pair = Pair::new();
    let _inhabitant = Inhabitant::of(&pair);
    let [client, mut server] = connection(&pair, address("10.0.0.2:5321"));
    let [other, mut answerer] = connection(&pair, address("10.0.0.2:5322"));
    let name = format!("mermin-passed-{}", std::process::id());
    let holder = ChildProcess::start(&format!("hold-passed-socket {name}"));
    assert_eq!(holder.line().as_deref(), Some("ready"));
    let mut watch = watch(&pair, on("v0").active_timeout(Duration::from_millis(300)));
    // All processes are looked at for this one, and the first socket is this process's.
    answerer.write_all(b"before").unwrap();
    watch.take_until("a process", |flows| {
        flows.iter().any(|flow| is_this(client_of(flow, 5322)))
    });
    let stream = UnixStream::connect_addr(&meeting_place(&name)).unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut passed = SendAncillaryBuffer::new(&mut space);
    let sockets = [client.as_fd()];
    assert!(passed.push(SendAncillaryMessage::ScmRights(&sockets)));
    let octet = [IoSlice::new(&[1])];
    sendmsg(&stream, &octet, &mut passed, SendFlags::empty()).unwrap();
    assert_eq!(holder.line().as_deref(), Some("held"));
    drop(client);
    write_until_named(&mut watch, &mut server, 5321);
    let pid = holder.id();
    let outcome = watch.finish();
    for flow in outcome.flows.iter().filter(|flow| has_port(flow, 5321)) {
        if let Some(process) = client_of(flow, 5321) {
            assert_eq!(process.pid, pid, "{flow:#?}");
        }
    }
    drop(other);
    holder.rest();
}

/// Connects in another thread, ends the first one, and holds the connection until its input ends.
fn connect_in_threads(far: &str) -> String {
    let far = far.to_owned();
    thread::spawn(move || {
        let streams: Vec<_> = far
            .split(' ')
            .map(|far| TcpStream::connect(far).unwrap())
            .collect();
        print_line("connected");
        io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
        drop(streams);
        std::process::exit(0);
    });
    raw::end_this_thread()
}

/// Also where the first thread, in whose place `/proc` shows a process, has ended.
fn sockets_of_threads_are_their_process_s() {
    let pair = Pair::new();
    let _inhabitant = Inhabitant::of(&pair);
    let far = address("10.0.0.2:5331");
    let listener = pair.far.run(|| TcpListener::bind(far).unwrap());
    let child = pair
        .near
        .run(|| ChildProcess::start("connect-in-threads 10.0.0.2:5331"));
    assert_eq!(child.line().as_deref(), Some("connected"));
    let mut server = listener.accept().unwrap().0;
    let status = format!("/proc/{}/stat", child.id());
    until_true("its first thread to end", || {
        fs::read_to_string(&status).unwrap().contains(") Z ")
    });
    let mut watch = watch(&pair, on("v0"));
    server.write_all(b"late").unwrap();
    watch.take_for(LOOK);
    let outcome = watch.finish();
    let flow = outcome.only(|flow| has_port(flow, 5331));
    let process = client_of(flow, 5331).unwrap();
    let own = std::env::current_exe().unwrap();
    let name = own.file_name().unwrap().to_str();
    assert_eq!(
        (process.pid, process.executable.as_deref()),
        (child.id(), name)
    );
    child.rest();
}

/// Makes a connection, and executes another program when its input has a line: that one has the connection as its input.
fn connect_and_execute(far: &str) -> String {
    let stream = TcpStream::connect(far).unwrap();
    print_line("connected");
    io::stdin().read_line(&mut String::new()).unwrap();
    let mut command = Command::new("sleep");
    let stdin = Stdio::from(OwnedFd::from(stream));
    panic!("{}", command.arg("60").stdin(stdin).exec());
}

/// A process keeps its id and its socket when it executes another program. All processes are looked at before.
fn program_that_is_executed_later_has_the_socket() {
    let pair = Pair::new();
    let _inhabitant = Inhabitant::of(&pair);
    let far = address("10.0.0.2:5341");
    let listener = pair.far.run(|| TcpListener::bind(far).unwrap());
    let mut child = pair
        .near
        .run(|| ChildProcess::start("connect-and-execute 10.0.0.2:5341"));
    assert_eq!(child.line().as_deref(), Some("connected"));
    let mut server = listener.accept().unwrap().0;
    let [_client, mut other] = connection(&pair, address("10.0.0.2:5342"));
    let mut watch = watch(&pair, on("v0").active_timeout(Duration::from_millis(300)));
    other.write_all(b"before").unwrap();
    watch.take_until("a process", |flows| {
        flows.iter().any(|flow| is_this(client_of(flow, 5342)))
    });
    // The end of its input is a line as well.
    child.close();
    let executable = format!("/proc/{}/exe", child.id());
    until_true("the other program", || {
        fs::read_link(&executable).unwrap().ends_with("sleep")
    });
    write_until_named(&mut watch, &mut server, 5341);
    child.kill();
    child.wait();
    let outcome = watch.finish();
    let last = outcome.flows.iter().rfind(|flow| has_port(flow, 5341));
    let process = client_of(last.unwrap(), 5341).unwrap();
    assert_eq!(
        (process.pid, process.executable.as_deref()),
        (child.id(), Some("sleep"))
    );
}

/// A control group of the unified hierarchy, which goes with this.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(name: &str) -> Self {
        let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
        let root = roots
            .iter()
            .find(|root| PathBuf::from(root).join("cgroup.controllers").exists());
        let Some(root) = root else {
            skip("no unified hierarchy of control groups is mounted".to_owned());
        };
        let path = PathBuf::from(root).join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn id(&self) -> u64 {
        self.0.metadata().unwrap().ino()
    }

    /// Starts a process in it, with a socket as its input.
    fn start(&self, host: &Host, socket: UdpSocket) -> Child {
        let mut command = Command::new("sleep");
        command.arg("60").stdin(Stdio::from(OwnedFd::from(socket)));
        let child = host.run(|| command.spawn().unwrap());
        fs::write(self.0.join("cgroup.procs"), child.id().to_string()).unwrap();
        child
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        until_true("the group's processes to end", || {
            fs::remove_dir(&self.0).is_ok()
        });
    }
}

/// Two containers serve the same port, each in its network namespace, as behind one published port.
fn containers_with_the_same_port_are_told_apart() {
    let pair = Pair::new();
    let second = Pair {
        near: Host::at(&pair.near.path()),
        far: Host::new(),
    };
    second.join(1);
    let own = std::process::id();
    let ids = [format!("{own:064x}"), format!("{own:063x}f")];
    let groups = [
        Cgroup::new(&format!("docker-{}.scope", ids[0])),
        Cgroup::new(&format!("cri-containerd-{}.scope", ids[1])),
    ];
    let addresses = ["10.0.0.2:5351", "10.0.1.2:5351"].map(address);
    let mut children: Vec<Child> = [&pair.far, &second.far]
        .iter()
        .zip(&groups)
        .zip(addresses)
        .map(|((host, group), address)| group.start(host, host.run(|| bind_udp(address))))
        .collect();
    let clients = [
        ("10.0.0.1:4000", addresses[0]),
        ("10.0.1.1:4000", addresses[1]),
    ]
    .map(|(own, far)| udp_socket(&pair.near, address(own), far));
    let mut watch = watch(&pair, on("v0").interfaces(["v0", "v2"]));
    for client in &clients {
        client.send(b"question").unwrap();
    }
    watch.take_for(LOOK);
    let outcome = watch.finish();
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    for (number, address) in addresses.into_iter().enumerate() {
        let flow = outcome.only(|flow| flow.destination.address == address.ip());
        let process = flow.destination_process.as_deref().unwrap();
        assert_eq!(
            (
                process.pid,
                process.cgroup_id,
                process.container_id.as_deref()
            ),
            (
                children[number].id(),
                Some(groups[number].id()),
                Some(&*ids[number])
            ),
            "{flow:#?}"
        );
        assert!(is_this(flow.source_process.as_deref()), "{flow:#?}");
    }
}

/// The kernel closes a connection when its process ends, and the other side closes later.
fn flow_that_ends_after_its_process_names_it() {
    let pair = Pair::new();
    let _inhabitant = Inhabitant::of(&pair);
    let [client, mut server] = connection(&pair, address("10.0.0.2:5361"));
    let mut child = Command::new("sleep")
        .arg("60")
        .stdin(Stdio::from(OwnedFd::from(client)))
        .spawn()
        .unwrap();
    let options = on("v0").tcp_fin_timeout(Duration::from_millis(300));
    let mut watch = watch(&pair, options);
    server.write_all(b"late").unwrap();
    watch.take_for(LOOK);
    let pid = child.id();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(server);
    watch.take_until("the end of the flow", |flows| {
        flows
            .iter()
            .any(|flow| flow.end_reason == EndReason::EndOfFlow)
    });
    let outcome = watch.finish();
    let flow = outcome.only(|flow| has_port(flow, 5361));
    let process = client_of(flow, 5361).unwrap();
    assert_eq!(
        (process.pid, process.executable.as_deref()),
        (pid, Some("sleep"))
    );
    assert!(is_this(server_of(flow, 5361)), "{flow:#?}");
}

/// A control group of the unified hierarchy, named as a container's.
struct Group(PathBuf);

impl Group {
    /// `None` where this process sees no root of the hierarchy.
    fn new(container: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let unified = mounts.lines().filter(|line| line.contains(" - cgroup2 "));
        let root = unified
            .filter_map(|line| line.split(' ').nth(4).map(PathBuf::from))
            .find(|root| root.join("cgroup.controllers").exists() && inode(root) == 1)?;
        let group = root.join(container);
        fs::create_dir(&group).unwrap();
        Some(Self(group))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It is busy for a moment after its last process has ended.
        until_true("the control group to be empty", || {
            fs::remove_dir(&self.0).is_ok()
        });
    }
}

fn inode(path: &Path) -> u64 {
    path.metadata().unwrap().ino()
}

/// Enters a control group, talks to each address by TCP and by datagrams, and ends at once.
fn talk_briefly(arguments: &str) -> String {
    let mut words = arguments.split(' ');
    let group = PathBuf::from(words.next().unwrap());
    fs::write(group.join("cgroup.procs"), "0").unwrap();
    for peer in words.map(address) {
        TcpStream::connect(peer)
            .unwrap()
            .write_all(b"short")
            .unwrap();
        let all = if peer.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(address(all)).unwrap();
        socket.send_to(b"short", peer).unwrap();
    }
    String::new()
}

/// Connections and datagrams of a process that has ended before anybody looked for its sockets.
fn process_that_is_gone_before_the_look_up_is_named() {
    let container = format!("{:064x}", std::process::id());
    let Some(group) = Group::new(&container) else {
        skip("this process sees no root of the unified hierarchy");
    };
    let pair = Pair::new();
    pair.add_ipv6();
    let peers = ["10.0.0.2:5371", "[fd00::2]:5371"];
    let listeners = peers.map(|peer| {
        pair.far.run(|| {
            let listener = TcpListener::bind(address(peer)).unwrap();
            (listener, UdpSocket::bind(address(peer)).unwrap())
        })
    });
    let mut watch = watch(&pair, on("v0"));
    let task = format!("talk-briefly {} {}", group.0.display(), peers.join(" "));
    let child = pair.near.run(|| ChildProcess::start(&task));
    let pid = child.id();
    child.rest();
    watch.take_for(LOOK);
    let outcome = watch.finish();
    let own = std::env::current_exe().unwrap();
    for protocol in [Protocol::TCP, Protocol::UDP] {
        for peer in peers.map(address) {
            let flow = outcome
                .only(|flow| flow.protocol == protocol && flow.destination.address == peer.ip());
            let process = flow.source_process.as_deref();
            let process = process.unwrap_or_else(|| panic!("nobody is named: {flow:#?}"));
            assert_eq!(process.pid, pid);
            assert_eq!(
                process.executable.as_deref(),
                own.file_name().unwrap().to_str()
            );
            assert_eq!(process.cgroup_id, Some(inode(&group.0)));
            assert_eq!(process.container_id.as_deref(), Some(&*container));
        }
    }
    drop(listeners);
}

/// Opens a socket of datagrams, leaves it to a child to send by, and ends at once.
fn talk_by_a_child(far: &str) -> String {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect(far).unwrap();
    let mut child = Command::new("sh");
    child.args(["-c", "echo short >&0"]);
    let status = child.stdin(Stdio::from(OwnedFd::from(socket))).status();
    assert!(status.unwrap().success());
    String::new()
}

/// The child has a PID and an executable of its own, and is gone as well.
fn inherited_socket_names_the_process_that_opened_it() {
    let pair = Pair::new();
    let far = address("10.0.0.2:5372");
    let _receiver = pair.far.run(|| UdpSocket::bind(far).unwrap());
    let mut watch = watch(&pair, on("v0"));
    let child = pair
        .near
        .run(|| ChildProcess::start("talk-by-a-child 10.0.0.2:5372"));
    let pid = child.id();
    child.rest();
    watch.take_for(LOOK);
    let outcome = watch.finish();
    let flow = outcome.only(|flow| has_port(flow, 5372));
    let process = client_of(flow, 5372).unwrap_or_else(|| panic!("nobody is named: {flow:#?}"));
    let own = std::env::current_exe().unwrap();
    let name = own.file_name().unwrap().to_str();
    assert_eq!((process.pid, process.executable.as_deref()), (pid, name));
}
