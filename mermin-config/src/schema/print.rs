//! Prints a configuration as HCL, with every key and its meaning.

use super::{HclValue, Info, Key, Shape, Style};

/// Columns of a line.
const WIDTH: usize = 100;

/// Prints the keys of a block.
pub(crate) fn print(info: &Info, fields: &[(&'static str, HclValue)]) -> String {
    let mut printer = Printer::default();
    printer.keys(info, fields);
    printer.text
}

#[derive(Default)]
struct Printer {
    text: String,
    /// The margin of each line: spaces, and `#` for an absent block.
    margin: String,
}

impl Printer {
    fn line(&mut self, line: &str) {
        let begun = self.text.len();
        self.text.push_str(&self.margin);
        self.text.push_str(line);
        // Removes trailing spaces.
        self.text.truncate(begun.max(self.text.trim_end().len()));
        self.text.push('\n');
    }

    fn comment(&mut self, comment: &str) {
        let mut line = "#".to_owned();
        for word in comment.split_whitespace() {
            if line.len() > 1
                && self.margin.len() + line.chars().count() + 1 + word.chars().count() > WIDTH
            {
                self.line(&line);
                "#".clone_into(&mut line);
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    fn within(&mut self, margin: &str, print: impl FnOnce(&mut Self)) {
        let length = self.margin.len();
        self.margin.push_str(margin);
        print(self);
        self.margin.truncate(length);
    }

    fn keys(&mut self, info: &Info, fields: &[(&'static str, HclValue)]) {
        for (key, (_, value)) in info.keys.iter().zip(fields) {
            match (&key.shape, key.shape.section()) {
                (Shape::Retired, _) => {}
                (_, Some(inner)) if inner.style != Style::Inline => {
                    self.space();
                    self.block(key.name, key, &inner, value);
                }
                _ => {
                    self.explain(key);
                    self.value(key, value);
                }
            }
        }
    }

    /// Adds an empty line, unless the block begins here.
    fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("{\n") {
            self.line("");
        }
    }

    /// Prints a block, or one for each label. An absent block is printed with its defaults as a comment.
    fn block(&mut self, head: &str, key: &Key, info: &Info, value: &HclValue) {
        let HclValue::Section(fields) = value else {
            let default = |key: &Key| (key.name, (key.default)());
            let default = HclValue::Section(info.keys.iter().map(default).collect());
            self.within("# ", |printer| printer.block(head, key, info, &default));
            return;
        };
        if info.style == Style::Labels {
            self.comment(info.about);
            for (key, (name, value)) in info.keys.iter().zip(fields) {
                if let Some(inner) = key.shape.section() {
                    self.space();
                    self.block(&format!("{head} \"{name}\""), key, &inner, value);
                }
            }
            return;
        }
        self.comment(key.meaning);
        self.line(&format!("{head} {{"));
        self.within("  ", |printer| printer.keys(info, fields));
        self.line("}");
    }

    fn explain(&mut self, key: &Key) {
        self.comment(&format!("{} ({})", key.meaning, key.shape.describe()));
        if let Shape::List(inner) = &key.shape
            && let Some(item) = inner.section()
        {
            for key in &item.keys {
                self.comment(&format!(
                    "- {}: {} ({})",
                    key.name,
                    key.meaning,
                    key.shape.describe()
                ));
            }
        }
    }

    fn value(&mut self, key: &Key, value: &HclValue) {
        let inline = format!("{} = {}", key.name, value.inline());
        match value {
            HclValue::List(items) if inline.chars().count() + self.margin.len() > WIDTH => {
                self.line(&format!("{} = [", key.name));
                self.within("  ", |printer| {
                    for item in items {
                        printer.line(&format!("{},", item.inline()));
                    }
                });
                self.line("]");
            }
            _ => self.line(&inline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    /// Returns the first words of a key's meaning, for one line.
    fn begins(meaning: &str) -> String {
        let words: Vec<&str> = meaning.split_whitespace().take(3).collect();
        format!("# {}", words.join(" "))
    }

    fn check(info: &Info, printed: &str) {
        for key in &info.keys {
            let section = key.shape.section().filter(|it| it.style != Style::Inline);
            let (meaning, head) = match &section {
                Some(block) if block.style == Style::Labels => (block.about, String::new()),
                Some(_) if info.style == Style::Labels => {
                    (key.meaning, format!(" \"{}\" {{\n", key.name))
                }
                Some(_) => (key.meaning, format!("{} {{\n", key.name)),
                None => (key.meaning, format!("{} = ", key.name)),
            };
            let there = !matches!(key.shape, Shape::Retired);
            assert_eq!(printed.contains(&head), there, "{head}");
            assert_eq!(printed.contains(&begins(meaning)), there, "{meaning}");
            if let Some(block) = section {
                check(&block, printed);
            }
        }
    }

    #[test]
    fn every_key_is_documented() {
        check(&Config::info(), &Config::default().to_hcl());
    }
}
