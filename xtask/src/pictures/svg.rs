//! Parts of SVG documents.

/// Width of a character of a monospaced font, in hundredths of its height; the text is stretched to it.
pub(super) const CELL: (usize, usize) = (8, 17);

const FONT: &str = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:13px";

/// A document of so many columns and rows, with a margin of one cell.
pub(super) fn document(columns: usize, rows: usize, style: &str, body: &str) -> String {
    let (width, height) = ((columns + 2) * CELL.0, (rows + 1) * CELL.1);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <style>text{{{FONT};white-space:pre}}{style}</style>\n\
         <rect class=\"b\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n{body}</svg>\n"
    )
}

/// A text that begins in a cell, as wide as its characters.
pub(super) fn text(column: usize, row: usize, class: &str, text: &str) -> String {
    let (x, y) = (x(column), y(row) + 4);
    let length = text.chars().count() * CELL.0;
    let class = if class.is_empty() {
        String::new()
    } else {
        format!(" class=\"{class}\"")
    };
    format!(
        "<text x=\"{x}\" y=\"{y}\"{class} textLength=\"{length}\">{}</text>\n",
        escaped(text)
    )
}

/// Text elements of a line. Words with several blanks between them are elements of their own, because not all programs keep blanks.
pub(super) fn words(column: usize, row: usize, class: &str, line: &str) -> String {
    let mut elements = String::new();
    let characters: Vec<char> = line.chars().collect();
    let mut at = 0;
    while at < characters.len() {
        if characters[at] == ' ' {
            at += 1;
            continue;
        }
        let rest = &characters[at..];
        let end = rest.windows(2).position(|pair| pair == [' ', ' ']);
        let word: String = rest[..end.unwrap_or(rest.len())].iter().collect();
        let word = word.trim_end();
        elements += &text(column + at, row, class, word);
        at += word.chars().count();
    }
    elements
}

/// Left edge of a column.
pub(super) fn x(column: usize) -> usize {
    (column + 1) * CELL.0
}

/// Middle of a row.
pub(super) fn y(row: usize) -> usize {
    (row + 1) * CELL.1
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
