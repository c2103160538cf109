//! Writes JSON lines to a file. Lines are complete, even on a full disk and after a process was killed.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    path::PathBuf,
};

use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink, JsonBuffer},
};
use mermin_program::Appended;

/// Appends lines. Its calls block, so it needs a thread of its own.
pub(crate) struct JsonFile {
    file: Appended,
    lines: JsonBuffer,
}

impl JsonFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            file: Appended::new(path).whole(end_of_lines),
            lines: JsonBuffer::default(),
        }
    }
}

/// Octets that are searched for the end of the last line. A record has a few thousand.
const LONGEST_LINE: usize = 1 << 20;

/// Each record begins so.
const FIRST_KEY: &[u8] = b"{\"flow.id\":";

/// Returns the end of the last complete line. A killed process leaves the beginning of a record behind it. A complete record gets the line
/// feed that it lacks. Anything else belongs to somebody, and is not removed.
fn end_of_lines(mut file: &File, length: u64) -> io::Result<u64> {
    let start = length.saturating_sub(LONGEST_LINE as u64);
    let mut last = vec![0; usize::try_from(length - start).unwrap_or(LONGEST_LINE)];
    file.read_exact_at(&mut last, start)?;
    let line = last.iter().rposition(|octet| *octet == b'\n');
    let whole = line.map_or(0, |place| place + 1);
    let rest = last.get(whole..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(length);
    }
    let is_record = rest.starts_with(FIRST_KEY) || FIRST_KEY.starts_with(rest);
    if !is_record || (line.is_none() && start != 0) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its last line is not of a record; move the file away",
        ));
    }
    if serde_json::from_slice::<serde_json::Value>(rest).is_ok() {
        file.write_all(b"\n")?;
        return Ok(length + 1);
    }
    Ok(start + whole as u64)
}

impl FlowSink for JsonFile {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.lines.clear();
        for flow in flows {
            self.lines.push(flow);
        }
        self.file.open()?;
        Ok(self.file.append(self.lines.as_bytes())?)
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        Ok(self.file.close()?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use futures::executor::block_on;
    use mermin_core::sink::{
        Retry, Threaded, retry,
        testing::{self, flows},
        threaded,
    };
    use mermin_testing::{Folder, id, id_of, soon, trouble};
    use serde_json::Value;

    use super::*;

    /// A file in a folder that may be away.
    struct Receiver(Folder);

    impl testing::Receiver for Receiver {
        type Sink = Retry<Threaded>;
        type Key = String;

        fn key(flow: &Flow) -> String {
            id(flow)
        }

        fn sink(&mut self) -> Self::Sink {
            let file = JsonFile::new(self.0.file("flows.json"));
            retry(threaded("mermin-json", file).unwrap(), soon())
        }

        fn received(&mut self) -> Vec<String> {
            let read = fs::read_to_string(self.0.file("flows.json")).unwrap_or_default();
            let key = |line: &str| id_of(&serde_json::from_str(line).unwrap());
            read.lines().map(key).collect()
        }

        /// Something else takes the folder's place.
        fn stop(&mut self) -> bool {
            self.0.leave();
            true
        }

        fn start(&mut self) {
            self.0.restore();
        }
    }

    #[test]
    fn sink_contract_holds() {
        trouble::sink_contract_holds(|| Receiver(Folder::new("json-contract")), 5);
    }

    fn export(path: &std::path::Path, flows: &[Flow]) -> Result<(), BoxError> {
        block_on(JsonFile::new(path.to_owned()).export(flows))
    }

    #[test]
    fn lines_of_a_killed_process_end_before_the_torn_one() {
        let folder = Folder::new("torn");
        let path = folder.file("flows.json");
        let flows = flows(4);
        let (first, second) = flows.split_at(2);
        export(&path, first).unwrap();
        let before = fs::read(&path).unwrap();
        for torn in (1..before.len()).step_by(61) {
            fs::write(&path, &before[..torn]).unwrap();
            export(&path, second).unwrap();
            let read = fs::read_to_string(&path).unwrap();
            let whole = before[..torn]
                .split_inclusive(|it| *it == b'\n')
                .filter(|line| line.ends_with(b"\n"))
                .count();
            let ids: Vec<_> = read
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()["flow.id"].clone())
                .collect();
            let expected = first[..whole].iter().chain(second);
            let expected: Vec<_> = expected.map(|flow| flow.id.to_string()).collect();
            assert_eq!(ids, expected, "{torn}");
        }
    }

    #[test]
    fn complete_record_without_line_feed_is_kept() {
        let folder = Folder::new("complete");
        let path = folder.file("flows.json");
        let flows = flows(3);
        for count in [1, 2] {
            let (first, second) = flows.split_at(count);
            let _ = fs::remove_file(&path);
            export(&path, first).unwrap();
            let before = fs::read(&path).unwrap();
            fs::write(&path, &before[..before.len() - 1]).unwrap();
            export(&path, second).unwrap();
            let read = fs::read(&path).unwrap();
            assert!(read.starts_with(&before));
            assert_eq!(read.split_inclusive(|it| *it == b'\n').count(), 3);
        }
    }

    #[test]
    fn other_contents_are_kept() {
        let folder = Folder::new("others");
        let path = folder.file("notes");
        for (text, words) in [
            (
                "bread\nbutter".to_owned(),
                Some("its last line is not of a record"),
            ),
            (
                "{".repeat(LONGEST_LINE + 1),
                Some("its last line is not of a record"),
            ),
            (
                "{\"bread\":1}".to_owned(),
                Some("its last line is not of a record"),
            ),
            (
                "{}\n{\"bread\":".to_owned(),
                Some("its last line is not of a record"),
            ),
            ("bread\n".to_owned(), None),
        ] {
            fs::write(&path, &text).unwrap();
            let outcome = export(&path, &flows(1)).map_err(|error| error.to_string());
            assert!(fs::read_to_string(&path).unwrap().starts_with(&text));
            match words {
                Some(words) => assert!(outcome.unwrap_err().contains(words)),
                None => outcome.unwrap(),
            }
        }
    }
}
