//! A child process with a pinned source, to be killed.

use std::{collections::HashMap, io::BufRead, thread, time::Duration};

use futures::{StreamExt, TryStreamExt, executor::block_on};
use mermin_core::{
    Attach, Error, Flow, FlowSource, FlowSourceBuilder, Handover, Join, NetNs, Pinning, Timeouts,
    filter::{Filter, Rule},
    lab::{FailPoint, Fault, kill_at, with_fault},
    sink::{Batching, BoxError, FlowSink},
};

use super::passed;
use crate::support::{
    child_process::{ChildProcess, Task, print_line},
    host::Host,
};

/// Follows the orders that its argument is.
pub(super) const TASK: Task = ("follow", follow);

/// Orders for the process.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub(crate) struct Orders {
    pub(crate) instance: String,
    pub(crate) netns: String,
    pub(crate) interface: String,
    pub(crate) mode: Attach,
    /// Of filters.
    pub(crate) priority: u16,
    pub(crate) slots: u32,
    /// Idle and active timeout, ms.
    pub(crate) timeouts: [u64; 2],
    pub(crate) persist: bool,
    /// The filter rejects flows from these ports: `1024-1100`.
    pub(crate) unwanted: Option<String>,
    /// Where it is killed, after how many times it came by.
    pub(crate) end: Option<(FailPoint, u32)>,
    pub(crate) consumer: Consumer,
    /// Number of its last batch: the process is killed before that is delivered, or before the sink returns `Ok`.
    pub(crate) last: Option<(u32, Moment)>,
    /// How long a sink's batch is gathered, ms.
    pub(crate) age: u64,
    /// Conversations of several interfaces are reported once.
    pub(crate) joins: bool,
    /// 64 slots share a bucket of the index.
    pub(crate) crowded: bool,
    /// TCP is analysed.
    pub(crate) analyses: bool,
    /// The kernel's values of sockets are read.
    pub(crate) reads_sockets: bool,
    /// This process opens, and passes the source to the child, which has no capability.
    pub(crate) passes: bool,
}

/// How records are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consumer {
    /// One by one: asking for the next acknowledges.
    Stream,
    /// By a sink, in batches.
    Sink,
    /// In chunks, and acknowledged by hand.
    Chunks,
}

/// When a process is killed that delivers a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It has the batch, and delivered nothing of it.
    Undelivered,
    /// The batch is delivered, and the sink has not returned.
    Delivered,
}

impl Orders {
    /// For an interface of a host.
    pub(crate) fn new(host: &Host, interface: &str, instance: &str, mode: Attach) -> Self {
        Self {
            instance: instance.to_owned(),
            netns: host.path(),
            interface: interface.to_owned(),
            mode,
            priority: 1,
            slots: 4096,
            timeouts: [20, 60],
            persist: false,
            unwanted: None,
            end: None,
            consumer: Consumer::Stream,
            last: None,
            age: 0,
            joins: false,
            crowded: false,
            analyses: false,
            reads_sockets: false,
            passes: false,
        }
    }

    fn write(&self) -> String {
        let priority = match self.mode {
            Attach::Tc => self.priority,
            _ => 0,
        };
        let (point, passes) = self
            .end
            .map_or((-1, 0), |(point, passes)| (i64::from(point as u32), passes));
        let (last, moment) = self.last.unwrap_or((0, Moment::Undelivered));
        let delivered = u8::from(moment == Moment::Delivered);
        format!(
            "{} {} {} {priority} {} {} {} {} {point} {passes} {} {} {last} {delivered} {} {} {} {} {} {}",
            self.instance,
            self.netns,
            self.interface,
            self.slots,
            self.timeouts[0],
            self.timeouts[1],
            u8::from(self.persist),
            self.unwanted.as_deref().unwrap_or_default(),
            self.consumer as u8,
            self.age,
            u8::from(self.joins),
            u8::from(self.crowded),
            u8::from(self.analyses),
            u8::from(self.passes),
            u8::from(self.reads_sockets),
        )
    }

