//! Keys: their effect on the state, and further actions.

use std::time::Duration;

use mermin_core::flow::FlowId;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::{
    model::rank::Sort,
    state::{Details, State, Tab},
};

/// Rows that a page key moves.
const PAGE: usize = 10;
/// Time of a capture that an arrow key skips.
const SKIP: Duration = Duration::from_secs(10);

/// An action of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Action {
    /// Draw another frame.
    #[default]
    Draw,
    Quit,
    /// Continue or hold.
    Hold,
    /// Multiply the speed of the capture.
    Faster(f64),
    Forward(Duration),
    Back(Duration),
    /// Read the capture from its beginning.
    Restart,
}

/// Facts besides the state that decide the effect of a key.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Around {
    /// Rows of the list.
    pub(crate) rows: usize,
    /// The flow at the cursor.
    pub(crate) chosen: Option<FlowId>,
    /// The available lists.
    pub(crate) tabs: &'static [Tab],
    pub(crate) is_capture: bool,
    /// The capture can be read again.
    pub(crate) can_restart: bool,
    /// The largest scroll position of the details or the notices.
    pub(crate) last_scroll: usize,
}

/// Returns the state after a key.
pub(crate) fn press(mut state: State, key: KeyEvent, around: Around) -> (State, Action) {
    // The list may have become shorter since the latest key.
    clamp(&mut state, around);
    let had_notices = state.notices.is_some();
    let action = if key.modifiers.contains(KeyModifiers::CONTROL) {
        match key.code {
            KeyCode::Char('c' | 'd') => Action::Quit,
            _ => Action::Draw,
        }
    } else if state.is_typing {
        write(&mut state, key.code)
    } else if state.is_helping {
        state.is_helping = false;
        Action::Draw
    } else {
        command(&mut state, key.code, around)
    };
    // The largest scroll position is that of what was on the screen.
    if state.notices.is_some() == had_notices {
        clamp(&mut state, around);
    }
    (state, action)
}

fn clamp(state: &mut State, around: Around) {
    state.clamp(around.rows);
    if let Some(scroll) = &mut state.notices {
        *scroll = (*scroll).min(around.last_scroll);
    } else if let Some(details) = &mut state.details {
        details.scroll = details.scroll.min(around.last_scroll);
    }
}

/// Handles a key while the filter is edited.
fn write(state: &mut State, key: KeyCode) -> Action {
    let mut filter = state.filter.clone();
    match key {
        KeyCode::Char(character) => filter.push(character),
        KeyCode::Backspace => _ = filter.pop(),
        KeyCode::Esc => {
            filter.clear();
            state.is_typing = false;
        }
        KeyCode::Enter => state.is_typing = false,
        _ => return Action::Draw,
    }
    state.cursor = 0;
    state.set_filter(filter);
    Action::Draw
}

fn command(state: &mut State, key: KeyCode, around: Around) -> Action {
    match key {
        KeyCode::Char('q') => return Action::Quit,
        KeyCode::Esc | KeyCode::Enter if state.notices.is_some() => state.notices = None,
        KeyCode::Esc | KeyCode::Enter if state.details.is_some() => state.details = None,
        KeyCode::Esc => state.set_filter(String::new()),
        KeyCode::Enter => {
            let chosen = around.chosen.filter(|_| state.tab == Tab::Flows);
            state.details = chosen.map(|flow| Details { flow, scroll: 0 });
        }
        KeyCode::Char('?' | 'h') => state.is_helping = true,
        KeyCode::Char('!') => {
            state.notices = state.notices.is_none().then_some(0);
        }
        KeyCode::Char('/' | 'f') => {
            state.is_typing = true;
            state.notices = None;
            state.details = None;
        }
        KeyCode::Char('b') => sort(state, Sort::Octets),
        KeyCode::Char('p') => sort(state, Sort::Packets),
        KeyCode::Char('r') => sort(state, Sort::Rate),
        KeyCode::Char('t') => sort(state, Sort::PacketRate),
        KeyCode::Char('i') => state.is_inverse = !state.is_inverse,
        KeyCode::Tab | KeyCode::Char('l') => turn(state, around, 1),
        KeyCode::BackTab => turn(state, around, around.tabs.len().saturating_sub(1)),
        KeyCode::Char(' ') => {
            state.is_held = !state.is_held;
            return Action::Hold;
        }
        _ if around.is_capture => return play(state, key, around),
        _ => scroll(state, key),
    }
    Action::Draw
}

fn sort(state: &mut State, sort: Sort) {
    state.sort = sort;
    state.cursor = 0;
}

fn turn(state: &mut State, around: Around, by: usize) {
    let mut tabs = around.tabs.iter();
    let place = tabs.position(|&tab| tab == state.tab).unwrap_or(0);
    let next = around.tabs.iter().cycle().nth(place + by);
    state.tab = next.copied().unwrap_or_default();
    state.cursor = 0;
    state.notices = None;
    state.details = None;
}

/// Handles a key that controls a capture or moves the cursor.
fn play(state: &mut State, key: KeyCode, around: Around) -> Action {
    match key {
        KeyCode::Right => Action::Forward(SKIP),
        KeyCode::Left if around.can_restart => Action::Back(SKIP),
        KeyCode::Char('>') => Action::Forward(6 * SKIP),
        KeyCode::Char('<') if around.can_restart => Action::Back(6 * SKIP),
        KeyCode::Char('0') if around.can_restart => Action::Restart,
        KeyCode::Char('+' | '=') => Action::Faster(2.0),
        KeyCode::Char('-') => Action::Faster(0.5),
        _ => {
            scroll(state, key);
            Action::Draw
        }
    }
}

fn scroll(state: &mut State, key: KeyCode) {
    let place = match (&mut state.notices, &mut state.details) {
        (Some(scroll), _) => scroll,
        (None, Some(details)) => &mut details.scroll,
        (None, None) => &mut state.cursor,
    };
    *place = match key {
        KeyCode::Up | KeyCode::Char('k') => place.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => *place + 1,
        KeyCode::PageUp => place.saturating_sub(PAGE),
        KeyCode::PageDown => *place + PAGE,
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => usize::MAX / 2,
        _ => *place,
    };
}

#[cfg(test)]
mod tests;
