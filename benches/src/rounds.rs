//! Summarises many figures in three.

/// Summary of the rounds of one figure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Half of the rounds are no higher.
    pub median: f64,
    /// The lowest.
    pub min: f64,
    /// 99 of 100 rounds are no higher; the highest if there are fewer than 100 rounds.
    pub p99: f64,
}

/// Summarises rounds; all zero for none.
#[must_use]
pub fn summary(mut figures: Vec<f64>) -> Summary {
    figures.sort_by(f64::total_cmp);
    let at = |hundredths: usize| {
        let place = (figures.len() * hundredths).div_ceil(100).saturating_sub(1);
        figures.get(place).copied().unwrap_or(0.0)
    };
    Summary {
        median: at(50),
        min: at(0),
        p99: at(99),
    }
}

/// Returns the 95 % confidence bounds of the median, from the order of the rounds: the middle, and the square root of
/// their number to either side (binomial). All zero for none.
#[must_use]
pub fn bounds(mut figures: Vec<f64>) -> [f64; 2] {
    figures.sort_by(f64::total_cmp);
    let (middle, off) = (figures.len() / 2, figures.len().isqrt());
    [middle.saturating_sub(off), middle + off].map(|place| {
        let place = place.min(figures.len().saturating_sub(1));
        figures.get(place).copied().unwrap_or(0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_lies_between_its_bounds() {
        let exactly = |figures: Vec<f64>| bounds(figures).map(f64::to_bits);
        let expected = |bounds: [f64; 2]| bounds.map(f64::to_bits);
        let figures: Vec<f64> = (0..100).rev().map(f64::from).collect();
        assert_eq!(exactly(figures.clone()), expected([40.0, 60.0]));
        let [low, high] = bounds(figures.clone());
        assert!((low..high).contains(&summary(figures).median));
        assert_eq!(exactly(vec![7.0]), expected([7.0, 7.0]));
        assert_eq!(exactly(Vec::new()), expected([0.0; 2]));
    }

    #[test]
    fn p99_of_a_hundred_is_the_ninety_ninth() {
        let figures = (1..=100).rev().map(f64::from).collect();
        let expected = Summary {
            median: 50.0,
            min: 1.0,
            p99: 99.0,
        };
        assert_eq!(summary(figures), expected);
        assert_eq!(summary(Vec::new()), Summary::default());
    }
}