    fn read(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        let number = |at: usize| words[at].parse::<i64>().unwrap();
        let positive = |at: usize| u64::try_from(number(at)).unwrap();
        Self {
            instance: words[0].to_owned(),
            netns: words[1].to_owned(),
            interface: words[2].to_owned(),
            mode: match number(3) {
                0 => Attach::Tcx,
                _ => Attach::Tc,
            },
            priority: u16::try_from(number(3)).unwrap(),
            slots: u32::try_from(number(4)).unwrap(),
            timeouts: [positive(5), positive(6)],
            persist: number(7) == 1,
            unwanted: Some(words[10].to_owned()).filter(|ports| !ports.is_empty()),
            end: FailPoint::ALL
                .iter()
                .find(|point| i64::from(**point as u32) == number(8))
                .map(|point| (*point, u32::try_from(number(9)).unwrap())),
            consumer: [Consumer::Stream, Consumer::Sink, Consumer::Chunks]
                [usize::try_from(number(11)).unwrap()],
            last: Some((
                u32::try_from(number(12)).unwrap(),
                [Moment::Undelivered, Moment::Delivered][usize::try_from(number(13)).unwrap()],
            ))
            .filter(|last| last.0 != 0),
            age: positive(14),
            joins: positive(15) == 1,
            crowded: positive(16) == 1,
            analyses: positive(17) == 1,
            passes: positive(18) == 1,
            reads_sockets: positive(19) == 1,
        }
    }

    pub(super) fn builder(&self) -> FlowSourceBuilder {
        let [idle, active] = self.timeouts.map(Duration::from_millis);
        let mut timeouts = Timeouts::default();
        timeouts.udp = idle;
        timeouts.active = active;
        let mut filter = Filter::default();
        if let Some(ports) = &self.unwanted {
            filter.source.port = Rule::not_matching([ports.as_str()]).unwrap();
        }
        let builder = match self.mode {
            Attach::Tc => FlowSource::builder().tc_priority(self.priority),
            _ => FlowSource::builder(),
        };
        let builder = if self.crowded {
            with_fault(builder, Fault::Crowded(64))
        } else {
            builder
        };
        builder
            .interfaces([&self.interface])
            .netns(NetNs::Path((&self.netns).into()))
            .attach(self.mode)
            .max_flows(self.slots)
            .timeouts(timeouts)
            .filter(filter)
            .tcp_analysis(self.analyses)
            .tcp_sockets(self.reads_sockets)
            .join(if self.joins {
                Join::FirstSeen
            } else {
                Join::PerInterface
            })
            .pinning(Pinning::instance(&self.instance).persist(self.persist))
    }

    /// Says every record until the source ends.
    async fn consume(&self, mut source: FlowSource) -> Result<(), Error> {
        let mut teller = Teller {
            last: self.last,
            batches: 0,
        };
        match self.consumer {
            Consumer::Stream => {
                while let Some(flow) = source.next().await {
                    print_line(&Record::of(&flow?).write());
                }
            }
            Consumer::Sink => {
                let age = Duration::from_millis(self.age);
                let batching = Batching::default().records(64).age(age);
                source.run(teller).batch(batching).await?;
            }
            Consumer::Chunks => {
                let acknowledger = source.manual_ack();
                let mut chunks = source.try_ready_chunks(50);
                while let Some(flows) = chunks.next().await {
                    let flows = flows.map_err(|failed| failed.1)?;
                    teller.tell(&flows);
                    let count = if flows.len() % 2 == 0 {
                        acknowledger.ack_all(&flows)
                    } else {
                        acknowledger.ack_through(&flows[flows.len() - 1])
                    };
                    assert_eq!(count, flows.len());
                }
            }
        }
        Ok(())
    }

    /// Starts the process.
    pub(crate) fn start(&self) -> Process {
        let task = format!("{} {}", TASK.0, self.write());
        Process {
            process: if self.passes {
                passed::start(self, &task)
            } else {
                ChildProcess::start(&task)
            },
        }
    }

    /// Opens its source, or the one that another process passes.
    async fn open(&self) -> Result<FlowSource, Error> {
        if self.passes {
            let handover = Handover::receive(&passed::socket(&self.instance))?;
            self.builder().netns(NetNs::Own).open_passed(handover).await
        } else {
            self.builder().open().await
        }
    }
}

