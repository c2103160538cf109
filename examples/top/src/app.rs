//! From the first picture to the last.

use std::{
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    arguments::Options,
    draw::{Status, View, draw, look::Look},
    keys::{Action, Around, press},
    model::{
        Model, Row,
        groups::Group,
        rank::{rank, rank_groups},
    },
    source::Feed,
    state::{State, Tab},
    stop,
    terminal::Screen,
};
use mermin_core::{FlowSourceBuilder, Pace};
use mermin_program::Result;
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::Buffer,
    crossterm::{
        event::{self, Event, KeyEventKind},
        terminal,
    },
};

/// How soon a signal is noticed.
const TICK: Duration = Duration::from_millis(50);
/// The first picture comes sooner than the others.
const FIRST: Duration = Duration::from_millis(200);

/// All of it.
struct App {
    feed: Feed,
    model: Model,
    state: State,
    status: Status,
    look: Look,
    /// Opens the capture again.
    again: FlowSourceBuilder,
    delay: Duration,
    /// When the model was brought up to date.
    updated: Instant,
    frames: u64,
    most_frames: u64,
    stop: Arc<AtomicBool>,
}

/// Shows flows until a key or a signal ends it.
///
/// # Errors
/// Those of opening the source, of the terminal, and of catching signals.
pub(crate) fn run(options: &Options, is_plain: bool, look: Look) -> Result<()> {
    let stop = stop::on_signal()?;
    let mut builder = options.source.builder("top")?;
    if options.source.pcap.is_some() {
        builder = builder.pace(&Pace::new(options.speed));
    } else if options.process {
        builder = builder.process(true);
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
        state,
        look,
        again,
        delay: options.delay,
        updated: Instant::now(),
        frames: 0,
        most_frames: options.frames.unwrap_or(u64::MAX),
        stop,
    };
    if is_plain { app.print() } else { app.show() }
}

impl App {
    /// Draws on the terminal, and obeys keys.
    fn show(&mut self) -> Result<()> {
        let mut screen = Screen::take()?;
        while self.goes_on() {
            self.update_when_due();
            screen
                .terminal
                .draw(|frame| self.draw(frame.buffer_mut()))?;
            let due = self.due();
            loop {
                let left = due.saturating_duration_since(Instant::now());
                if left.is_zero() || self.stop.load(Ordering::Relaxed) {
                    break;
                }
                if !event::poll(left.min(TICK))? {
                    continue;
                }
                match event::read()? {
                    Event::Key(key) if key.kind != KeyEventKind::Release => {
                        let around = self.around();
                        let (state, action) = press(std::mem::take(&mut self.state), key, around);
                        self.state = state;
                        if action == Action::Quit {
                            return Ok(());
                        }
                        self.obey(action)?;
                        break;
                    }
                    Event::Resize(..) => break,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Prints pictures one below the other.
    fn print(&mut self) -> Result<()> {
        let (width, height) = terminal::size().unwrap_or((80, 24));
        let (width, height) = (width.clamp(40, 500), height.clamp(10, 200));
        let mut terminal = Terminal::new(TestBackend::new(width, height))?;
        while self.goes_on() {
            let left = self.due().saturating_duration_since(Instant::now());
            if !left.is_zero() {
                thread::sleep(left.min(TICK));
                continue;
            }
            self.update_when_due();
            terminal.draw(|frame| self.draw(frame.buffer_mut()))?;
            let text = plain(terminal.backend().buffer());
            // Nobody may be reading any more: `top --plain | head`.
            if let Err(error) = io::stdout().lock().write_all(text.as_bytes()) {
                return match error.kind() {
                    io::ErrorKind::BrokenPipe => Ok(()),
                    _ => Err(error.into()),
                };
            }
        }
        Ok(())
    }

    fn goes_on(&self) -> bool {
        self.frames < self.most_frames && !self.stop.load(Ordering::Relaxed)
    }

    /// When the model is to be brought up to date.
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
        if !self.state.is_held {
            let took = now.duration_since(self.updated);
            self.feed.update(&mut self.model, took);
        }
        self.status = self.feed.status();
        self.updated = now;
        self.frames += 1;
    }

    fn ranked(&self) -> (Vec<&Row>, usize) {
        let State {
            sort,
            is_inverse,
            query,
            ..
        } = &self.state;
        rank(self.model.rows(), *sort, *is_inverse, |row| {
            query.admits(&row.flow)
        })
    }

    fn groups(&self) -> Vec<&Group> {
        let State {
            sort, is_inverse, ..
        } = self.state;
        let groups = &self.model.groups;
        match self.state.tab {
            Tab::Flows => Vec::new(),
            Tab::Interfaces => rank_groups(groups.interfaces(), sort, is_inverse),
            Tab::Processes => rank_groups(groups.processes(), sort, is_inverse),
        }
    }

    fn draw(&self, buffer: &mut Buffer) {
        let (flows, wanted) = self.ranked();
        let view = View {
            state: &self.state,
            model: &self.model,
            status: &self.status,
            flows: &flows,
            wanted,
            groups: &self.groups(),
            look: self.look,
        };
        draw(buffer, &view);
    }

    fn around(&self) -> Around {
        let flows = self.ranked().0;
        Around {
            rows: match self.state.tab {
                Tab::Flows => flows.len(),
                _ => self.groups().len(),
            },
            chosen: flows.get(self.state.cursor).map(|row| row.flow.id),
            has_processes: self.status.has_processes,
            is_capture: self.feed.pace().is_some(),
        }
    }

    /// Does what a key asks for beside another state.
    fn obey(&mut self, action: Action) -> Result<()> {
        let Some(pace) = self.feed.pace().cloned() else {
            return Ok(());
        };
        let position = pace.position();
        match action {
            Action::Draw | Action::Quit => {}
            Action::Hold if self.state.is_held => pace.hold(),
            Action::Hold => pace.resume(),
            Action::Faster(times) => pace.set_speed((pace.speed() * times).clamp(0.125, 1e6)),
            Action::Forward(by) => {
                if let Some(position) = position {
                    pace.skip_to(position + by);
                }
            }
            Action::Back(by) => self.restart(&pace, position.and_then(|at| at.checked_sub(by)))?,
            Action::Restart => self.restart(&pace, None)?,
        }
        Ok(())
    }

    /// Reads the capture again, up to a moment as fast as it can be read.
    fn restart(&mut self, pace: &Pace, to: Option<std::time::SystemTime>) -> Result<()> {
        let anew = Pace::new(pace.speed());
        if let Some(to) = to {
            anew.skip_to(to);
        }
        self.feed = Feed::open(self.again.clone().pace(&anew))?;
        self.model = Model::default();
        self.state.details = None;
        self.state.is_held = false;
        self.updated = Instant::now();
        Ok(())
    }
}

/// The characters alone, with an empty line behind them.
fn plain(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let mut text = String::new();
    for line in buffer.content.chunks(width) {
        let line: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text.push('\n');
    text
}
