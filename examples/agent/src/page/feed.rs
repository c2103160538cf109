//! Makes a frame a second while somebody looks.

use std::{
    convert::Infallible,
    time::{Duration, SystemTime},
};

use hyper::body::Bytes;
use mermin_core::Handle;
use tokio::{
    task::yield_now,
    time::{Instant, sleep},
};

use super::{
    facts::Facts,
    frame::{Frame, Time},
    model::Model,
    visits::Visits,
};
use crate::{
    pipeline::{Names, Purpose},
    state::State,
};

/// Time from one frame to the next, unless a frame takes long.
const PERIOD: Duration = Duration::from_secs(1);
/// A pause is at least this many times the time of the frame before it: a large table takes a tenth of a processor at most.
const IDLE: u32 = 9;
/// Longest silence of a connection.
const SILENCE: Duration = Duration::from_secs(15);

/// Works as long as the page is served. Costs nothing while nobody looks.
pub(super) async fn feed(state: &State, visits: &Visits, wants_drops: bool) -> Infallible {
    loop {
        visits.arrived().await;
        let (mut model, mut names) = (Model::default(), Names::default());
        let mut before = None;
        while visits.goes_on() {
            let began = Instant::now();
            let (snapshot, has_rates) = if let Some(source) = state.source() {
                names.follow(state.decoration());
                gather(source, &mut names, &mut model).await;
                model.end()
            } else {
                Default::default()
            };
            let facts = Facts::read(state, wants_drops);
            let interval = before.replace(began).map(|before| began - before);
            let time = Time {
                now: SystemTime::now(),
                interval: interval.filter(|_| has_rates),
                took: began.elapsed(),
            };
            visits.show(event(&Frame::new(&snapshot, &facts, time)));
            drop(snapshot);
            rest(began.elapsed(), visits).await;
        }
    }
}

/// Adds a snapshot of the open flows.
async fn gather(source: &Handle, names: &mut Names, model: &mut Model) {
    let mut open = source.open_flows();
    while let Some(page) = open.next_page().await {
        let mut flows = page.to_vec();
        names.decorate(&mut flows, Purpose::View);
        model.add(&flows);
        // Requests are answered in between.
        yield_now().await;
    }
}

/// Returns a frame as a server-sent event.
fn event(frame: &Frame) -> Bytes {
    // A structure of texts and numbers always has a JSON form, and JSON has no line breaks of its own.
    let text = serde_json::to_string(frame).unwrap_or_default();
    Bytes::from(format!("data: {text}\n\n"))
}

/// Waits until the next frame is due. Comments in between keep proxies from closing a silent connection.
async fn rest(took: Duration, visits: &Visits) {
    let mut pause = PERIOD.saturating_sub(took).max(took * IDLE);
    while pause > SILENCE {
        sleep(SILENCE).await;
        visits.send(&Bytes::from_static(b": waiting\n\n"));
        pause -= SILENCE;
    }
    sleep(pause).await;
}
