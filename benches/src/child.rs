//! This program as a child, where each round needs a process of its own.

use std::process::Command;

use crate::{Result, summary};

/// Runs this program with what `prepare` adds, and returns the figures that it prints, in its order.
///
/// # Errors
/// The child's words if it fails, or if they are not this many figures.
pub fn figures<const N: usize>(
    prepare: impl FnOnce(&mut Command) -> &mut Command,
) -> Result<[f64; N]> {
    let output = prepare(&mut Command::new(std::env::current_exe()?)).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().into());
    }
    let words = String::from_utf8(output.stdout)?;
    let figures: std::result::Result<Vec<f64>, _> =
        words.split_whitespace().map(str::parse).collect();
    figures?
        .try_into()
        .map_err(|_| format!("a child says `{words}`").into())
}

/// Returns the median of each figure over the rounds.
#[must_use]
pub fn medians<const N: usize>(rounds: &[[f64; N]]) -> [f64; N] {
    std::array::from_fn(|which| {
        let figures = rounds.iter().map(|figures| figures[which]);
        summary(figures.collect()).median
    })
}
