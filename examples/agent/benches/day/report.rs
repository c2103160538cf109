//! The results of a day, as tables.

use std::{
    fmt::{self, Write as _},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{
    agent::Agent,
    arguments::Arguments,
    cluster::PODS,
    memory::{Memory, slope},
    sender::{STEADY, Sent},
    tally::{Compared, Tally},
};

/// The most memory that the agent's process may have, in KiB.
const MOST: u64 = 200 * 1024;
/// Age of a process from which the growth of its memory is shown.
const WARM: Duration = Duration::from_secs(20);

/// The life of one process of the agent.
pub(crate) struct Run {
    pub(crate) agent: Agent,
    /// Packets that had been sent when it ended.
    pub(crate) sent: u64,
    /// Records that the receiver had then.
    pub(crate) records: u64,
}

/// All of a day.
pub(crate) struct Report<'a> {
    pub(crate) arguments: Arguments,
    pub(crate) time: Duration,
    pub(crate) sent: Arc<Sent>,
    pub(crate) tally: &'a Tally,
    pub(crate) runs: &'a [Run],
    pub(crate) reloads: u32,
    pub(crate) outages: u32,
    /// The last agent says that it lost nothing.
    pub(crate) is_clean: bool,
    pub(crate) last_words: String,
}

/// A goal, in words, and if it is met.
struct Goal(String, bool);

/// All flows, compared.
struct Both {
    short: Compared,
    steady: Compared,
}

