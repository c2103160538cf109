//! Colours and characters of the terminal.

use ratatui::style::{Color, Modifier, Style};

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_BARS: [&str; 8] = [".", ":", "-", "=", "+", "*", "%", "#"];

/// Features of the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Without colours: only bold, dim and reverse.
    pub(crate) is_plain: bool,
    pub(crate) is_ascii: bool,
}

#[expect(
    clippy::unused_self,
    reason = "styles are all asked of the look, whether it changes them or not"
)]
impl Look {
    /// Chooses by environment variables: `NO_COLOR` (no-color.org), and the locale's character set.
    pub(crate) fn by(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| set(name));
        let is_utf8 = locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        Self {
            is_plain: set("NO_COLOR").is_some(),
            is_ascii: !is_utf8,
        }
    }

    fn colour(self, colour: Color, plain: Modifier) -> Style {
        if self.is_plain {
            Style::new().add_modifier(plain)
        } else {
            Style::new().fg(colour)
        }
    }

    pub(crate) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(crate) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(crate) fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(crate) fn warning(self) -> Style {
        self.colour(Color::Yellow, Modifier::BOLD)
    }

    pub(crate) fn fault(self) -> Style {
        self.colour(Color::Red, Modifier::BOLD)
    }

    pub(crate) fn bars(self) -> Style {
        self.colour(Color::Cyan, Modifier::empty())
    }

    /// Formats the latest rates as bars. The highest rate has the full height.
    pub(crate) fn sparkline(self, rates: impl Iterator<Item = f32>, width: usize) -> String {
        let rates: Vec<f32> = rates.collect();
        let rates = &rates[rates.len().saturating_sub(width)..];
        let highest = rates.iter().copied().fold(0.0, f32::max);
        let bars = if self.is_ascii { ASCII_BARS } else { BARS };
        let bar = |&rate: &f32| {
            if rate <= 0.0 {
                return " ";
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 to 7"
            )]
            let height = (rate / highest * 7.0) as usize;
            bars[height.min(7)]
        };
        rates.iter().map(bar).collect()
    }

    /// Returns the mark for omitted characters.
    pub(crate) const fn gap(self) -> &'static str {
        if self.is_ascii { "~" } else { "…" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_selects_colours_and_characters() {
        let by = |pairs: &[(&str, &str)]| {
            Look::by(|name| {
                let found = pairs.iter().find(|pair| pair.0 == name);
                found.map(|pair| pair.1.to_owned())
            })
        };
        assert_eq!(by(&[]), Look::default());
        assert!(by(&[("NO_COLOR", "1")]).is_plain);
        assert!(!by(&[("NO_COLOR", "")]).is_plain);
        assert!(by(&[("LANG", "C")]).is_ascii);
        assert!(!by(&[("LC_ALL", "de_DE.UTF-8"), ("LANG", "C")]).is_ascii);
        let plain = by(&[("NO_COLOR", "1")]);
        for style in [plain.warning(), plain.fault(), plain.bars()] {
            assert_eq!(style.fg, None);
        }
    }

    #[test]
    fn bars_scale_to_the_maximum() {
        let look = Look::default();
        assert_eq!(look.sparkline([0.0, 1.0, 7.0, 3.5].into_iter(), 3), "▂█▄");
        let ascii = Look {
            is_ascii: true,
            ..look
        };
        assert_eq!(ascii.sparkline([0.0, 1.0, 7.0].into_iter(), 4), " :#");
        assert_eq!(look.sparkline([0.0; 2].into_iter(), 4), "  ");
    }
}
