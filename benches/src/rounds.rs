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

#[cfg(test)]
mod tests {
    use super::*;

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
