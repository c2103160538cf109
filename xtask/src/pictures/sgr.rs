//! Lines of a terminal with its attributes (ECMA-48, SGR), as `tmux capture-pane -e` prints them.

/// Text of one look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Run {
    pub(super) column: usize,
    pub(super) class: String,
    pub(super) text: String,
}

/// Names of the eight colours, as classes of the picture.
const COLOURS: [&str; 8] = ["k", "r", "g", "y", "l", "m", "c", "w"];

/// The runs of a line. Runs of blanks are left out, unless they are inverse.
pub(super) fn runs(line: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let (mut class, mut column) = (Vec::<String>::new(), 0);
    for (place, piece) in line.split("\x1b[").enumerate() {
        let text = match piece.split_once('m') {
            Some((codes, rest)) if place > 0 => {
                apply(codes, &mut class);
                rest
            }
            _ => piece,
        };
        let width = text.chars().count();
        let is_inverse = class.iter().any(|it| it == "i");
        if !text.trim().is_empty() || is_inverse && width > 0 {
            let before = text
                .chars()
                .take_while(|it| *it == ' ' && !is_inverse)
                .count();
            runs.push(Run {
                column: column + before,
                class: class.join(" "),
                text: if is_inverse { text } else { text.trim() }.to_owned(),
            });
        }
        column += width;
    }
    runs
}

fn apply(codes: &str, class: &mut Vec<String>) {
    for code in codes.split(';') {
        let code: usize = code.parse().unwrap_or(0);
        match code {
            0 => class.clear(),
            1 => class.push("o".to_owned()),
            2 => class.push("f".to_owned()),
            7 => class.push("i".to_owned()),
            22 => class.retain(|it| it != "o" && it != "f"),
            27 => class.retain(|it| it != "i"),
            30..=37 | 39 | 90..=97 => {
                class.retain(|it| !COLOURS.contains(&it.as_str()));
                if code != 39 {
                    class.push(COLOURS[code % 10].to_owned());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_have_a_place_and_a_look() {
        let run = |column, class: &str, text: &str| Run {
            column,
            class: class.to_owned(),
            text: text.to_owned(),
        };
        assert_eq!(runs("  plain "), [run(2, "", "plain")]);
        assert_eq!(
            runs("a\x1b[1m\x1b[32mb\x1b[0m c\x1b[7m \x1b[27m"),
            [
                run(0, "", "a"),
                run(1, "o g", "b"),
                run(3, "", "c"),
                run(4, "i", " ")
            ]
        );
        assert_eq!(runs(""), []);
    }
}
