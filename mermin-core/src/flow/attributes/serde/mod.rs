//! Serde's form of a flow: a map of its attributes, as in JSON lines.

mod options;
mod read;
mod record;
mod values;
mod write;

#[cfg(test)]
mod tests;
