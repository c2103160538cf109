//! A path between two hosts that a test controls: a program that forwards packets between two tun devices.

use std::{
    collections::VecDeque,
    fs::File,
    io::{Read, Write},
    os::fd::AsFd,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
};

use super::{host::Host, raw};

/// Octets of the headers of a segment without options, below which there is no payload.
const HEADERS: usize = 52;

/// The fate of a packet with payload from the near host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Passes,
    Lost,
    /// It passes behind the next one.
    Overtaken,
}

/// Numbers of packets, by fate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) passed: u64,
    pub(crate) lost: u64,
    /// Of those, packets whose octets had been sent before.
    pub(crate) lost_again: u64,
    pub(crate) overtaken: u64,
}

/// Two hosts, `tun0` of each (10.9.0.1 and 10.9.0.2), and the time that a packet takes from one to the other.
pub(crate) struct Path {
    pub(crate) near: Host,
    pub(crate) far: Host,
    devices: [File; 2],
    delay: Duration,
}

impl Path {
    pub(crate) fn new(delay: Duration) -> Self {
        let hosts = [Host::new(), Host::new()];
        let mut devices = Vec::new();
        for (number, host) in hosts.iter().enumerate() {
            host.set("ipv6/conf/default/disable_ipv6", "1");
            let device = host.run(|| raw::tun("tun0")).unwrap();
            let flags = fcntl_getfl(&device).unwrap();
            fcntl_setfl(&device, flags | OFlags::NONBLOCK).unwrap();
            host.shell(&format!("ip addr add 10.9.0.{}/24 dev tun0", number + 1));
            host.shell("ip link set tun0 up");
            devices.push(device);
        }
        let [near, far] = hosts;
        Self {
            near,
            far,
            devices: devices.try_into().unwrap(),
            delay,
        }
    }

    /// Forwards while something works; `fate` decides about each packet with payload from the near host, by its number.
    pub(crate) fn carry<T>(
        &self,
        fate: impl FnMut(u64) -> Fate + Send,
        work: impl FnOnce() -> T,
    ) -> (T, Done) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let forwarder = scope.spawn(|| self.forward(fate, &over));
            let result = work();
            over.store(true, Ordering::SeqCst);
            (result, forwarder.join().unwrap())
        })
    }

    fn forward(&self, mut fate: impl FnMut(u64) -> Fate, over: &AtomicBool) -> Done {
        let [near, far] = &self.devices;
        let mut under_way: [VecDeque<(Instant, Vec<u8>)>; 2] = Default::default();
        let mut held: Option<Vec<u8>> = None;
        let mut done = Done::default();
        let mut number = 0;
        // Sequence number behind all that was read.
        let mut highest: Option<u32> = None;
        while !over.load(Ordering::SeqCst) {
            let mut ready =
                [near, far].map(|device| PollFd::from_borrowed_fd(device.as_fd(), PollFlags::IN));
            let pause = Timespec {
                tv_sec: 0,
                tv_nsec: 500_000,
            };
            poll(&mut ready, Some(&pause)).unwrap();
            for (way, device) in [near, far].into_iter().enumerate() {
                while let Some(packet) = receive(device) {
                    let due = Instant::now() + self.delay;
                    let queue = &mut under_way[way];
                    if way == 1 || packet.len() <= HEADERS + 20 {
                        queue.push_back((due, packet));
                        continue;
                    }
                    number += 1;
                    let (sequence, end) = numbers(&packet);
                    let is_again = highest
                        .is_some_and(|highest| sequence.wrapping_sub(highest).cast_signed() < 0);
                    if !is_again {
                        highest = Some(end);
                    }
                    if is_again && let Some(packet) = held.take() {
                        // The sender did not wait: it is no longer overtaken.
                        done.passed += 1;
                        queue.push_back((due, packet));
                    }
                    match fate(number) {
                        Fate::Lost => {
                            done.lost += 1;
                            done.lost_again += u64::from(is_again);
                        }
                        Fate::Overtaken if held.is_none() && !is_again => held = Some(packet),
                        _ => {
                            done.passed += 1;
                            queue.push_back((due, packet));
                            if let Some(packet) = held.take() {
                                done.overtaken += 1;
                                queue.push_back((due, packet));
                            }
                        }
                    }
                }
            }
            for (way, device) in [far, near].into_iter().enumerate() {
                let queue = &mut under_way[way];
                while queue.front().is_some_and(|(due, _)| *due <= Instant::now()) {
                    if let Some((_, packet)) = queue.pop_front() {
                        let written = (&mut &*device).write(&packet).unwrap();
                        assert_eq!(written, packet.len());
                    }
                }
            }
        }
        done
    }
}

fn receive(mut device: &File) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 65_536];
    let length = device.read(&mut buffer).ok()?;
    buffer.truncate(length);
    Some(buffer)
}

/// Sequence numbers of an IPv4 packet's segment: its first, and the one behind it.
fn numbers(packet: &[u8]) -> (u32, u32) {
    let ip = usize::from(packet[0] & 15) * 4;
    let word = |at: usize| u32::from_be_bytes(*packet[at..].first_chunk().unwrap());
    let header = ip + usize::from(packet[ip + 12] >> 4) * 4;
    let payload = u32::try_from(packet.len() - header).unwrap();
    let sequence = word(ip + 4);
    (sequence, sequence.wrapping_add(payload))
}
