//! Prints frames in plain characters, for a pipe, a file or a simple terminal.

use std::{
    io::{self, Write as _},
    thread,
    time::Instant,
};

use mermin_program::Result;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, crossterm::terminal};

use super::{App, TICK};

impl App {
    /// Prints frames one below the other, up to the last one that differs.
    pub(super) fn print(&mut self) -> Result<()> {
        let (width, height) = terminal::size().unwrap_or((80, 24));
        let (width, height) = (width.clamp(40, 500), height.clamp(10, 200));
        let mut terminal = Terminal::new(TestBackend::new(width, height))?;
        while self.goes_on() {
            let left = self.due().saturating_duration_since(Instant::now());
            if !left.is_zero() {
                thread::sleep(left.min(TICK));
                self.feed.take_records(&mut self.model);
                continue;
            }
            self.update_when_due();
            terminal.draw(|frame| self.draw(frame.buffer_mut()))?;
            let text = plain(terminal.backend().buffer());
            // The reader may have closed the pipe: `top --plain | head`.
            if let Err(error) = io::stdout().lock().write_all(text.as_bytes()) {
                return match error.kind() {
                    io::ErrorKind::BrokenPipe => Ok(()),
                    _ => Err(error.into()),
                };
            }
            if self.most_frames.is_none() && self.model.is_over {
                break;
            }
        }
        Ok(())
    }
}

/// Returns the characters, followed by an empty line.
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
