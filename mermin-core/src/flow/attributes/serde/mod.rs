//! A flow for serde: a map of its attributes, as JSON lines have it.

mod read;
mod values;
mod write;

#[cfg(test)]
mod tests;
