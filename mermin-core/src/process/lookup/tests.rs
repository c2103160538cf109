//! Requests that wait, find no room, or come too late.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
};

use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};

use super::*;

const PROCESSES: Wanted = Wanted {
    processes: true,
    listening_ports: false,
};

fn ends() -> FlowEndpoints {
    let end = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    FlowEndpoints {
        protocol: Protocol::UDP,
        source: end(1),
        destination: end(2),
        is_opened: false,
        is_source_higher: false,
        interface: 0,
    }
}

fn sockets(ends: FlowEndpoints) -> Question {
    Question {
        sockets: Some(ends),
        translation: None,
    }
}

fn request(slot: u32) -> Request {
    Request {
        flow: (slot, 1),
        question: sockets(ends()),
    }
}

/// Returns `None` if the kernel lacks `sock_diag(7)`.
fn worker(wanted: Wanted, answers: &Arc<LookupResults>) -> Option<Worker> {
    let namespaces = match Namespaces::open() {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            eprintln!("skipped: {error}");
            assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
            return None;
        }
        opened => opened.unwrap(),
    };
    let namespaces = Some(namespaces);
    Some(Worker::new(
        wanted,
        namespaces,
        None,
        None,
        Arc::clone(answers),
    ))
}

#[test]
fn drop_skips_queued_requests() {
    let answers = Arc::new(LookupResults::default());
    let Some(worker) = worker(PROCESSES, &answers) else {
        return;
    };
    let (requests, received) = sync_channel(3);
    for slot in 0..3 {
        assert!(requests.try_send(request(slot)).is_ok());
    }
    answers.is_over.store(true, Ordering::Relaxed);
    drop(requests);
    worker.run(&received);
    let left: Vec<u32> = received.iter().map(|request| request.flow.0).collect();
    assert_eq!(left, [1, 2]);
}

#[test]
fn flows_that_end_before_there_is_room_are_counted() {
    let answers = Arc::new(LookupResults::default());
    let Some(mut worker) = worker(PROCESSES, &answers) else {
        return;
    };
    let (requests, received) = sync_channel(1);
    let lookup = Lookup {
        requests: Some(requests),
        thread: None,
        answers: Arc::clone(&answers),
        wanted: PROCESSES,
        protocols: PROTOCOLS.to_vec(),
        has_translations: false,
    };
    let ends = ends();
    let begin = |slot| lookup.begin(slot, 1);
    let ask = |slot, ends: Option<FlowEndpoints>| {
        lookup.ask(slot, 1, ends.map_or_else(Question::default, sockets))
    };
    assert_eq!(
        [1, 2, 3, 5, 6, 1].map(begin),
        [true, true, true, true, true, false]
    );
    assert_eq!(
        [1, 2, 3].map(|slot| ask(slot, Some(ends))),
        [true, false, false]
    );
    // A flow without endpoints takes no room, nor does one of a protocol that has no module.
    assert!(ask(5, None));
    let protocol = Protocol::SCTP;
    let unknown = FlowEndpoints { protocol, ..ends };
    assert!(ask(6, Some(unknown)));
    let is_answerable = |ends| lookup.answerable(sockets(ends)).any();
    assert!(is_answerable(ends) && !is_answerable(unknown));
    for slot in [3, 5] {
        lookup.forget(slot, 1);
    }
    assert_eq!((lookup.take_missed(), lookup.take_missed()), (1, 0));
    assert_eq!(received.try_recv().unwrap().flow.0, 1);
    assert!(ask(2, Some(ends)));
    assert_eq!(received.try_recv().unwrap().flow.0, 2);
    lookup.forget(2, 1);
    assert_eq!(lookup.take_missed(), 0);
    for slot in 0..QUEUE + 2 {
        worker.resolve_or_keep((u32::try_from(slot).unwrap(), 1), ends);
    }
    assert_eq!((lookup.take_missed(), lookup.take_missed()), (2, 0));
    // After a panic of the thread, flows do not wait for it.
    drop(received);
    assert!(begin(4) && ask(4, Some(ends)));
}

/// Opens a socket at an address that no network namespace has, as a transparent proxy does.
fn foreign_socket() -> UdpSocket {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
    sockopt::set_ip_freebind(&socket, true).unwrap();
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 0)).unwrap();
    UdpSocket::from(socket)
}

#[test]
fn flow_that_lacks_only_its_listener_is_not_counted_as_missed() {
    let answers = Arc::new(LookupResults::default());
    let wanted = Wanted {
        processes: true,
        listening_ports: true,
    };
    let Some(mut worker) = worker(wanted, &answers) else {
        return;
    };
    let socket = foreign_socket();
    worker.scan();
    let lacks_process = ends();
    for slot in 0..QUEUE {
        worker.resolve_or_keep((u32::try_from(slot).unwrap(), 1), lacks_process);
    }
    assert_eq!(answers.missed.load(Ordering::Relaxed), 0);
    let has_process = FlowEndpoints {
        source: socket.local_addr().unwrap(),
        destination: (Ipv4Addr::new(192, 0, 2, 2), 9).into(),
        ..lacks_process
    };
    worker.resolve_or_keep((0, 2), has_process);
    assert_eq!(answers.missed.load(Ordering::Relaxed), 0);
    worker.resolve_or_keep((0, 3), lacks_process);
    assert_eq!(answers.missed.load(Ordering::Relaxed), 1);
}

#[test]
fn process_that_lets_go_of_its_socket_stays_known() {
    let answers = Arc::new(LookupResults::default());
    let Some(mut worker) = worker(PROCESSES, &answers) else {
        return;
    };
    let [source, destination] =
        [(); 2].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let ends = FlowEndpoints {
        source: source.local_addr().unwrap(),
        destination: destination.local_addr().unwrap(),
        ..ends()
    };
    worker.scan();
    let flow = (0, 1);
    answers.lock().insert(flow, LookupResult::default());
    let mut known = || {
        worker.resolve_or_keep(flow, ends);
        let answer = answers.lock()[&flow].clone();
        answer.processes.map(|process| process.unwrap().pid)
    };
    let own = std::process::id();
    assert_eq!(known(), [own; 2]);
    drop(source);
    assert_eq!(known(), [own; 2]);
}