/// Opens, prints each record, and closes when its input ends.
fn follow(orders: &str) -> String {
    let orders = Orders::read(orders);
    if let Some((point, passes)) = orders.end {
        kill_at(point, passes);
    }
    let source = match block_on(orders.open()) {
        Ok(source) => source,
        Err(error) => {
            return format!(
                "failed {:?} {error}: {:?}",
                error.kind(),
                std::error::Error::source(&error)
            );
        }
    };
    let taken = source.report().recovered.unwrap_or_default();
    print_line(&format!(
        "opened {} {} {} {} {}",
        taken.flows,
        taken.flows_closing,
        taken.records_redelivered,
        taken.slots_returned,
        source.report().to_string().replace('\n', " "),
    ));
    let handle = source.handle();
    thread::spawn({
        let handle = handle.clone();
        move || {
            let _ = std::io::stdin().lock().read_line(&mut String::new());
            handle.close();
        }
    });
    if let Err(error) = block_on(orders.consume(source)) {
        print_line(&format!("failed {error}"));
    }
    for ignored in handle.stats().ignored() {
        print_line(&format!(
            "ignored {} {} {}",
            ignored.reason, ignored.packets, ignored.frame_octets
        ));
    }
    "ended".to_owned()
}

/// Delivers by saying.
struct Teller {
    last: Option<(u32, Moment)>,
    batches: u32,
}

impl Teller {
    fn tell(&mut self, flows: &[Flow]) {
        self.batches += 1;
        self.die_at(Moment::Undelivered);
        for flow in flows {
            print_line(&Record::of(flow).write());
        }
        self.die_at(Moment::Delivered);
    }

    fn die_at(&self, moment: Moment) {
        if self.last == Some((self.batches, moment)) {
            let own = rustix::process::getpid();
            let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
        }
    }
}

impl FlowSink for Teller {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.tell(flows);
        Ok(())
    }
}

/// Content of a record, as far as tests care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) sequence: u64,
    pub(crate) goes_on: bool,
    pub(crate) source: String,
    /// Packets and IP octets, both directions.
    pub(crate) counts: [u64; 2],
    /// TCP segments that were sent again, both directions.
    pub(crate) retransmissions: u64,
    /// Of the source's socket; 0 without.
    pub(crate) congestion_window: u32,
}

impl Record {
    fn of(flow: &Flow) -> Self {
        let [forward, reverse] = [&flow.forward, &flow.reverse];
        Self {
            id: flow.id.to_string(),
            sequence: flow.sequence,
            goes_on: flow.end_reason.goes_on(),
            source: format!("{}:{}", flow.source.address, flow.source.port.unwrap_or(0)),
            counts: [
                forward.packets.delta + reverse.packets.delta,
                forward.octets.delta + reverse.octets.delta,
            ],
            retransmissions: flow.tcp_analysis.as_ref().map_or(0, |it| {
                it.forward.retransmissions + it.reverse.retransmissions
            }),
            congestion_window: flow
                .tcp_sockets
                .as_ref()
                .and_then(|sockets| sockets.source.as_ref())
                .map_or(0, |socket| socket.congestion_window),
        }
    }

    fn write(&self) -> String {
        let [packets, octets] = self.counts;
        format!(
            "record {} {} {} {} {packets} {octets} {} {}",
            self.id,
            self.sequence,
            self.goes_on,
            self.source,
            self.retransmissions,
            self.congestion_window
        )
    }

    fn read(words: &[&str]) -> Self {
        Self {
            id: words[0].to_owned(),
            sequence: words[1].parse().unwrap(),
            goes_on: words[2].parse().unwrap(),
            source: words[3].to_owned(),
            counts: [4, 5].map(|at| words[at].parse().unwrap()),
            retransmissions: words[6].parse().unwrap(),
            congestion_window: words[7].parse().unwrap(),
        }
    }
}

/// Its words when it opened.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) flows: u64,
    pub(crate) closing: u64,
    pub(crate) again: u64,
    pub(crate) returned: u64,
    pub(crate) report: String,
}

/// A printed line.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Opened(Opened),
    Record(Record),
    /// Packets and frame octets for this reason.
    Ignored(String, [u64; 2]),
    Failed(String),
    Ended,
}

