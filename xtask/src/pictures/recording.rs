//! A terminal while a command runs in it: recorded by tmux, played by the stylesheet of an SVG.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, process, thread, time::Duration};

use anyhow::{Context, Result, ensure};

use super::{
    sgr::{Run, runs},
    svg,
};
use crate::shell;

/// Size of the terminal.
const COLUMNS: usize = 104;
const ROWS: usize = 20;
/// Pictures per second.
const RATE: u64 = 2;
/// Pictures for which the last one stays.
const STAYS: usize = 8;

const STYLE: &str = ".b{fill:#0d1117}text{fill:#e6edf3}.o{font-weight:bold}.f{fill:#8b949e}.r{fill:#ff7b72}.g{fill:#7ee787}\
.y{fill:#e3b341}.l{fill:#79c0ff}.m{fill:#d2a8ff}.c{fill:#76e3ea}.i{fill:#0d1117}rect.i{fill:#e6edf3}";

/// Lines of the terminal at one moment.
type Frame = Vec<Vec<Run>>;

/// Runs a command, typed at a prompt, for so many seconds. With a scene, the shell is in a new network namespace, and reads that file first.
///
/// # Errors
/// Those of tmux.
pub(super) fn record(command: &str, seconds: u64, scene: Option<&Path>) -> Result<Vec<Frame>> {
    let session = format!("record-{}", process::id());
    let tmux = |arguments: &[&str]| {
        let mut tmux = shell::command(&format!("tmux -L {session}"))?;
        shell::read(tmux.args(arguments)).context("cannot record without tmux: `apt install tmux`")
    };
    let (columns, rows) = (COLUMNS.to_string(), ROWS.to_string());
    let prompt = match scene {
        None => "env PS1='$ ' bash --norc".to_owned(),
        Some(scene) => format!("unshare --net bash --rcfile '{}'", scene.display()),
    };
    tmux(&[
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        "-x",
        &columns,
        "-y",
        &rows,
        &prompt,
    ])?;
    tmux(&["set", "-g", "status", "off"])?;
    tmux(&["send-keys", "-l", command])?;
    let mut frames = Vec::new();
    for frame in 0..seconds * RATE {
        if frame == RATE {
            tmux(&["send-keys", "Enter"])?;
        }
        thread::sleep(Duration::from_millis(1000 / RATE));
        let shown = tmux(&["capture-pane", "-p", "-e"])?;
        frames.push(shown.lines().map(runs).collect());
    }
    tmux(&["kill-server"])?;
    ensure!(!frames.is_empty(), "cannot make a picture of 0 seconds");
    Ok(frames)
}

/// A run of characters in a row, and the pictures that it is in: from the first one up to the second.
type Shown<'a> = BTreeMap<(usize, usize), Vec<(usize, &'a Run)>>;

/// The animation, in an endless loop.
pub(super) fn svg(frames: &[Frame]) -> String {
    let count = frames.len() + STAYS;
    let mut style = STYLE.to_owned();
    let mut body = String::new();
    for ((from, to), shown) in intervals(frames) {
        let is_always = from == 0 && to == frames.len();
        let class = format!("t{from}_{to}");
        if !is_always {
            let _ = write!(
                style,
                "{}",
                keyframes(&class, from, to, frames.len(), count)
            );
        }
        let _ = writeln!(body, "<g class=\"{class}\">");
        for (row, run) in shown {
            if run.class.split(' ').any(|it| it == "i") {
                let width = run.text.chars().count() * svg::CELL.0;
                let (x, y) = (svg::x(run.column), svg::y(row) - 9);
                let _ = writeln!(
                    body,
                    "<rect class=\"i\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"17\"/>"
                );
            }
            body += &svg::words(run.column, row, &run.class, &run.text);
        }
        body += "</g>\n";
    }
    svg::document(COLUMNS, ROWS, &style, &body)
}

/// Visible in some of the pictures, and in the last one for as long as it stays.
fn keyframes(class: &str, from: usize, to: usize, frames: usize, count: usize) -> String {
    let percent = |frame: usize| {
        let hundredths = frame * 10_000 / count;
        format!("{}.{:02}%", hundredths / 100, hundredths % 100)
    };
    let took = count as u64 * 1000 / RATE;
    let hide = |at: String| format!("{at}{{visibility:hidden}}");
    let mut steps = String::new();
    if from > 0 {
        steps += &hide("0%".to_owned());
    }
    let _ = write!(steps, "{}{{visibility:visible}}", percent(from));
    if to < frames {
        steps += &hide(percent(to));
    }
    format!("@keyframes {class}{{{steps}}}.{class}{{animation:{class} {took}ms step-end infinite}}")
}

fn intervals(frames: &[Frame]) -> Shown<'_> {
    let mut shown = Shown::new();
    for row in 0..ROWS {
        let mut from = 0;
        for frame in 1..=frames.len() {
            let line = |frame: usize| frames.get(frame).map(|it: &Frame| it.get(row));
            if line(frame) == line(from) {
                continue;
            }
            let runs = frames[from].get(row).into_iter().flatten();
            shown
                .entry((from, frame))
                .or_default()
                .extend(runs.map(|run| (row, run)));
            from = frame;
        }
    }
    shown.retain(|_, runs| !runs.is_empty());
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_line_is_recorded_once() {
        let frames: Vec<Frame> = [["a", "b"], ["a", "c"], ["a", "c"]]
            .map(|lines| lines.map(runs).to_vec())
            .to_vec();
        let shown = intervals(&frames);
        let texts: Vec<_> = shown
            .iter()
            .map(|(interval, runs)| (*interval, &*runs[0].1.text))
            .collect();
        assert_eq!(texts, [((0, 1), "b"), ((0, 3), "a"), ((1, 3), "c")]);
        let drawn = svg(&frames);
        assert!(
            drawn.contains("@keyframes t0_1{0.00%{visibility:visible}9.09%{visibility:hidden}}"),
            "{drawn}"
        );
        assert!(!drawn.contains("@keyframes t0_3"), "{drawn}");
    }
}
