//! Draws the lines above the list: source and sums, tabs, order and filter.

use super::{
    Canvas, View,
    amount::{amount, exact, sign},
};

pub(super) fn draw(canvas: &mut Canvas<'_>, view: &View<'_>) {
    let (look, state) = (view.look, view.state);
    let total = &view.model.total;
    let sign = sign(total.is_estimate);
    let sums = format!(
        "{} flows  {sign}{}B/s  {sign}{}p/s",
        exact(view.status.stats.flows_open),
        amount(total.rate),
        amount(total.packet_rate),
    );
    let mut title = format!("top  {}", view.status.source);
    if let Some(playback) = &view.status.playback {
        title += "  ";
        title += playback;
    }
    if state.is_held {
        title += "  held";
    } else if view.model.is_over {
        title += "  ended";
    }
    canvas.put(0, 0, &title, look.title());
    let column = canvas.width().saturating_sub(sums.len());
    canvas.put(0, column.saturating_sub(1), " ", look.title());
    canvas.put(0, column, &sums, look.title());
    let mut column = 0;
    for tab in view.status.tabs {
        let name = format!(" {} ", tab.name());
        let style = if *tab == state.tab {
            look.chosen()
        } else {
            look.faint()
        };
        canvas.put(1, column, &name, style);
        column += name.len() + 1;
    }
    let inverse = if state.is_inverse {
        ", the least first"
    } else {
        ""
    };
    let order = format!("by {}{inverse}", state.sort.name());
    canvas.put(1, column, &order, look.faint());
    column += order.len() + 2;
    if !state.filter.is_empty() && !state.is_typing {
        let filter = format!("/{}  {} flows", state.filter, exact(view.wanted as u64));
        canvas.put(1, column, &filter, look.warning());
    }
}
