//! Content of a source's page.

use std::{io::Write as _, thread};

use futures::executor::block_on;
use mermin_core::{
    FlowSource,
    flow::AddedAttribute,
    sink::{
        FlowSink as _,
        testing::{detailed_flows, flows},
    },
};
use mermin_prometheus::{Format, Label, Settings};
use mermin_testing::wait;

use crate::support::{exporter, samples, sum};

/// A capture file's header: microseconds, Ethernet.
const HEADER: [u8; 24] = [
    0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0,
];

/// A record with one half of a UDP datagram of 8 + 16 octets, in two fragments.
fn fragment(first: bool) -> Vec<u8> {
    let (offset, more, payload): (u8, u8, &[u8]) = if first {
        (
            0,
            0x20,
            &[0x13, 0x88, 0x13, 0x89, 0, 24, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
        )
    } else {
        (2, 0, &[9; 8])
    };
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    let length = u8::try_from(20 + payload.len()).unwrap();
    frame.extend([0x45, 0, 0, length, 0x12, 0x34, more, offset, 64, 17, 0, 0]);
    frame.extend([192, 0, 2, 1, 192, 0, 2, 2]);
    frame.extend(payload);
    let octets = u32::try_from(frame.len()).unwrap().to_le_bytes();
    let mut record = Vec::new();
    record.extend(1_800_000_000_u32.to_le_bytes());
    record.extend(0_u32.to_le_bytes());
    record.extend(octets);
    record.extend(octets);
    record.extend(frame);
    record
}

/// A fragment that comes before its first one is in no record until that comes, so the number falls: it is a gauge, and among
/// the counters of other reasons it is not.
pub(crate) fn fragments() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let exporter = exporter(Settings::default());
    let watch = exporter.watch();
    writer.write_all(&HEADER).unwrap();
    writer.write_all(&fragment(false)).unwrap();
    let mut source = block_on(FlowSource::builder().pcap_reader(reader).open()).unwrap();
    watch.source(source.handle());
    let run = thread::spawn(move || block_on(async { source.run(exporter).await }));
    let waiting = |packets| {
        wait(|| {
            let page = watch.page(Format::Text);
            let counters = samples(&page, "mermin_ignored_packets_total");
            assert!(counters.is_empty(), "{page}");
            sum(&page, "mermin_ignored_fragment_packets") == packets
        });
    };
    waiting(1);
    let page = watch.page(Format::Text);
    assert!(
        page.contains("# TYPE mermin_ignored_fragment_packets gauge\n"),
        "{page}"
    );
    assert!(
        page.contains("# TYPE mermin_ignored_packets_total counter\n"),
        "{page}"
    );
    writer.write_all(&fragment(true)).unwrap();
    waiting(0);
    drop(writer);
    run.join().unwrap().unwrap();
    let page = watch.page(Format::Text);
    assert_eq!(sum(&page, "mermin_flow_packets_total"), 2);
    assert_eq!(sum(&page, "mermin_source_packets_total"), 2);
}

/// Packets that the kernel dropped are on the page once there was one, and none is lost among labels.
pub(crate) fn dropped() {
    const METRIC: &str = "mermin_flow_dropped_packets_total";
    let labels = [
        Label::SourceAddress,
        Label::Added("source.k8s.pod.name".into()),
    ];
    let mut exporter = exporter(Settings::default().labels(labels).series(10));
    let watch = exporter.watch();
    block_on(exporter.export(&flows(100))).unwrap();
    assert!(!watch.page(Format::Text).contains(METRIC));
    let mut records = detailed_flows(100);
    let pod = AddedAttribute::new("source.k8s.pod.name", "web-1");
    records[4].added_attributes = [[pod].into()].into();
    block_on(exporter.export(&records)).unwrap();
    let expected: u64 = records
        .iter()
        .filter_map(|flow| Some((flow.sampling_interval, flow.drops.as_deref()?)))
        .map(|(interval, drops)| {
            let all = drops.forward.iter().chain(&drops.reverse);
            let packets: u64 = all.map(|one| one.packets).sum();
            packets * interval.map_or(1, |interval| u64::from(interval.get()))
        })
        .sum();
    let page = watch.page(Format::Text);
    assert!(expected > 0);
    assert_eq!(sum(&page, METRIC), expected);
}

/// Prometheus 2.42 drops samples that are old by a time of their own, takes a page with an empty line or with CR LF for none at all,
/// and has labels `job` and `instance` itself.
pub(crate) fn lines() {
    let mut exporter = exporter(Settings::default().labels(Label::ALL));
    let watch = exporter.watch();
    watch.sink("json:a", exporter.meter().unwrap());
    block_on(exporter.export(&flows(500))).unwrap();
    for format in [Format::Text, Format::OpenMetrics] {
        let page = watch.page(format);
        let page = page.strip_suffix('\n').unwrap();
        let (mut samples, mut exemplars) = (0, 0);
        for line in page.split('\n') {
            assert!(!line.is_empty() && !line.ends_with('\r'), "{line:?}");
            if line.starts_with('#') {
                continue;
            }
            samples += 1;
            let (sample, exemplar) = line.split_once(" # ").unwrap_or((line, ""));
            exemplars += usize::from(!exemplar.is_empty());
            let behind = sample.rsplit('}').next().unwrap();
            let numbers = behind.split(' ').skip(1);
            assert_eq!(numbers.count(), 1, "{line}");
            for label in ["{job=", ",job=", "{instance=", ",instance="] {
                assert!(!sample.contains(label), "{line}");
            }
        }
        assert!(samples > 100, "{samples}");
        assert_eq!(exemplars > 0, format == Format::OpenMetrics);
    }
}
