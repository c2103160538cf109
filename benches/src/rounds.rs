//! Many figures told as three.

/// Summary of the rounds of one figure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Half the rounds are no higher.
    pub median: f64,
    /// The lowest.
    pub min: f64,
    /// 99 of 100 rounds are no higher; with less than 100 rounds, the highest.
    pub p99: f64,
}

/// Sums up rounds; all zero for none.
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

/// A median, and what it lies within in 19 of 20 such series of rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Median {
    /// As many rounds are lower as are higher.
    pub median: f64,
    /// Its bounds, by order alone: half the rounds, and the square root of their number to either side (binomial).
    pub within: [f64; 2],
}

/// The median of rounds; all zero for none.
#[must_use]
pub fn median(mut figures: Vec<f64>) -> Median {
    figures.sort_by(f64::total_cmp);
    let (middle, off) = (figures.len() / 2, figures.len().isqrt());
    let at = |place: usize| {
        let place = place.min(figures.len().saturating_sub(1));
        figures.get(place).copied().unwrap_or(0.0)
    };
    Median {
        median: at(middle),
        within: [at(middle.saturating_sub(off)), at(middle + off)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_lies_between_its_bounds() {
        let figures = (0..100).rev().map(f64::from).collect();
        let expected = Median {
            median: 50.0,
            within: [40.0, 60.0],
        };
        assert_eq!(median(figures), expected);
        let expected = Median {
            median: 7.0,
            within: [7.0, 7.0],
        };
        assert_eq!(median(vec![7.0]), expected);
        assert_eq!(median(Vec::new()), Median::default());
    }

    #[test]
    fn of_a_hundred_the_ninety_ninth() {
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
