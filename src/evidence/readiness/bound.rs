//! How large a rate may be, after so many cases among so many: Clopper–Pearson's one-sided upper bound.
//!
//! Exact, so it also holds for no case at all, where it is nearly the "rule of three" (3 / n at 95 %).

/// The rate below which the true one lies, as sure as `confidence` (0 to 1).
pub fn upper_bound(cases: u64, among: u64, confidence: f64) -> f64 {
    if cases >= among {
        return 1.0;
    }
    if cases == 0 {
        return 1.0 - (1.0 - confidence).powf(1.0 / among as f64);
    }
    let (a, b) = (cases as f64 + 1.0, (among - cases) as f64);
    let (mut low, mut high) = (0.0, 1.0);
    // A bisection gains a bit per step; a double has 53.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if beta_below(middle, a, b) < confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The regularised incomplete beta function: the share of Beta(a, b) that lies below `x`.
fn beta_below(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b)).exp();
    // The continued fraction converges quickly on its own side of the mean; the other side is its mirror image.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * continued_fraction(x, a, b) / a
    } else {
        1.0 - front * continued_fraction(1.0 - x, b, a) / b
    }
}

/// DLMF 8.17.22, evaluated from the front (Lentz). It needs about sqrt(max(a, b)) terms.
fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TERMS: u32 = 20_000;
    const ENOUGH: f64 = 1e-14;
    const NOT_ZERO: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < NOT_ZERO { NOT_ZERO } else { value };

    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for term in 1..=TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for numerator in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + numerator * d);
            c = away_from_zero(1.0 + numerator / c);
            step = c * d;
            fraction *= step;
        }
        if (step - 1.0).abs() < ENOUGH {
            break;
        }
    }
    fraction
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// Stirling's series (DLMF 5.11.1), shifted up to where three terms give 15 digits.
fn ln_gamma(x: f64) -> f64 {
    const FAR_ENOUGH: f64 = 40.0;
    let mut x = x;
    let mut shifted = 0.0;
    while x < FAR_ENOUGH {
        shifted += x.ln();
        x += 1.0;
    }
    let half_ln_tau = 0.5 * std::f64::consts::TAU.ln();
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    (x - 0.5) * x.ln() - x + half_ln_tau + series - shifted
}
