//! Options of a benchmark.

/// Options of every benchmark.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Print one JSON object per row instead of a table.
    pub json: bool,
    /// Run a tenth of the rounds: a test that the benchmark works, without valid figures.
    pub quick: bool,
}

impl Options {
    /// Parses arguments.
    ///
    /// # Errors
    /// The first unknown argument.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--json" => options.json = true,
                "--quick" => options.quick = true,
                // Cargo adds this argument.
                "--bench" => {}
                _ => return Err(argument),
            }
        }
        Ok(options)
    }

    /// Returns `usual`, or a tenth of it.
    #[must_use]
    pub fn scaled(self, usual: u32) -> u32 {
        if self.quick {
            usual.div_ceil(10)
        } else {
            usual
        }
    }
}
