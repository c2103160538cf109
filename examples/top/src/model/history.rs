//! The rates of the latest frames, for a sparkline.

/// Number of frames kept.
pub(crate) const LENGTH: usize = 16;

/// Octets per second in each of the latest frames.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct History {
    rates: [f32; LENGTH],
    next: usize,
}

impl History {
    pub(crate) fn push(&mut self, rate: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "a bar has eight heights")]
        let rate = rate as f32;
        self.rates[self.next] = rate;
        self.next = (self.next + 1) % LENGTH;
    }

    /// Returns the rates, the latest last.
    pub(crate) fn rates(&self) -> impl Iterator<Item = f32> {
        let (late, early) = self.rates.split_at(self.next);
        early.iter().chain(late).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_keeps_the_latest_in_order() {
        let mut history = History::default();
        for rate in 0..20 {
            history.push(f64::from(rate));
        }
        let kept: Vec<f32> = history.rates().collect();
        assert_eq!(kept.len(), LENGTH);
        assert_eq!((kept[0], kept[LENGTH - 1]), (4.0, 19.0));
    }
}
