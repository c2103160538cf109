//! The day itself.

use std::{
    net::UdpSocket,
    sync::{Arc, Mutex, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use mermin_testing::free_port;

use crate::{
    agent::{Agent, Settings},
    arguments::Arguments,
    cluster::Cluster,
    events::{Event, OUTAGES, events},
    network,
    receiver::Receiver,
    report::{Report, Run},
    sender::{Sender, Sent},
    tally::Tally,
};

/// For how long nobody listens at the receiver's port.
const OUTAGE: Duration = Duration::from_secs(1);
/// Pods that change in a second.
const CHURN: u32 = 20;

/// All that there is in a day.
struct Node {
    settings: Settings,
    cluster: Cluster,
    tally: Arc<Mutex<Tally>>,
    receiver: Option<Receiver>,
    sent: Arc<Sent>,
    /// The one that runs.
    agent: Option<Agent>,
    runs: Vec<Run>,
    reloads: u32,
}

/// The part that has namespaces of its own.
pub(crate) fn run() {
    let arguments = Arguments::parse().unwrap();
    network::make();
    // Datagrams that nobody reads are dropped without an answer.
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let cluster = Cluster::start();
    let port = other.local_addr().unwrap().port();
    let mut settings = Settings::new(arguments.capacity, free_port(), port, &cluster.url());
    settings.write(0);
    let tally = Arc::<Mutex<Tally>>::default();
    let receiver = Receiver::start(settings.receiver, &tally);
    let agent = Agent::start(&mut settings);
    let sender = Sender::start(arguments.rate);
    let mut node = Node {
        settings,
        cluster,
        tally,
        receiver: Some(receiver),
        sent: Arc::clone(&sender.sent),
        agent: Some(agent),
        runs: Vec::new(),
        reloads: 0,
    };
    let began = Instant::now();
    node.live(arguments);
    let sent = sender.stop();
    let time = began.elapsed();
    node.settle();
    let mut agent = node.agent.take().unwrap();
    let is_clean = agent.stop(&node.settings);
    let last_words = agent.said();
    node.note(agent);
    node.receiver.take().unwrap().kill();
    let report = Report {
        arguments,
        time,
        sent,
        tally: &node.tally.lock().unwrap(),
        runs: &node.runs,
        reloads: node.reloads,
        outages: OUTAGES,
        is_clean,
        last_words,
    };
    print!("{report}");
    if !report.is_kept() {
        std::process::exit(1);
    }
}

impl Node {
    /// Lives through all events of a day, and looks at the agent each second.
    fn live(&mut self, arguments: Arguments) {
        let day = arguments.time;
        let began = Instant::now();
        let mut events = events(day, arguments.kills).into_iter().peekable();
        let mut next_look = Duration::from_secs(1);
        // A busy machine may be late with the last events.
        while began.elapsed() < day || events.peek().is_some() {
            let now = began.elapsed();
            if let Some((_, event)) = events.next_if(|(time, _)| *time <= now) {
                self.meet(event);
            } else if next_look <= now {
                self.look();
                self.cluster.churn(CHURN);
                next_look = now + Duration::from_secs(1);
            } else {
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    fn meet(&mut self, event: Event) {
        match event {
            Event::KillAgent => {
                let mut agent = self.agent.take().unwrap();
                agent.kill(&self.settings);
                self.note(agent);
                self.agent = Some(Agent::start(&mut self.settings));
            }
            Event::Reload => {
                self.reloads += 1;
                self.settings.write(self.reloads);
                let agent = self.agent.as_mut().unwrap();
                agent.reload(&self.settings);
            }
            Event::KillReceiver => {
                self.receiver.take().unwrap().kill();
                thread::sleep(OUTAGE);
                self.receiver = Some(Receiver::start(self.settings.receiver, &self.tally));
            }
            Event::ApiServerLeaves => self.cluster.leave(),
            Event::ApiServerComesBack => self.cluster.come_back(),
        }
    }

    fn look(&mut self) {
        self.agent.as_mut().unwrap().look(&self.settings);
    }

    /// Keeps what was seen of an agent that has ended.
    fn note(&mut self, agent: Agent) {
        // Read behind the agent's counts, so it has all of their packets.
        let sent = self.sent.packets.load(Ordering::Acquire);
        let records = self.tally.lock().unwrap().records;
        self.runs.push(Run {
            agent,
            sent,
            records,
        });
    }

    /// Waits until all flows have ended and their records are delivered: until nothing more arrives.
    fn settle(&mut self) {
        let arrived = |node: &Self| node.tally.lock().unwrap().short_packets;
        let (mut before, mut quiet) = (arrived(self), Instant::now());
        while quiet.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(200));
            self.look();
            let now = arrived(self);
            if now != before {
                (before, quiet) = (now, Instant::now());
            }
        }
    }
}
