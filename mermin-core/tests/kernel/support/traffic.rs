//! Traffic between hosts, and the counts that it must have.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::OwnedFd,
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::net::{SendFlags, sockopt};

use super::{
    host::{Host, Pair},
    raw,
    wait::until,
};

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// An interface to put frames on by hand.
pub(crate) struct Injector(OwnedFd);

impl Injector {
    pub(crate) fn new(host: &Host, interface: &str) -> Self {
        let index = host.index(interface);
        Self(host.run(|| raw::packet_socket(index)).unwrap())
    }

    /// Past traffic control.
    pub(crate) fn past_the_qdisc(host: &Host, interface: &str) -> Self {
        let injector = Self::new(host, interface);
        raw::bypass_the_qdisc(&injector.0).unwrap();
        injector
    }

    pub(crate) fn send(&self, frame: &[u8]) {
        let sent = rustix::net::send(&self.0, frame, SendFlags::empty()).unwrap();
        assert_eq!(sent, frame.len());
    }
}

/// A UDP socket with this address.
///
/// A process that is being started holds the sockets of this one until it is executed, so one that was just closed can still
/// have the address.
pub(crate) fn bind_udp(own: SocketAddr) -> UdpSocket {
    until("the address", || match UdpSocket::bind(own) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => None,
        bound => Some(bound.unwrap()),
    })
}

/// A UDP socket in a host, for one peer.
pub(crate) fn udp_socket(host: &Host, own: SocketAddr, peer: SocketAddr) -> UdpSocket {
    host.run(|| {
        let socket = bind_udp(own);
        socket.connect(peer).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        socket
    })
}

/// Sends datagrams of this size from the near address to the far one; each is answered by one of another size.
pub(crate) fn udp_dialogue(
    pair: &Pair,
    [near, far]: [SocketAddr; 2],
    datagrams: u64,
    [there, back]: [usize; 2],
) {
    let client = udp_socket(&pair.near, near, far);
    let server = udp_socket(&pair.far, far, near);
    let mut buffer = [0; 2048];
    for _ in 0..datagrams {
        client.send(&vec![1; there]).unwrap();
        assert_eq!(server.recv(&mut buffer).unwrap(), there);
        server.send(&vec![2; back]).unwrap();
        assert_eq!(client.recv(&mut buffer).unwrap(), back);
    }
}

/// Sends octets over TCP from the near host to the far address, which closes after it. Returns the client's address.
///
/// The receiver's window is small, so that the queue between the hosts (1,000 packets for a veth) never runs over.
pub(crate) fn tcp_transfer(pair: &Pair, far: SocketAddr, octets: usize) -> SocketAddr {
    let listener = pair.far.run(|| {
        let listener = TcpListener::bind(far).unwrap();
        sockopt::set_socket_recv_buffer_size(&listener, 64 * 1024).unwrap();
        listener
    });
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = vec![0; 64 * 1024];
        let mut received = 0;
        loop {
            match stream.read(&mut buffer).unwrap() {
                0 => return received,
                more => received += more,
            }
        }
    });
    let mut client = pair.near.run(|| TcpStream::connect(far).unwrap());
    let own = client.local_addr().unwrap();
    let chunk = vec![7; 256 * 1024];
    let mut left = octets;
    while left != 0 {
        let length = left.min(chunk.len());
        client.write_all(&chunk[..length]).unwrap();
        left -= length;
    }
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(server.join().unwrap(), octets);
    // The end of file means that the other side has closed as well.
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    own
}

/// A counter of a protocol in a host, such as `Tcp:` and `OutSegs` of `snmp`, or `TcpExt:` of `netstat`.
pub(crate) fn counter(host: &Host, file: &str, protocol: &str, counter: &str) -> u64 {
    let path = format!("/proc/thread-self/net/{file}");
    let table = host.run(|| std::fs::read_to_string(path).unwrap());
    let mut rows = table.lines().filter(|line| line.starts_with(protocol));
    let [names, values] = [(); 2].map(|()| rows.next().unwrap().split_whitespace());
    names
        .zip(values)
        .find(|(name, _)| *name == counter)
        .map(|(_, value)| value.parse().unwrap())
        .unwrap()
}

/// TCP segments that a host sent more than once.
pub(crate) fn retransmissions(host: &Host) -> u64 {
    counter(host, "snmp", "Tcp:", "RetransSegs")
}

/// Work that goes on in threads, one on each CPU, until it is stopped.
pub(crate) struct Busy {
    stop: Vec<mpsc::Sender<()>>,
    threads: Vec<thread::JoinHandle<u64>>,
}

impl Busy {
    /// `work` is made for each CPU, gets the round's number, and returns how many packets it sent in it.
    pub(crate) fn start<W>(mut work: impl FnMut(usize) -> W) -> Self
    where
        W: FnMut(u64) -> u64 + Send + 'static,
    {
        let mut busy = Self {
            stop: Vec::new(),
            threads: Vec::new(),
        };
        for cpu in 0..2 {
            let (stop, stopped) = mpsc::channel();
            let mut work = work(cpu);
            busy.stop.push(stop);
            busy.threads.push(thread::spawn(move || {
                let mut cpus = rustix::thread::CpuSet::new();
                cpus.set(cpu);
                // With one CPU alone both threads share it.
                let _ = rustix::thread::sched_setaffinity(None, &cpus);
                let (mut sent, mut round) = (0, 0);
                while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    sent += work(round);
                    round += 1;
                }
                sent
            }));
        }
        busy
    }

    /// Tells the threads to stop.
    pub(crate) fn stop(&mut self) {
        self.stop.clear();
    }

    /// True if all have stopped.
    pub(crate) fn is_over(&self) -> bool {
        self.threads.iter().all(thread::JoinHandle::is_finished)
    }

    /// How many packets were sent, once all have stopped.
    pub(crate) fn sent(self) -> u64 {
        let threads = self.threads.into_iter();
        threads.map(|thread| thread.join().unwrap()).sum()
    }
}