impl Message {
    fn read(line: &str) -> Self {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split(' ').collect();
        match what {
            "opened" => Self::Opened(Opened {
                flows: words[0].parse().unwrap(),
                closing: words[1].parse().unwrap(),
                again: words[2].parse().unwrap(),
                returned: words[3].parse().unwrap(),
                report: words[4..].join(" "),
            }),
            "record" => Self::Record(Record::read(&words)),
            "ignored" => Self::Ignored(
                words[0].to_owned(),
                [1, 2].map(|at: usize| words[at].parse().unwrap()),
            ),
            "failed" => Self::Failed(rest.to_owned()),
            _ => Self::Ended,
        }
    }
}

/// The process.
pub(crate) struct Process {
    process: ChildProcess,
}

impl Process {
    /// The next line; `None` once the process has ended and all its lines were read.
    pub(crate) fn next(&self) -> Option<Message> {
        self.process.line().map(|line| Message::read(&line))
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it has opened.
    pub(crate) fn opened(&self) -> Opened {
        match self.next() {
            Some(Message::Opened(opened)) => opened,
            other => panic!("it must open: {other:?}"),
        }
    }

    /// True if it ends by itself in this time; else it is killed then.
    pub(crate) fn dies_within(&mut self, time: Duration) -> bool {
        self.process.dies_within(time)
    }

    /// As kill -9 does.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Has it close its source.
    pub(crate) fn close(&mut self) {
        self.process.close();
    }

    /// All its lines from now on, until it has ended.
    pub(crate) fn rest(mut self) -> Vec<Message> {
        let said = std::iter::from_fn(|| self.next()).collect();
        self.process.wait();
        said
    }
}

/// Adds up the records of all processes: each record once, by id and sequence number.
#[derive(Default)]
pub(crate) struct Referee {
    records: HashMap<(String, u64), Record>,
    /// Records that came again.
    pub(crate) again: u64,
    /// Takeovers, and what they found.
    pub(crate) openings: Vec<Opened>,
    pub(crate) ended: bool,
    pub(crate) ignored: HashMap<String, [u64; 2]>,
}

impl Referee {
    pub(crate) fn hear(&mut self, said: impl IntoIterator<Item = Message>) {
        for said in said {
            match said {
                Message::Opened(opened) => {
                    assert_eq!(opened.report, "", "{opened:?}");
                    self.openings.push(opened);
                }
                Message::Record(record) => self.add(record),
                Message::Ignored(reason, counts) => _ = self.ignored.insert(reason, counts),
                Message::Failed(error) => panic!("{error}"),
                Message::Ended => self.ended = true,
            }
        }
    }

    fn add(&mut self, record: Record) {
        let name = (record.id.clone(), record.sequence);
        match self.records.get(&name) {
            None => _ = self.records.insert(name, record),
            Some(before) => {
                self.again += 1;
                assert_eq!(*before, record, "a record that comes again is the same");
            }
        }
    }

    pub(crate) fn records(&self) -> usize {
        self.records.len()
    }

    /// Packets and octets by sender.
    pub(crate) fn sums(&self) -> HashMap<&str, [u64; 2]> {
        let mut sums: HashMap<&str, [u64; 2]> = HashMap::new();
        for record in self.records.values() {
            let sum = sums.entry(&record.source).or_default();
            for (sum, count) in sum.iter_mut().zip(record.counts) {
                *sum += count;
            }
        }
        sums
    }

    /// TCP segments that were sent again.
    pub(crate) fn retransmissions(&self) -> u64 {
        let records = self.records.values();
        records.map(|record| record.retransmissions).sum()
    }

    /// Those of records that have one.
    pub(crate) fn congestion_windows(&self) -> Vec<u32> {
        let windows = self.records.values().map(|record| record.congestion_window);
        windows.filter(|window| *window != 0).collect()
    }

    /// Every flow has records with sequence numbers from 0 on, and only the last one ends it.
    pub(crate) fn check_sequences(&self) {
        let mut by_flow: HashMap<&str, Vec<&Record>> = HashMap::new();
        for record in self.records.values() {
            by_flow.entry(&record.id).or_default().push(record);
        }
        for records in by_flow.values_mut() {
            records.sort_by_key(|record| record.sequence);
            for (number, record) in (0..).zip(&*records) {
                assert_eq!(record.sequence, number, "{records:#?}");
                let last = number + 1 == records.len() as u64;
                assert_eq!(record.goes_on, !last, "{records:#?}");
            }
        }
    }
}
