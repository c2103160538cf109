//! `json:PATH`.

use std::path::PathBuf;

use mermin_core::sink::threaded;

use super::{Kind, Started, Target, json_file::JsonFile};

pub(super) const KIND: Kind = Kind {
    schemes: &["json"],
    usage: &[("json:PATH", "JSON, one object per line, into a file")],
    parse: |text| {
        let path = PathBuf::from(text.strip_prefix("json:").unwrap_or_default());
        if path.as_os_str().is_empty() {
            return Err("cannot export to `json:`: name the file: `json:flows.json`".into());
        }
        Ok(Target::new(text, move || {
            Ok(Started::new(threaded("mermin-json", JsonFile::new(path))?))
        }))
    },
};
