//! Medians, and the intervals in which they can be trusted.

/// Samples in ascending order.
pub(crate) struct Sorted(Vec<f64>);

/// A median of ratios, and the interval in which the true one is with 95 % probability.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Sorted {
    pub(crate) fn new(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(self.0.len() / 2)
    }

    pub(crate) fn p99(&self) -> f64 {
        self.at(self.0.len() * 99 / 100)
    }

    /// The interval needs no assumption about the noise: how many samples are below the true
    /// median is a matter of coin tosses, whose standard deviation is half the root of their number.
    pub(crate) fn ratio(&self) -> Ratio {
        let (middle, two_deviations) = (self.0.len() / 2, self.0.len().isqrt());
        Ratio {
            median: self.median(),
            low: self.at(middle.saturating_sub(two_deviations)),
            high: self.at(middle + two_deviations),
        }
    }

    fn at(&self, index: usize) -> f64 {
        let index = index.min(self.0.len().saturating_sub(1));
        self.0.get(index).copied().unwrap_or(f64::NAN)
    }
}
