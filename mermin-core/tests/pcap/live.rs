//! Captures that are read while they are written, and pipes that only look like it.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures::{FutureExt as _, StreamExt as _, executor::block_on};
use mermin_core::{Flow, FlowSource};

use crate::{
    channel::Channel,
    frames::{ETHERNET, Frame, Shape, pcap, udp},
    run::check_ledger,
};

const IDLE: Duration = Duration::from_secs(1);

/// A source of one datagram that was captured so long ago, and what more can be sent by.
fn source(age: Duration) -> (FlowSource, mpsc::Sender<Vec<u8>>) {
    let (sender, capture) = Channel::new();
    sender.send(file(age, 1)).unwrap();
    let builder = FlowSource::builder().udp_timeout(IDLE).pcap_reader(capture);
    (block_on(builder.open()).unwrap(), sender)
}

/// A file with a datagram of this source port.
fn file(age: Duration, port: u16) -> Vec<u8> {
    let since = (SystemTime::now() - age)
        .duration_since(UNIX_EPOCH)
        .unwrap();
    let mut file = pcap(Shape::LITTLE, ETHERNET, &[Frame::new(0, udp(port, 5))]);
    file[24..28].copy_from_slice(&u32::try_from(since.as_secs()).unwrap().to_le_bytes());
    file[28..32].copy_from_slice(&since.subsec_micros().to_le_bytes());
    file
}

fn next(source: &mut FlowSource, most: Duration) -> Option<Flow> {
    let deadline = Instant::now() + most;
    loop {
        match source.next().now_or_never() {
            Some(flow) => return Some(flow.unwrap().unwrap()),
            None if Instant::now() >= deadline => return None,
            None => thread::sleep(Duration::from_millis(10)),
        }
    }
}

#[test]
fn idle_flows_of_a_silent_pipe_end() {
    let (mut source, sender) = source(Duration::ZERO);
    let began = Instant::now();
    let flow = next(&mut source, Duration::from_secs(20)).expect("the pipe is silent");
    assert_eq!(flow.end_reason.as_str(), "idle timeout");
    assert!(began.elapsed() >= IDLE);
    // A packet after the silence begins a flow of its own, and keeps its time.
    sender.send(file(Duration::ZERO, 1)[24..].to_vec()).unwrap();
    let again = next(&mut source, Duration::from_secs(20)).unwrap();
    assert_ne!(again.id, flow.id);
    assert_eq!(again.start, again.end);
    assert!(again.start > flow.end);
    drop(sender);
    assert!(block_on(source.next()).is_none());
    check_ledger(&[flow, again], &source.handle().stats());
}

#[test]
fn silent_pipe_of_old_packets_keeps_its_flows() {
    const AGE: Duration = Duration::from_secs(3_600);
    let began = Instant::now();
    let (mut source, sender) = source(AGE);
    assert!(next(&mut source, Duration::from_secs(4)).is_none());
    // The capture goes on where it was.
    let more = file(AGE + began.elapsed(), 2);
    sender.send(more[24..].to_vec()).unwrap();
    drop(sender);
    let flows: Vec<Flow> = block_on(source.by_ref().map(Result::unwrap).collect());
    let reasons: Vec<&str> = flows.iter().map(|flow| flow.end_reason.as_str()).collect();
    assert_eq!(reasons, ["forced end"; 2]);
}

#[test]
fn closing_waits_for_no_packet() {
    let (mut source, sender) = source(Duration::ZERO);
    while source.handle().stats().packets == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    source.close();
    let flow = next(&mut source, Duration::from_secs(5)).expect("nobody reads on");
    assert_eq!(flow.forward.packets.total, 1);
    assert!(block_on(source.next()).is_none());
    drop(sender);
}
