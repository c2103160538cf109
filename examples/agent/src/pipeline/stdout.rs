//! Writes flows on standard output.

use std::{
    fmt::Write as _,
    io::{Write as _, stdout},
};

use mermin_config::value::StdoutFormat;
use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink, JsonBuffer},
};

/// Writes flows on standard output. A call blocks while the reader is slow, so it needs a thread of its own.
pub(super) struct Stdout {
    format: StdoutFormat,
    json: JsonBuffer,
}

impl Stdout {
    pub(super) fn new(format: StdoutFormat, seed: u16) -> Self {
        Self {
            format,
            json: JsonBuffer::default().community_id_seed(seed),
        }
    }

    fn text(&mut self, flows: &[Flow]) -> Result<Vec<u8>, BoxError> {
        self.json.clear();
        if self.format != StdoutFormat::Text {
            for flow in flows {
                self.json.push(flow);
            }
        }
        Ok(match self.format {
            StdoutFormat::Json => self.json.as_bytes().to_vec(),
            StdoutFormat::JsonIndent => {
                let mut text = Vec::new();
                for line in self.json.lines() {
                    let flow: serde_json::Value = serde_json::from_slice(line)?;
                    serde_json::to_writer_pretty(&mut text, &flow)?;
                    text.push(b'\n');
                }
                text
            }
            StdoutFormat::Text => {
                let lines = flows.iter().map(|flow| line(flow) + "\n");
                lines.collect::<String>().into_bytes()
            }
            _ => {
                let mut text = String::new();
                for (flow, json) in flows.iter().zip(self.json.lines()) {
                    let attributes: serde_json::Map<_, _> = serde_json::from_slice(json)?;
                    // Writing to a string does not fail.
                    let _ = writeln!(text, "{}", line(flow));
                    for (name, value) in &attributes {
                        let _ = writeln!(text, "  {name}: {value}");
                    }
                }
                text.into_bytes()
            }
        })
    }
}

/// The text of a flow on one line.
fn line(flow: &Flow) -> String {
    let text = flow.to_string();
    let parts: Vec<_> = text.lines().map(str::trim).collect();
    parts.join("; ")
}

impl FlowSink for Stdout {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let text = self.text(flows)?;
        let mut out = stdout().lock();
        out.write_all(&text)?;
        Ok(out.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::sink::testing::flows;

    use super::*;

    fn text(format: StdoutFormat) -> String {
        let text = Stdout::new(format, 0).text(&flows(40)).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn each_format_has_every_flow() {
        let count = flows(40).len();
        assert_eq!(text(StdoutFormat::Text).lines().count(), count);
        let json = text(StdoutFormat::Json);
        assert_eq!(json.lines().count(), count);
        let ids = |text: &str| text.matches("\"flow.id\"").count();
        assert_eq!(ids(&json), count);
        let indented = text(StdoutFormat::JsonIndent);
        assert_eq!(ids(&indented), count);
        assert!(indented.lines().count() > 10 * count);
        let lines = text(StdoutFormat::TextIndent);
        assert_eq!(
            lines.lines().filter(|line| !line.starts_with("  ")).count(),
            count
        );
        assert_eq!(lines.matches("  flow.id: ").count(), count);
    }
}
