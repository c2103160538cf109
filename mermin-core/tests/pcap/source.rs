//! The source around a capture: options, back-pressure, closing early.

use std::{
    io::{self, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{StreamExt, executor::block_on, stream::FusedStream as _};
use mermin_core::{Attach, ErrorKind, FlowSource, NetNs, Pace, Pinning, report::SourceKind};

use crate::{
    frames::{BEGIN, ETHERNET, Frame, Shape, pcap, pcap_header, udp},
    run::{check_ledger, open},
};

/// A file of flows without end: each has one packet, and comes a second after the one before.
struct Endless {
    ready: Vec<u8>,
    at: usize,
    made: u64,
    read: Arc<AtomicU64>,
}

impl Endless {
    fn new() -> (Self, Arc<AtomicU64>) {
        let read = Arc::new(AtomicU64::new(0));
        let endless = Self {
            ready: pcap_header(Shape::LITTLE, 0xa1b2_c3d4, ETHERNET),
            at: 0,
            made: 0,
            read: Arc::clone(&read),
        };
        (endless, read)
    }
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.ready.len() {
            let port = u16::try_from(self.made % 60_000 + 1).unwrap();
            let frame = Frame::new(self.made * 1_000_000_000, udp(port, 1));
            self.ready = pcap(Shape::LITTLE, ETHERNET, &[frame])[24..].to_vec();
            self.at = 0;
            self.made += 1;
            self.read.store(self.made, Ordering::Relaxed);
        }
        let length = buffer.len().min(self.ready.len() - self.at);
        buffer[..length].copy_from_slice(&self.ready[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// Waits until a number has stopped rising.
fn settled(number: &AtomicU64) -> u64 {
    // Other work on the machine can make a second many.
    let deadline = Instant::now() + Duration::from_secs(3 * 60);
    let mut before = u64::MAX;
    loop {
        let now = number.load(Ordering::Relaxed);
        if now == before && now != 0 {
            return now;
        }
        assert!(Instant::now() < deadline, "it goes on and on");
        before = now;
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn slow_consumer_pauses_reading_and_loses_nothing() {
    block_on(async {
        let (reader, read) = Endless::new();
        let mut source = FlowSource::builder()
            .pcap_reader(reader)
            .open()
            .await
            .unwrap();
        let first = settled(&read);
        // As many as the queue holds, a batch, and those that are open.
        assert!(first < 6000, "{first} packets were read ahead");
        let mut flows = Vec::new();
        while flows.len() < 20_000 {
            flows.push(source.next().await.unwrap().unwrap());
        }
        source.close();
        source.close();
        while let Some(flow) = source.next().await {
            flows.push(flow.unwrap());
        }
        assert!(source.is_terminated());
        let stats = source.handle().stats();
        check_ledger(&flows, &stats);
        assert_eq!(stats.packets, flows.len() as u64);
        assert!(stats.packets < read.load(Ordering::Relaxed) + 1);
    });
}

#[test]
fn handle_closes_from_another_thread_while_nobody_takes_flows() {
    block_on(async {
        let (reader, read) = Endless::new();
        let source = FlowSource::builder()
            .pcap_reader(reader)
            .open()
            .await
            .unwrap();
        settled(&read);
        let handle = source.handle();
        std::thread::spawn(move || handle.close()).join().unwrap();
        let handle = source.handle();
        let flows: Vec<_> = source.map(Result::unwrap).collect().await;
        assert!(flows.len() > 4000);
        check_ledger(&flows, &handle.stats());
    });
}

#[test]
fn drop_stops_reading_at_once() {
    let (reader, read) = Endless::new();
    let source = block_on(FlowSource::builder().pcap_reader(reader).open()).unwrap();
    settled(&read);
    let weak = Arc::downgrade(&read);
    drop(read);
    let began = Instant::now();
    drop(source);
    assert!(began.elapsed() < Duration::from_secs(1));
    // The thread lets go of the reader.
    // Other work on the machine can make a second many.
    let deadline = Instant::now() + Duration::from_secs(3 * 60);
    while weak.strong_count() != 0 {
        assert!(Instant::now() < deadline, "the thread still reads");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn blocked_reader_delays_neither_flows_nor_drop() {
    let (mut write, read) = std::os::unix::net::UnixStream::pair().unwrap();
    let frames = [
        Frame::new(0, udp(1, 1)),
        Frame::new(90_000_000_000, udp(2, 1)),
    ];
    let file = pcap(Shape::LITTLE, ETHERNET, &frames);
    block_on(async {
        use std::io::Write;
        write.write_all(&file[..24]).unwrap();
        let mut source = FlowSource::builder()
            .pcap_reader(read)
            .open()
            .await
            .unwrap();
        write.write_all(&file[24..]).unwrap();
        let flow = source.next().await.unwrap().unwrap();
        assert_eq!(flow.source.port, Some(1));
        drop(source);
    });
    drop(write);
}

fn refused(builder: mermin_core::FlowSourceBuilder, kind: ErrorKind) -> String {
    let error = open(builder).expect_err("must be refused");
    assert_eq!(error.kind(), kind);
    assert!(error.remedy().is_some());
    error.to_string()
}

#[test]
fn missing_file_is_named() {
    let builder = FlowSource::builder().pcap("/nonexistent/file.pcap");
    assert_eq!(
        refused(builder, ErrorKind::System),
        "cannot open `/nonexistent/file.pcap`"
    );
}

#[test]
fn directory_is_no_capture() {
    let error = open(FlowSource::builder().pcap("/")).expect_err("must be refused");
    assert_eq!(error.kind(), ErrorKind::System);
    assert_eq!(error.to_string(), "cannot open `/`");
    assert_eq!(error.remedy(), Some("name a file in it"));
}

#[test]
fn options_of_live_sources_are_refused() {
    let file = || FlowSource::builder().pcap("/nonexistent");
    for (option, builder) in [
        ("interfaces", file().interfaces(["eth0"])),
        ("exclude", file().exclude(["eth0"])),
        ("fallback_to_all", file().fallback_to_all(true)),
        ("hot_plug", file().hot_plug(false)),
        ("attach", file().attach(Attach::Tcx)),
        ("netns", file().netns(NetNs::Host)),
        ("pinning", file().pinning(Pinning::instance("a"))),
    ] {
        assert_eq!(
            refused(builder, ErrorKind::InvalidOption),
            format!("cannot use `{option}` with a capture file")
        );
    }
    refused(file().max_flows(0), ErrorKind::InvalidOption);
}

#[test]
fn reader_opens_once_and_file_opens_repeatedly() {
    let file = pcap(Shape::LITTLE, ETHERNET, &[Frame::new(0, udp(1, 1))]);
    let builder = FlowSource::builder().pcap_reader(io::Cursor::new(file.clone()));
    assert_eq!(open(builder.clone()).unwrap().flows.len(), 1);
    assert_eq!(
        refused(builder, ErrorKind::InvalidOption),
        "cannot read the capture again: its reader was taken when it was first opened"
    );

    let path = std::env::temp_dir().join(format!("mermin-{}.pcap", std::process::id()));
    std::fs::write(&path, file).unwrap();
    let builder = FlowSource::builder().pcap(&path);
    let first = open(builder.clone()).unwrap().flows;
    let second = open(builder.clone()).unwrap().flows;
    assert_ne!(first[0].id, second[0].id, "unique across sources");
    block_on(async {
        let source = builder.open().await.unwrap();
        let expected = SourceKind::Capture {
            path: Some(Arc::from(Path::new(&path))),
        };
        assert_eq!(source.report().source, expected);
        assert_eq!(source.report().to_string(), "");
    });
    std::fs::remove_file(&path).unwrap();
}

/// Twenty datagrams, one each second.
fn twenty_seconds() -> Vec<u8> {
    let frames: Vec<Frame> = (0..20)
        .map(|second| Frame::new(second * 1_000_000_000, udp(7, 1)))
        .collect();
    pcap(Shape::LITTLE, ETHERNET, &frames)
}

#[test]
fn playback_keeps_the_pace_of_the_capture() {
    let pace = Pace::new(40.0);
    let file = io::Cursor::new(twenty_seconds());
    let began = Instant::now();
    let outcome = open(FlowSource::builder().pcap_reader(file).pace(&pace)).unwrap();
    assert!(began.elapsed() >= Duration::from_secs(19) / 40, "{began:?}");
    assert_eq!(outcome.stats.packets, 20);
    check_ledger(&outcome.flows, &outcome.stats);
    let (first, last) = (pace.began().unwrap(), pace.position().unwrap());
    assert_eq!(last.duration_since(first).unwrap(), Duration::from_secs(19));
}

#[test]
fn paused_playback_skips_closes_and_takes_snapshots() {
    let pace = Pace::new(1.0);
    pace.hold();
    let file = io::Cursor::new(twenty_seconds());
    let options = FlowSource::builder().pcap_reader(file).pace(&pace);
    let source = block_on(options.open()).unwrap();
    let handle = source.handle();
    let packets = |wanted: u64| {
        // Other work on the machine can make a second many.
        let deadline = Instant::now() + Duration::from_secs(3 * 60);
        while handle.stats().packets != wanted {
            assert!(Instant::now() < deadline, "{}", handle.stats());
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    pace.skip_to(std::time::UNIX_EPOCH + Duration::from_secs(BEGIN + 5));
    packets(5);
    let mut snapshot = handle.open_flows();
    let open = block_on(snapshot.next_page()).unwrap();
    assert_eq!(open[0].forward.packets.total, 5);
    handle.close();
    let flows: Vec<_> = block_on(source.map(Result::unwrap).collect());
    check_ledger(&flows, &handle.stats());
    assert_eq!(handle.stats().packets, 5);
}

#[test]
fn interfaces_have_no_pace() {
    let options = FlowSource::builder().pace(&Pace::new(1.0));
    let error = block_on(options.open()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOption);
    assert!(error.to_string().contains("`pace`"), "{error}");
}
