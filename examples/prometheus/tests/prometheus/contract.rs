//! The contract of sinks, and an attack on the number of series.

use futures::executor::block_on;
use mermin_core::{
    Flow,
    flow::Endpoint,
    sink::{
        FlowSink as _,
        testing::{self, flows},
    },
};
use mermin_prometheus::{Exporter, Format, Label, Settings, Watch};
use mermin_testing::trouble;

use crate::support::{exporter, samples, sum};

/// Each record of the kit has another source, so sums by source tell which records came and how often.
#[derive(Default)]
struct Scraper(Option<Watch>);

impl testing::Receiver for Scraper {
    type Sink = Exporter;
    type Key = String;

    fn key(flow: &Flow) -> String {
        flow.source.address.to_string()
    }

    fn sink(&mut self) -> Exporter {
        let settings = Settings::default()
            .labels([Label::SourceAddress])
            .series(10_000);
        let exporter = exporter(settings);
        self.0 = Some(exporter.watch());
        exporter
    }

    fn received(&mut self) -> Vec<String> {
        let page = self.0.as_ref().unwrap().page(Format::Text);
        let records = samples(&page, "mermin_flow_records_total").into_iter();
        records
            .flat_map(|(labels, count)| {
                let key = labels["source_address"].clone();
                std::iter::repeat_n(key, usize::try_from(count).unwrap())
            })
            .collect()
    }
}

pub(crate) fn keeps() {
    trouble::sink_contract_holds(Scraper::default, 4);
}

/// 100,000 addresses: no more series than were allowed, no longer a page, and no octet less.
pub(crate) fn attack() {
    let labels = [Label::SourceAddress, Label::DestinationAddress];
    let mut exporter = exporter(Settings::default().labels(labels).series(500));
    let watch = exporter.watch();
    let kit = flows(1000);
    let (mut octets, mut packets, mut longest) = (0, 0, 0);
    for batch in 0..100_u32 {
        let mut flows = kit.clone();
        for (flow, number) in flows.iter_mut().zip(0_u32..) {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + batch * 1000 + number);
            flow.source = Endpoint::without_port(address);
            octets += flow.forward.octets.delta + flow.reverse.octets.delta;
            packets += flow.forward.packets.delta + flow.reverse.packets.delta;
        }
        block_on(exporter.export(&flows)).unwrap();
        let page = watch.page(Format::Text);
        // Numbers get longer, and nothing else does.
        longest = longest.max(page.len());
        assert_eq!(sum(&page, "mermin_flow_bytes_total"), octets);
        assert_eq!(sum(&page, "mermin_flow_packets_total"), packets);
        assert_eq!(
            sum(&page, "mermin_flow_records_total"),
            u64::from(batch + 1) * 1000
        );
        let pairs = sum(&page, "mermin_pair_bytes_total") + sum(&page, "mermin_pair_expired_bytes");
        assert_eq!(pairs, octets);
        assert_eq!(samples(&page, "mermin_flow_records_total").len(), 501);
        assert!(samples(&page, "mermin_pair_bytes_total").len() <= 42);
    }
    assert!(longest < 700_000, "{longest}");
}