impl Report<'_> {
    fn last(&self) -> &Agent {
        &self.runs.last().unwrap().agent
    }

    fn packets(&self) -> u64 {
        self.sent.packets.load(Ordering::Acquire)
    }

    fn most_memory(&self) -> u64 {
        let peaks = self.runs.iter().map(|run| run.agent.samples.peak());
        peaks.max().unwrap_or(0)
    }

    fn goals(&self, Both { short, steady }: &Both) -> Vec<Goal> {
        let (counts, tally) = (&self.last().counts, self.tally);
        let delivered = tally.short_packets + tally.steady_packets;
        let (sent, ignored) = (self.packets(), counts.ignored());
        vec![
            Goal(
                format!("hooks: {} packets crossed, of {sent} sent", counts.packets),
                counts.packets == sent,
            ),
            Goal(
                format!("ledger: {delivered} packets in records + {ignored} in no record = {sent}"),
                delivered + ignored == sent,
            ),
            Goal(
                format!(
                    "lost: {} short and {} steady flows lack packets",
                    short.lacking, steady.lacking
                ),
                short.lacking + steady.lacking == 0,
            ),
            Goal(
                format!(
                    "doubled: {} short and {} steady flows have packets twice, {} records of no flow",
                    short.doubled, steady.doubled, tally.strange
                ),
                short.doubled + steady.doubled + tally.strange == 0,
            ),
            Goal(
                format!(
                    "names: {} records have their pod's, {} none, {} a wrong one",
                    tally.named, tally.unnamed, tally.misnamed
                ),
                // An agent that starts while the API server is away has no names, and that is about an eighth of the day.
                tally.misnamed == 0 && tally.unnamed <= tally.named / 3,
            ),
            Goal(
                format!(
                    "memory: at most {} MiB resident, of 200",
                    self.most_memory() / 1024
                ),
                self.most_memory() <= MOST,
            ),
            Goal(
                "the last agent says that it lost no record".to_owned(),
                self.is_clean,
            ),
        ]
    }

    /// Returns true if all goals are met.
    pub(crate) fn is_kept(&self) -> bool {
        let compared = self.compared();
        self.goals(&compared).iter().all(|Goal(_, is_met)| *is_met)
    }

    fn compared(&self) -> Both {
        let (short, steady) = (&self.sent.short, &self.sent.steady);
        Both {
            short: self.tally.compare_short(short.load(Ordering::Acquire)),
            steady: self.tally.compare_steady(steady.load(Ordering::Acquire)),
        }
    }

    /// A row for each process of the agent.
    fn table(&self) -> String {
        let mut text = "| process | lived | open after | packets at hooks | in no record | records so far | resident MiB | own MiB | CPU |\n|---|---|---|---|---|---|---|---|---|\n".to_owned();
        for (number, run) in self.runs.iter().enumerate() {
            let agent = &run.agent;
            let resident = agent.samples.range(|it| it.resident);
            let own = agent.samples.range(|it| it.own);
            let ignored = agent.counts.ignored.iter();
            let ignored: Vec<_> = ignored
                .map(|(reason, count)| format!("{reason} {count}"))
                .collect();
            let ignored = if ignored.is_empty() {
                "0".to_owned()
            } else {
                ignored.join(", ")
            };
            let _ = writeln!(
                text,
                "| {} | {:.0} s | {:.0} ms | {} of {} | {ignored} | {} | {} to {} | {} to {} | {:.1} s |",
                number + 1,
                agent.ran.as_secs_f64(),
                agent.opened.as_secs_f64() * 1e3,
                agent.counts.packets,
                run.sent,
                run.records,
                resident.0 / 1024,
                resident.1 / 1024,
                own.0 / 1024,
                own.1 / 1024,
                agent.processor_time.as_secs_f64(),
            );
        }
        text
    }

    /// Troubles, flows and records.
    fn traffic(&self, both: &Both) -> Vec<(&'static str, String)> {
        let (tally, compared) = (self.tally, &both.short);
        let short = self.sent.short.load(Ordering::Acquire);
        let steady = self.sent.steady.load(Ordering::Acquire);
        let rate = short as f64 / self.time.as_secs_f64();
        let (wanted, minutes) = (self.arguments.rate, self.time.as_secs_f64() / 60.0);
        vec![
            (
                "day",
                format!("{minutes:.1} minutes, {PODS} pods, the API server away for a sixth of it"),
            ),
            (
                "agent killed, files reloaded, receiver killed",
                format!(
                    "{}, {}, {} times",
                    self.arguments.kills, self.reloads, self.outages
                ),
            ),
            (
                "short flows sent",
                format!("{short}, {rate:.0} a second of {wanted} wanted"),
            ),
            (
                "packets sent",
                format!("{}, {steady} of them of steady flows", self.packets()),
            ),
            (
                "records that arrived",
                format!(
                    "{}; {} of them repeat an id and sequence",
                    tally.records, tally.repeated
                ),
            ),
            (
                "short flows whole at the receiver",
                format!(
                    "{}; {} in more than one record",
                    compared.whole,
                    tally.split()
                ),
            ),
            (
                "steady flows whole at the receiver",
                format!("{} of {STEADY}", both.steady.whole),
            ),
            (
                "short flows that lack packets",
                format!(
                    "{}, by {} packets; {} have no record",
                    compared.lacking, compared.lacking_packets, compared.absent
                ),
            ),
            (
                "short flows with packets twice",
                compared.doubled.to_string(),
            ),
            (
                "records without the pod's name, with a wrong one",
                format!("{}, {}", tally.unnamed, tally.misnamed),
            ),
        ]
    }

    /// Memory and processor time.
    fn cost(&self) -> Vec<(&'static str, String)> {
        let samples = || self.runs.iter().map(|run| &run.agent.samples);
        let an_hour = |of: fn(&Memory) -> u64| match slope(samples(), of, WARM) {
            Some(a_minute) => format!("{:+.1} MiB an hour", a_minute * 60.0 / 1024.0),
            None => "not measured".to_owned(),
        };
        let time: Duration = self.runs.iter().map(|run| run.agent.processor_time).sum();
        let short = self.sent.short.load(Ordering::Acquire);
        let shared = self.last().samples.range(|it| it.resident - it.own).1;
        vec![
            (
                "resident memory of a process, from 20 s on",
                format!(
                    "{}; its own {}",
                    an_hour(|it| it.resident),
                    an_hour(|it| it.own)
                ),
            ),
            (
                "memory shared with the kernel program",
                format!(
                    "{} MiB of the resident, for {} flows",
                    shared / 1024,
                    self.arguments.capacity
                ),
            ),
            (
                "CPU of the agent's processes",
                format!(
                    "{:.1} s, {:.2} s for 100,000 flows",
                    time.as_secs_f64(),
                    time.as_secs_f64() / (short as f64 / 1e5)
                ),
            ),
        ]
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compared = self.compared();
        writeln!(f, "{}\n| | |\n|---|---|", self.table())?;
        for (name, value) in self.traffic(&compared).into_iter().chain(self.cost()) {
            writeln!(f, "| {name} | {value} |")?;
        }
        writeln!(f)?;
        let goals = self.goals(&compared);
        for Goal(words, is_met) in &goals {
            let word = if *is_met { "met" } else { "MISSED" };
            writeln!(f, "{word}: {words}")?;
        }
        if goals.iter().all(|Goal(_, is_met)| *is_met) {
            return Ok(());
        }
        writeln!(f, "the last agent said:\n{}", self.last_words)
    }
}
