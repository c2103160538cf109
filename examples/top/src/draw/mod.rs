//! Draws the frame into any buffer, at any size.

pub(crate) mod amount;
mod details;
mod flows;
mod foot;
mod groups;
mod head;
mod help;
pub(crate) mod look;
mod notices;
mod wrap;

use mermin_core::Stats;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use self::look::Look;
use crate::{
    model::{Model, Row, groups::Group},
    state::{State, Tab},
};

/// State of the source, as the screen shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// Interfaces, or the file.
    pub(crate) source: String,
    pub(crate) stats: Stats,
    /// One per line.
    pub(crate) degradations: Vec<String>,
    /// The available lists.
    pub(crate) tabs: &'static [Tab],
    /// For a capture: the position and the speed.
    pub(crate) playback: Option<String>,
    /// The error that ended the source.
    pub(crate) failure: Option<String>,
}

/// Everything that is shown.
pub(crate) struct View<'a> {
    pub(crate) state: &'a State,
    pub(crate) model: &'a Model,
    pub(crate) status: &'a Status,
    /// The first flows that the filter admits, and the number of all that it admits.
    pub(crate) flows: &'a [&'a Row],
    pub(crate) wanted: usize,
    /// Groups of the tab.
    pub(crate) groups: &'a [&'a Group],
    pub(crate) look: Look,
}

/// An area with lines to write to.
pub(crate) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
}

impl Canvas<'_> {
    pub(crate) fn width(&self) -> usize {
        self.area.width.into()
    }

    pub(crate) fn height(&self) -> usize {
        self.area.height.into()
    }

    /// Writes at a position. Text that does not fit is omitted.
    pub(crate) fn put(&mut self, line: usize, column: usize, text: &str, style: Style) {
        let (Ok(x), Ok(y)) = (u16::try_from(column), u16::try_from(line)) else {
            return;
        };
        if x < self.area.width && y < self.area.height {
            let left = usize::from(self.area.width - x);
            let (x, y) = (self.area.x + x, self.area.y + y);
            self.buffer.set_stringn(x, y, text, left, style);
        }
    }

    /// Sets the style of a whole line.
    pub(crate) fn shade(&mut self, line: usize, style: Style) {
        if let Ok(y) = u16::try_from(line)
            && y < self.area.height
        {
            let line = Rect {
                y: self.area.y + y,
                height: 1,
                ..self.area
            };
            self.buffer.set_style(line, style);
        }
    }
}

/// Lines above the list.
const HEAD: usize = 2;

/// Returns the lines of the list on a screen of this height.
fn list_height(height: usize, status: &Status) -> usize {
    height.saturating_sub(HEAD + foot::height(status))
}

/// Returns the largest scroll position of the notices, on a screen of this width and height.
pub(crate) fn last_scroll_of_notices((width, height): (usize, usize), status: &Status) -> usize {
    notices::last_scroll(status, width, list_height(height, status))
}

/// Returns the largest scroll position of this flow's details, on a screen of this width and height.
pub(crate) fn last_scroll_of_details(
    (width, height): (usize, usize),
    status: &Status,
    row: &Row,
) -> usize {
    details::last_scroll(row, width, list_height(height, status))
}

/// Draws everything. If there is not enough room, the list shrinks first.
pub(crate) fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let area = buffer.area;
    let mut canvas = Canvas { buffer, area };
    let height = canvas.height();
    head::draw(&mut canvas, view);
    foot::draw(
        &mut canvas,
        height.saturating_sub(foot::height(view.status)),
        view,
    );
    let list = Rect {
        y: area.y + u16::try_from(HEAD).unwrap_or(0),
        height: u16::try_from(list_height(height, view.status)).unwrap_or(0),
        ..area
    };
    let mut list = Canvas {
        buffer: canvas.buffer,
        area: list.intersection(area),
    };
    if view.state.is_helping {
        help::draw(&mut list);
    } else if let Some(scroll) = view.state.notices {
        notices::draw(&mut list, view, scroll);
    } else if let Some(chosen) = view.state.details {
        details::draw(&mut list, view, chosen);
    } else if view.state.tab == Tab::Flows {
        flows::draw(&mut list, view);
    } else {
        groups::draw(&mut list, view);
    }
}

/// Returns the first visible row of a list, so that the cursor is visible.
fn first_shown(cursor: usize, lines: usize) -> usize {
    cursor.checked_div(lines).unwrap_or(0) * lines
}

#[cfg(test)]
mod tests;
