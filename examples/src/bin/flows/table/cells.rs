//! Texts of the columns of one line.

use std::fmt::Write as _;

use mermin_core::{
    Flow,
    flow::{EndReason, Protocol, Uniflow},
};

use mermin_program::visible;

use super::{
    layout::{AMOUNT, ARROW, DURATION, INTERFACE, Layout, Optional, PROTOCOL, REASON, STATE, TIME},
    units::{amount, clock, cut, duration, shortened},
};

/// The text of each column of one line.
pub(super) struct Cells {
    time: String,
    protocol: String,
    source: String,
    arrow: &'static str,
    destination: String,
    sent: [String; 2],
    received: [String; 2],
    duration: String,
    state: String,
    reason: String,
    interface: String,
}

/// Formats the interface, and how many others saw the conversation.
fn interface(flow: &Flow) -> String {
    let name = visible(&flow.interface.name);
    match flow.observation_points.len() {
        0 | 1 => name.into_owned(),
        all => format!("{name} +{}", all - 1),
    }
}

impl Cells {
    pub(super) fn header(endpoint: usize) -> Self {
        let amounts = |packets: &str, bytes: &str| [packets.to_owned(), bytes.to_owned()];
        Self {
            time: "UTC TIME".to_owned(),
            protocol: "PROTO".to_owned(),
            source: shortened("SOURCE", endpoint),
            arrow: "→",
            destination: shortened("DESTINATION", endpoint),
            sent: amounts("PKTS→", "BYTES→"),
            received: amounts("←PKTS", "←BYTES"),
            duration: "LASTED".to_owned(),
            state: "STATE".to_owned(),
            reason: "RECORD".to_owned(),
            interface: "INTERFACE".to_owned(),
        }
    }

    pub(super) fn of(flow: &Flow, layout: Layout) -> Self {
        let endpoint = layout.endpoint;
        // Without room for both columns, a flow without a state shows the reason there.
        let stateless = if layout.shows(Optional::Reason) {
            ""
        } else {
            reason(flow.end_reason)
        };
        // Totals since the flow began, like its duration. A record without new packets does not repeat them.
        let amounts = |way: &Uniflow| {
            [way.packets, way.octets].map(|count| {
                if flow.has_packets() {
                    amount(count.total)
                } else {
                    "=".to_owned()
                }
            })
        };
        Self {
            time: clock(flow.end),
            protocol: match flow.protocol {
                Protocol::ICMPV6 => "icmp6".to_owned(),
                other => cut(&other.to_string(), PROTOCOL),
            },
            source: shortened(&flow.source.to_string(), endpoint),
            arrow: "→",
            destination: shortened(&flow.destination.to_string(), endpoint),
            sent: amounts(&flow.forward),
            received: amounts(&flow.reverse),
            duration: duration(flow.duration().as_secs_f64()),
            state: cut(state(flow).unwrap_or(stateless), STATE),
            reason: reason(flow.end_reason).to_owned(),
            interface: cut(&interface(flow), INTERFACE),
        }
    }

    pub(super) fn line(&self, layout: Layout) -> String {
        let mut line = String::with_capacity(128);
        let mut left = |there: bool, text: &str, width: usize| {
            if there {
                // Writing to a string cannot fail.
                let _ = write!(line, "{text:<width$} ");
            }
        };
        left(layout.shows(Optional::Time), &self.time, TIME);
        left(true, &self.protocol, PROTOCOL);
        left(true, &self.source, layout.endpoint);
        left(true, self.arrow, ARROW);
        left(true, &self.destination, layout.endpoint);
        for [packets, bytes] in [&self.sent, &self.received] {
            left(
                layout.shows(Optional::Packets),
                &format!("{packets:>AMOUNT$}"),
                AMOUNT,
            );
            left(true, &format!("{bytes:>AMOUNT$}"), AMOUNT);
        }
        left(
            layout.shows(Optional::Duration),
            &format!("{:>DURATION$}", self.duration),
            DURATION,
        );
        left(true, &self.state, STATE);
        left(layout.shows(Optional::Reason), &self.reason, REASON);
        left(
            layout.shows(Optional::Interface),
            &self.interface,
            INTERFACE,
        );
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// Returns a TCP state, or the type of an ICMP flow.
fn state(flow: &Flow) -> Option<&'static str> {
    if let Some(tcp) = &flow.tcp {
        return Some(tcp.state.as_str());
    }
    let message = flow.forward.icmp.or(flow.reverse.icmp)?;
    message.kind_name(flow.protocol)
}

/// Returns the reason for the record in one word.
const fn reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::ActiveTimeout => "active",
        EndReason::IdleTimeout => "idle",
        EndReason::EndOfFlow => "ended",
        EndReason::ForcedEnd => "forced",
        EndReason::LackOfResources => "resources",
        _ => "other",
    }
}
