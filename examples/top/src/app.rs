//! Runs the view, from the first frame to the last.

mod plain;
mod play;

use std::{
    error::Error,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    arguments::Options,
    draw::{Status, View, draw, last_scroll_of_details, last_scroll_of_notices, look::Look},
    keys::{Action, Around, press},
    lists::Lists,
    model::Model,
    source::{Feed, words},
    state::State,
    stop,
    terminal::{Screen, is_taken},
};
use mermin_core::{FlowSourceBuilder, Pace};
use mermin_program::Result;
use ratatui::{
    buffer::Buffer,
    crossterm::event::{self, Event, KeyEventKind},
};

/// Interval between two checks for a signal.
const TICK: Duration = Duration::from_millis(50);
/// Time until the first update of the model, unless the delay is shorter.
const FIRST: Duration = Duration::from_millis(200);

/// The program.
struct App {
    feed: Feed,
    model: Model,
    /// The frame on hold, while the model is still updated: a source waits if nobody takes its records.
    held: Option<Model>,
    state: State,
    status: Status,
    look: Look,
    /// Options to open the capture again.
    again: FlowSourceBuilder,
    /// The capture is a regular file. A pipe cannot be read twice.
    can_restart: bool,
    /// The error of opening it again.
    fault: Option<Box<dyn Error>>,
    delay: Duration,
    /// Time of the latest frame, which updates the model unless a capture is on hold.
    updated: Instant,
    /// Time of the latest update of the model. Rates cover the time since.
    counted: Instant,
    frames: u64,
    most_frames: Option<u64>,
    stop: Arc<AtomicBool>,
}

/// Shows flows until a key or a signal ends the program.
///
/// # Errors
/// Those of opening the source, of the terminal, and of installing signal handlers.
pub(crate) fn run(options: &Options, is_plain: bool, look: Look) -> Result<()> {
    let stop = stop::on_signal()?;
    let mut builder = options.source.builder("top")?;
    let is_capture = options.source.pcap.is_some();
    builder = options.with.put(builder, is_capture);
    if is_capture {
        builder = builder.pace(&Pace::new(options.speed));
    }
    let again = builder.clone();
    let feed = Feed::open(builder)?;
    let mut state = State::default();
    state.set_filter(options.filter.clone());
    if let Some(fault) = &state.fault {
        return Err(fault.clone().into());
    }
    let mut app = App {
        status: feed.status(),
        feed,
        model: Model::default(),
        held: None,
        state,
        look,
        again,
        can_restart: is_file(options.source.pcap.as_deref()),
        fault: None,
        delay: options.delay,
        updated: Instant::now(),
        counted: Instant::now(),
        frames: 0,
        most_frames: options.frames,
        stop,
    };
    if is_plain { app.print() } else { app.show() }?;
    match app.failure() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn is_file(path: Option<&Path>) -> bool {
    path.is_some_and(|path| fs::metadata(path).is_ok_and(|found| found.is_file()))
}

impl App {
    /// Draws on the terminal, and handles keys.
    fn show(&mut self) -> Result<()> {
        let mut screen = Screen::take()?;
        while self.goes_on() {
            self.update_when_due();
            if !is_taken() {
                return Err("cannot go on: a thread of `top` panicked".into());
            }
            screen
                .terminal
                .draw(|frame| self.draw(frame.buffer_mut()))?;
            let due = self.due();
            loop {
                self.feed.take_records(&mut self.model);
                let left = due.saturating_duration_since(Instant::now());
                if left.is_zero() || self.stop.load(Ordering::Relaxed) || !is_taken() {
                    break;
                }
                if !event::poll(left.min(TICK))? {
                    continue;
                }
                match event::read()? {
                    Event::Key(key) if key.kind != KeyEventKind::Release => {
                        let size = screen.terminal.size()?;
                        let around = self.around((size.width.into(), size.height.into()));
                        let (state, action) = press(std::mem::take(&mut self.state), key, around);
                        self.state = state;
                        if action == Action::Quit {
                            return Ok(());
                        }
                        self.obey(action);
                        break;
                    }
                    Event::Resize(..) => break,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn goes_on(&self) -> bool {
        self.most_frames.is_none_or(|most| self.frames < most) && !self.stop.load(Ordering::Relaxed)
    }

    /// Returns the time of the next update of the model.
    fn due(&self) -> Instant {
        let delay = if self.frames == 0 {
            FIRST.min(self.delay)
        } else {
            self.delay
        };
        self.updated + delay
    }

    fn update_when_due(&mut self) {
        let now = Instant::now();
        if now < self.due() {
            return;
        }
        // A capture on hold does not advance.
        if !self.state.is_held || self.feed.pace().is_none() {
            let took = now.duration_since(self.counted);
            self.feed.update(&mut self.model, took);
            self.counted = now;
        }
        self.read_status();
        self.updated = now;
        self.frames += 1;
    }

    fn read_status(&mut self) {
        self.status = self.feed.status();
        if let Some(fault) = &self.fault {
            self.status.failure = Some(words(&**fault));
        }
    }

    /// Returns the error that makes the exit status a failure.
    fn failure(&mut self) -> Option<Box<dyn Error>> {
        let fault = self.fault.take();
        fault.or_else(|| self.feed.failure().map(Into::into))
    }

    /// Returns the model of the frame.
    fn shown(&self) -> &Model {
        self.held.as_ref().unwrap_or(&self.model)
    }

    fn draw(&mut self, buffer: &mut Buffer) {
        let model = self.held.as_ref().unwrap_or(&self.model);
        let lists = Lists::of(model, &self.state);
        self.state.clamp(lists.rows(self.state.tab));
        let view = View {
            state: &self.state,
            model,
            status: &self.status,
            flows: &lists.flows,
            wanted: lists.wanted,
            groups: &lists.groups,
            look: self.look,
        };
        draw(buffer, &view);
    }

    /// Returns the facts for keys, for a screen of this width and height.
    fn around(&self, size: (usize, usize)) -> Around {
        let model = self.shown();
        let lists = Lists::of(model, &self.state);
        let details = self.state.details.and_then(|it| model.row(it.flow));
        let last_scroll = match (self.state.notices, details) {
            (None, None) => 0,
            (Some(_), _) => last_scroll_of_notices(size, &self.status),
            (None, Some(row)) => last_scroll_of_details(size, &self.status, row),
        };
        Around {
            rows: lists.rows(self.state.tab),
            chosen: lists.flows.get(self.state.cursor).map(|row| row.id),
            tabs: self.status.tabs,
            is_capture: self.feed.pace().is_some(),
            can_restart: self.can_restart,
            last_scroll,
        }
    }
}
