//! The reading thread: reads, counts, and waits for the consumer.

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    capture_reader::{BATCH, CaptureReader, Stop},
    live::Live,
    pipe::Ready,
};
use crate::{
    error::Error,
    pcap::PcapError,
    source::{control::Control, queue::Queue},
};

/// Longest sleep of the thread. Requests wake it earlier.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Interval between two checks of the playback speed.
const LONGEST_LOOK: Duration = Duration::from_millis(50);
/// Flows due within this time end together.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// State of the thread.
#[derive(Debug)]
pub(super) struct OfflineThread<R: io::Read> {
    pub(super) reading: CaptureReader<R>,
    /// Name of the capture in errors.
    pub(super) name: String,
    pub(super) control: Arc<Control>,
    pub(super) queue: Arc<Queue>,
    /// Reports if a read would block, for inputs that may block.
    pub(super) ready: Option<Ready>,
    pub(super) live: Live,
}

impl<R: io::Read> OfflineThread<R> {
    /// Reads until the end, damage or `close`, and then ends the open flows. Stops at once without a consumer.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let result = self.read();
        loop {
            let done = self.reading.empty();
            self.deliver(done);
            if done || self.control.is_abandoned() {
                break;
            }
        }
        result.map_err(|broken| broken.into_error(&self.name))
    }

    fn read(&mut self) -> Result<(), PcapError> {
        while !self.control.is_closing() && !self.control.is_abandoned() {
            let stop = self.reading.go_through()?;
            if let Some(time) = self.reading.first.take() {
                self.live.read(time, now());
            }
            // A file is never silent for long, so its records wait until they are many.
            self.deliver(self.ready.is_some() || matches!(stop, Stop::Early(_)));
            self.fill_pages();
            match stop {
                Stop::Starved if self.wait() => self.reading.fill()?,
                Stop::Early(wait) => self.control.wait(wait.min(LONGEST_LOOK)),
                Stop::Starved | Stop::Records => {}
                Stop::End => break,
            }
        }
        Ok(())
    }

    /// Waits for input, while time passes for the flows of a live capture. `false` if woken for another reason.
    fn wait(&mut self) -> bool {
        while let Some(ready) = &self.ready
            && !ready.is_now()
        {
            if self.control.is_closing() || self.control.is_abandoned() {
                return false;
            }
            self.fill_pages();
            let mut longest = LONGEST_WAIT;
            if let Some(until) = self.live.silent_until(now()) {
                let all = self.reading.pass(until);
                self.deliver(true);
                if !all {
                    continue;
                }
                if let Some(idle) = self.reading.flows.idle_for() {
                    longest = longest.min(Duration::from_nanos(idle)).max(SHORTEST_WAIT);
                }
            }
            self.control.wait(longest);
        }
        true
    }

    /// Fills the requested pages of open flows.
    fn fill_pages(&self) {
        for request in self.control.page_requests() {
            self.reading.fill_page(request);
        }
    }

    /// Passes the records to the queue, `all` of them or only as many as are worth waking the consumer, and waits until it
    /// has room for them.
    fn deliver(&mut self, all: bool) {
        let CaptureReader { flows, shared, .. } = &self.reading;
        if flows.out.is_empty() || !all && flows.out.len() < BATCH {
            return;
        }
        shared.lock().records += flows.out.len() as u64;
        while !self.reading.flows.out.is_empty() && !self.control.is_abandoned() {
            self.fill_pages();
            let flows = &mut self.reading.flows;
            let room = self.queue.room();
            if room >= flows.out.len() {
                // An empty queue exchanges the buffers, so neither is allocated again.
                self.queue.put(&mut flows.out);
            } else if room != 0 {
                let rest = flows.out.split_off(room);
                let mut batch: VecDeque<_> = std::mem::replace(&mut flows.out, rest);
                self.queue.put(&mut batch);
            } else if self.queue.want_room() {
                self.control.wait(LONGEST_WAIT);
            }
        }
    }
}

/// The host's clock, ns since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(i64::MAX)
}
