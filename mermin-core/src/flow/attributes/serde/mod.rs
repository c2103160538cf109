//! A flow for serde: a map of its attributes, as JSON lines have it.

mod facts;
mod read;
mod write;

#[cfg(test)]
mod tests;
