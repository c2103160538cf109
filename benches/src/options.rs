//! Options of a benchmark.

/// Options of every benchmark.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// One JSON object per row instead of a table.
    pub json: bool,
    /// A tenth of the rounds: shows that it works, not how fast.
    pub quick: bool,
}

impl Options {
    /// Reads arguments.
    ///
    /// # Errors
    /// The first argument that is not known.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--json" => options.json = true,
                "--quick" => options.quick = true,
                // Cargo adds this by itself.
                "--bench" => {}
                _ => return Err(argument),
            }
        }
        Ok(options)
    }

    /// `usual`, or a tenth of it.
    #[must_use]
    pub fn scaled(self, usual: u32) -> u32 {
        if self.quick {
            usual.div_ceil(10)
        } else {
            usual
        }
    }
}
