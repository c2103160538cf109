//! Rows of a benchmark that takes a whole program apart: for people, or as JSON for `cargo xtask figures`.

/// A measured figure, and its goal.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    name: &'static str,
    unit: &'static str,
    figure: f64,
    most: Option<f64>,
}

impl Row {
    /// Creates a row without a goal. The unit is the name of the column.
    #[must_use]
    pub fn new(name: &'static str, unit: &'static str, figure: f64) -> Self {
        Self {
            name,
            unit,
            figure,
            most: None,
        }
    }

    /// Adds the limit that the figure must be at most.
    #[must_use]
    pub fn at_most(mut self, most: f64) -> Self {
        self.most = Some(most);
        self
    }

    /// Formats it for people.
    #[must_use]
    pub fn line(&self) -> String {
        let Self {
            name, unit, figure, ..
        } = self;
        let goal = self.most.map_or(String::new(), |most| {
            let word = if *figure <= most { "met" } else { "MISSED" };
            format!(" ({word}: at most {most})")
        });
        format!("{name}: {figure:.1} {unit}{goal}")
    }

    /// Formats it as JSON in one line.
    #[must_use]
    pub fn json(&self) -> String {
        let Self {
            name, unit, figure, ..
        } = self;
        let goal = self.most.map_or(String::new(), |most| {
            format!(", \"target_met\": {}", *figure <= most)
        });
        format!("{{\"row\": \"{name}\", \"{unit}\": {figure:?}{goal}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_tells_if_its_goal_is_met() {
        let row = Row::new("frame", "ms", 12.25);
        assert_eq!(row.line(), "frame: 12.2 ms");
        assert_eq!(row.json(), r#"{"row": "frame", "ms": 12.25}"#);
        let met = row.at_most(12.25);
        assert_eq!(met.line(), "frame: 12.2 ms (met: at most 12.25)");
        assert_eq!(
            met.json(),
            r#"{"row": "frame", "ms": 12.25, "target_met": true}"#
        );
        let missed = row.at_most(12.0);
        assert_eq!(missed.line(), "frame: 12.2 ms (MISSED: at most 12)");
        assert!(missed.json().ends_with(r#""target_met": false}"#));
    }
}
