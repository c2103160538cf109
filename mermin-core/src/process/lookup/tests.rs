//! Requests that wait, find no room, or come too late.

use std::{io::ErrorKind, net::Ipv4Addr};

use super::*;

const PROCESSES: Wanted = Wanted {
    processes: true,
    listening_ports: false,
};

fn request(slot: u32) -> Request {
    let end = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    Request {
        flow: (slot, 1),
        ends: FlowEndpoints {
            protocol: Protocol::UDP,
            source: end(1),
            destination: end(2),
            is_opened: false,
        },
    }
}

/// Returns `None` if the kernel lacks `sock_diag(7)`.
fn worker(answers: &Arc<LookupResults>) -> Option<Worker> {
    let namespaces = match Namespaces::open() {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            eprintln!("skipped: {error}");
            assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
            return None;
        }
        opened => opened.unwrap(),
    };
    Some(Worker::new(PROCESSES, namespaces, Arc::clone(answers)))
}

#[test]
fn drop_skips_queued_requests() {
    let answers = Arc::new(LookupResults::default());
    let Some(worker) = worker(&answers) else {
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
fn flows_that_find_no_room_are_counted() {
    let answers = Arc::new(LookupResults::default());
    let Some(mut worker) = worker(&answers) else {
        return;
    };
    let (requests, received) = sync_channel(1);
    let lookup = Lookup {
        requests: Some(requests),
        thread: None,
        answers: Arc::clone(&answers),
        wanted: PROCESSES,
    };
    let Request { ends, .. } = request(0);
    assert!(lookup.ask(1, 1, Some(ends)));
    assert!(!lookup.ask(2, 1, Some(ends)));
    // A flow without endpoints takes no room.
    assert!(lookup.ask(3, 1, None));
    for slot in 0..QUEUE + 2 {
        worker.resolve_or_keep((u32::try_from(slot).unwrap(), 1), ends);
    }
    assert_eq!((lookup.take_missed(), lookup.take_missed()), (2, 0));
    drop(received);
    assert!(!lookup.ask(4, 1, Some(ends)));
}
