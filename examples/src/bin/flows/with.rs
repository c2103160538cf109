//! More about each flow: `--with`.

use lexopt::Error;
use mermin_core::{FlowSourceBuilder, Join};

/// Names that `--with` knows, with what each may be set to.
const KNOWN: &str = "one of join, join=merged, all";

/// The facts that were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct With {
    join: Option<Join>,
}

impl With {
    /// Adds names between commas.
    ///
    /// # Errors
    /// A name that is not known.
    pub(crate) fn add(&mut self, names: &str) -> Result<(), Error> {
        for name in names.split(',').map(str::trim) {
            match name {
                "join" | "join=first_seen" => self.join = Some(Join::FirstSeen),
                "join=merged" | "all" => self.join = Some(Join::Merged),
                other => {
                    return Err(Error::ParsingFailed {
                        value: other.to_owned(),
                        error: format!("not {KNOWN}").into(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Puts it over what a file says.
    pub(crate) fn put(self, builder: FlowSourceBuilder) -> FlowSourceBuilder {
        match self.join {
            Some(join) => builder.join(join),
            None => builder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(names: &str) -> Result<With, Error> {
        let mut with = With::default();
        with.add(names).map(|()| with)
    }

    #[test]
    fn each_name_turns_something_on() {
        let join = |join| With { join: Some(join) };
        assert_eq!(with("join").unwrap(), join(Join::FirstSeen));
        assert_eq!(with("all").unwrap(), join(Join::Merged));
        assert_eq!(with("join, join=merged").unwrap(), join(Join::Merged));
        let error = with("join,names").unwrap_err().to_string();
        assert!(error.contains("names") && error.contains(KNOWN), "{error}");
    }
}
