//! Ends of a file: the last record, closing, age.

use std::time::Duration;

use futures::executor::block_on;
use mermin_core::{
    FlowSource,
    sink::{
        FlowSink as _, Overflow, buffered, retry,
        testing::{ManualTimer, flows},
    },
};
use mermin_parquet::{Exporter, Settings};
use mermin_testing::{Folder, soon};

use crate::read::keys;

const DAY: Duration = Duration::from_hours(24);

/// A file that could wait for a day and for more rows is finished when the source ends, and its records have arrived then.
pub(crate) fn finishes() {
    for with_buffer in [false, true] {
        let folder = Folder::new("closing");
        let settings = Settings::default().age(DAY);
        let batching = settings.batching();
        let exporter = Exporter::folder(folder.path(), settings).unwrap();
        let sink = retry(exporter, soon());
        let (mut source, replayed) = FlowSource::replay(flows(700)).open().unwrap();
        if with_buffer {
            let sink = buffered(sink, 65_536, Overflow::Block).batch(batching);
            let run = source.run(sink).close_within(Duration::from_mins(1));
            block_on(run.into_future()).unwrap();
        } else {
            let run = source.run(sink).batch(batching);
            block_on(run.close_within(Duration::from_mins(1)).into_future()).unwrap();
        }
        assert_eq!(keys(folder.path()).len(), 700);
        assert_eq!(replayed.arrived().len(), 700);
        assert_eq!(folder.names().len(), 1);
    }
}

/// Records that wait for others do so for the age of a file, and no longer.
pub(crate) fn age() {
    let folder = Folder::new("age");
    let settings = Settings::default().age(DAY);
    let batching = settings.batching();
    let exporter = Exporter::folder(folder.path(), settings).unwrap();
    let timer = ManualTimer::default();
    let mut sink = buffered(retry(exporter, soon()), 1000, Overflow::Block)
        .batch(batching)
        .timer(timer.clone());
    let flows = flows(20);
    let meter = sink.meter().unwrap();
    block_on(async {
        sink.export(&flows[..10]).await.unwrap();
        sink.export(&flows[10..]).await.unwrap();
        assert_eq!(meter.stats().delivered, 0);
        assert_eq!(folder.names(), [""; 0]);
        timer.advance(DAY);
        while meter.stats().delivered != 20 {
            let mut idle = std::pin::pin!(sink.idle());
            std::future::poll_fn(|context| {
                let _ = idle.as_mut().poll(context);
                std::task::Poll::Ready(())
            })
            .await;
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    assert_eq!(folder.names().len(), 1);
    assert_eq!(keys(folder.path()).len(), 20);
}
