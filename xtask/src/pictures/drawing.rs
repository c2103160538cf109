//! A drawing in characters as SVG: boxes and arrows of `+ - | = . < > ^ v` become lines, the rest stays text.

use std::fmt::Write as _;

use super::svg::{self, CELL};

/// Light and dark, whichever the reader's browser asks for.
const STYLE: &str = ".b{fill:#fff}text{fill:#1f2328}path{stroke:#57606a;fill:none;stroke-width:1.3}\
.a{fill:#57606a;stroke:none}.d{stroke-dasharray:2 4}\
@media(prefers-color-scheme:dark){.b{fill:#0d1117}text{fill:#e6edf3}path{stroke:#8b949e}.a{fill:#8b949e;stroke:none}}";

/// Draws a text.
pub(super) fn svg(text: &str) -> String {
    let grid = Grid::of(text);
    let (mut lines, mut dotted, mut arrows, mut texts) =
        (String::new(), String::new(), String::new(), String::new());
    for row in 0..grid.rows.len() {
        let mut word = String::new();
        for column in 0..=grid.rows[row].len() {
            let stroke = grid.stroke(column, row);
            if stroke == Stroke::None && grid.at(column, row).is_some() {
                word.push(grid.at(column, row).unwrap_or(' '));
                continue;
            }
            texts += &svg::words(column - word.chars().count(), row, "", &word);
            word.clear();
            grid.draw(column, row, stroke, &mut lines, &mut dotted, &mut arrows);
        }
    }
    let body = format!(
        "<path d=\"{lines}\"/>\n<path class=\"d\" d=\"{dotted}\"/>\n<path class=\"a\" d=\"{arrows}\"/>\n{texts}"
    );
    let columns = grid.rows.iter().map(Vec::len).max().unwrap_or(0);
    svg::document(columns, grid.rows.len(), STYLE, &body)
}

/// A cell's part in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stroke {
    None,
    Horizontal,
    Double,
    Vertical,
    Dotted,
    Corner,
    Left,
    Right,
    Up,
    Down,
}

struct Grid {
    rows: Vec<Vec<char>>,
}

impl Grid {
    fn of(text: &str) -> Self {
        Self {
            rows: text.lines().map(|line| line.chars().collect()).collect(),
        }
    }

    fn at(&self, column: usize, row: usize) -> Option<char> {
        self.rows.get(row)?.get(column).copied()
    }

    /// The neighbours: left, right, above, below; a space beyond the edge.
    fn around(&self, column: usize, row: usize) -> [char; 4] {
        let at = |column: Option<usize>, row: Option<usize>| {
            let found = column
                .zip(row)
                .and_then(|(column, row)| self.at(column, row));
            found.unwrap_or(' ')
        };
        [
            at(column.checked_sub(1), Some(row)),
            at(Some(column + 1), Some(row)),
            at(Some(column), row.checked_sub(1)),
            at(Some(column), Some(row + 1)),
        ]
    }

    fn stroke(&self, column: usize, row: usize) -> Stroke {
        let Some(character) = self.at(column, row) else {
            return Stroke::None;
        };
        let [left, right, above, below] = self.around(column, row);
        let is_horizontal = |it| matches!(it, '-' | '+');
        let is_vertical = |it| matches!(it, '|' | '+');
        match character {
            '-' if [left, right]
                .iter()
                .any(|it| matches!(it, '-' | '+' | '<' | '>' | '|')) =>
            {
                Stroke::Horizontal
            }
            '=' if left == '=' || right == '=' || left == '.' => Stroke::Double,
            '|' => Stroke::Vertical,
            '.' if left == ' ' && right == ' ' => Stroke::Dotted,
            '+' if is_horizontal(left)
                || is_horizontal(right)
                || is_vertical(above)
                || is_vertical(below) =>
            {
                Stroke::Corner
            }
            '<' if right == '-' => Stroke::Left,
            '>' if left == '-' => Stroke::Right,
            '^' if is_vertical(below) || right == '-' || left == '-' => Stroke::Up,
            'v' if is_vertical(above) && !right.is_alphabetic() => Stroke::Down,
            _ => Stroke::None,
        }
    }

    fn draw(
        &self,
        column: usize,
        row: usize,
        stroke: Stroke,
        lines: &mut String,
        dotted: &mut String,
        arrows: &mut String,
    ) {
        let (width, height) = CELL;
        let (left, middle) = (svg::x(column), svg::y(row));
        let (center, top) = (left + width / 2, middle - height / 2);
        let _ = match stroke {
            Stroke::None => Ok(()),
            Stroke::Horizontal => write!(lines, "M{left} {middle}h{width}"),
            Stroke::Double => write!(lines, "M{left} {}h{width}m0 4h-{width}", middle - 2),
            Stroke::Vertical => {
                // A line that ends at a side of a box reaches it.
                let [_, _, above, below] = self.around(column, row);
                let from = if above == '-' { middle - height } else { top };
                let to = if below == '-' {
                    middle + height
                } else {
                    top + height
                };
                write!(lines, "M{center} {from}V{to}")
            }
            Stroke::Dotted => write!(dotted, "M{center} {top}v{height}"),
            Stroke::Corner => {
                let [to_left, to_right, above, below] = self.around(column, row);
                let half = width / 2;
                if matches!(to_left, '-' | '+') {
                    let _ = write!(lines, "M{center} {middle}h-{half}");
                }
                if matches!(to_right, '-' | '+') {
                    let _ = write!(lines, "M{center} {middle}h{half}");
                }
                if matches!(above, '|' | '+' | '^') {
                    let _ = write!(lines, "M{center} {middle}V{top}");
                }
                if matches!(below, '|' | '+' | 'v') {
                    let _ = write!(lines, "M{center} {middle}v{}", height - height / 2);
                }
                Ok(())
            }
            Stroke::Left => write!(arrows, "M{left} {middle}l8 -4v8z"),
            Stroke::Right => write!(arrows, "M{} {middle}l-8 -4v8z", left + width),
            Stroke::Up => write!(arrows, "M{center} {}l-4 9h8z", middle - 5),
            Stroke::Down => write!(arrows, "M{center} {}l-4 -9h8z", middle + 6),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strokes(text: &str) -> Vec<Stroke> {
        let grid = Grid::of(text);
        let last = grid.rows.len() - 1;
        (0..grid.rows[last].len())
            .map(|column| grid.stroke(column, last))
            .collect()
    }

    #[test]
    fn lines_are_told_from_text() {
        use Stroke::{Corner, Double, Down, Horizontal, Left, None, Right};
        assert_eq!(strokes("+->"), [Corner, Horizontal, Right]);
        assert_eq!(strokes("<--"), [Left, Horizontal, Horizontal]);
        assert_eq!(strokes("a-b"), [None, None, None]);
        assert_eq!(strokes("=="), [Double, Double]);
        assert_eq!(strokes("a = v"), [None; 5]);
        assert_eq!(strokes("|\nv"), [Down]);
        assert_eq!(strokes("|\nveth"), [None; 4]);
        assert_eq!(strokes("1.5"), [None; 3]);
    }

    #[test]
    fn text_keeps_its_place_and_is_escaped() {
        let drawn = svg("  a <b>   c");
        assert!(drawn.contains(">a &lt;b&gt;</text>"), "{drawn}");
        assert!(
            drawn.contains(&format!("<text x=\"{}\"", svg::x(10))),
            "{drawn}"
        );
    }
}
