//! After how long something happens: somebody answers, an instance starts.

use hulk_record::unit_of;
use serde::{Deserialize, Serialize};

use crate::Section;

/// The longest time that a delay's numbers may name, in match seconds: a day.
const S_MAX: f64 = 86_400.0;
/// The widest lognormal: the 99th percentile is 100,000 times the median.
const SIGMA_MAX: f64 = 5.0;
/// The nearest to 0 and to 1 that a share may come, so that every quantile is finite.
const P_MIN: f64 = f64::EPSILON / 2.0;
const P_MAX: f64 = 1.0 - f64::EPSILON / 2.0;

/// How a delay is spread over the people, or over instances; all of it in match seconds.
///
/// Its numbers are the same on every machine: none of them comes from the system's mathematics
/// library.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Delay {
    /// The same for everyone.
    Fixed {
        /// The delay.
        s: f64,
    },
    /// Anything between two ends, alike.
    Uniform {
        /// The shortest.
        from_s: f64,
        /// The longest, not below the shortest.
        to_s: f64,
    },
    /// Most answer soon, few late: in any second the same share of those who are left.
    Exponential {
        /// The mean.
        mean_s: f64,
    },
    /// Few answer at once, most a little later, some very late.
    Lognormal {
        /// Half of the people answer by then.
        median_s: f64,
        /// Standard deviation of the natural logarithm.
        sigma: f64,
    },
}

impl Delay {
    /// Reads a table with one key, the name of the spread: `{ fixed = { s = 3 } }`.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let variants = ["fixed", "uniform", "exponential", "lognormal"];
        let (variant, inner) = section.variant(&variants)?;
        match variant {
            0 => Some(Self::Fixed { s: inner.number("s", 0.0..=S_MAX)? }),
            1 => uniform(&inner),
            2 => Some(Self::Exponential { mean_s: inner.number("mean_s", 0.0..=S_MAX)? }),
            _ => {
                let median_s = inner.number("median_s", 0.0..=S_MAX);
                let sigma = inner.number("sigma", 0.0..=SIGMA_MAX);
                Some(Self::Lognormal { median_s: median_s?, sigma: sigma? })
            }
        }
    }

    /// Reads `key`: a number of seconds, the same for all, or a table as in [`Self::read`].
    pub fn read_at(section: &Section<'_>, key: &'static str, s_max: f64) -> Option<Self> {
        if section.has_table(key) {
            return Self::read(&section.section(key)?);
        }
        section.number(key, 0.0..=s_max).map(|s| Self::Fixed { s })
    }

    /// By when the share `p` (0 to 1) of the people have answered; finite for 1 as well.
    pub fn quantile_s(&self, p: f64) -> f64 {
        match *self {
            Self::Fixed { s } => s,
            Self::Uniform { from_s, to_s } => from_s + (to_s - from_s) * p.clamp(0.0, 1.0),
            Self::Exponential { mean_s } => -mean_s * libm::log1p(-p.clamp(0.0, P_MAX)),
            Self::Lognormal { median_s, sigma } => median_s * libm::exp(sigma * normal_quantile(p)),
        }
    }

    /// The mean.
    pub fn mean_s(&self) -> f64 {
        match *self {
            Self::Fixed { s } => s,
            Self::Uniform { from_s, to_s } => (from_s + to_s) / 2.0,
            Self::Exponential { mean_s } => mean_s,
            Self::Lognormal { median_s, sigma } => median_s * libm::exp(sigma * sigma / 2.0),
        }
    }

    /// The delay that belongs to a hash.
    pub fn draw_s(&self, hash: u64) -> f64 {
        self.quantile_s(unit_of(hash))
    }

    /// The delay of the `rank`-th (from 0) of `count` people: somewhere, by `hash`, in the stretch
    /// that holds one of them. So even a few people are spread as they should be.
    pub fn stratum_s(&self, rank: u32, count: u32, hash: u64) -> f64 {
        self.quantile_s((f64::from(rank) + unit_of(hash)) / f64::from(count))
    }
}

fn uniform(section: &Section<'_>) -> Option<Delay> {
    let from_s = section.number("from_s", 0.0..=S_MAX);
    let to_s = section.number("to_s", 0.0..=S_MAX);
    let (from_s, to_s) = (from_s?, to_s?);
    if to_s < from_s {
        let message = format!("`to_s` is {to_s}: it must not be below `from_s` ({from_s})");
        section.problem_at("to_s", message, Some(format!("at least `to_s = {from_s}`")));
    }
    Some(Delay::Uniform { from_s, to_s })
}

/// The quantile of the standard normal distribution: the rational approximations of M. J. Wichura
/// (Applied Statistics, algorithm AS 241, PPND16).
pub fn normal_quantile(p: f64) -> f64 {
    let q = p.clamp(P_MIN, P_MAX) - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * polynomial(&CENTRE.0, r) / polynomial(&CENTRE.1, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = libm::sqrt(-libm::log(tail.max(P_MIN)));
    let size = if r <= 5.0 {
        polynomial(&NEAR.0, r - 1.6) / polynomial(&NEAR.1, r - 1.6)
    } else {
        polynomial(&FAR.0, r - 5.0) / polynomial(&FAR.1, r - 5.0)
    };
    if q < 0.0 { -size } else { size }
}

fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// Numerator and denominator, from the constant upwards.
type Ratio = ([f64; 8], [f64; 8]);

/// Within 0.425 of the middle, in 0.180625 - q².
const CENTRE: Ratio = (
    [
        3.3871328727963665,
        133.14166789178438,
        1971.5909503065513,
        13731.69376550946,
        45921.95393154987,
        67265.7709270087,
        33430.57558358813,
        2509.0809287301227,
    ],
    [
        1.0,
        42.31333070160091,
        687.1870074920579,
        5394.196021424751,
        21213.794301586597,
        39307.89580009271,
        28729.085735721943,
        5226.495278852854,
    ],
);
/// Further out, in r - 1.6 with r² = -ln(tail).
const NEAR: Ratio = (
    [
        1.4234371107496835,
        4.630337846156546,
        5.769497221460691,
        3.6478483247632045,
        1.2704582524523684,
        0.2417807251774506,
        0.022723844989269184,
        0.0007745450142783414,
    ],
    [
        1.0,
        2.053191626637759,
        1.6763848301838038,
        0.6897673349851,
        0.14810397642748008,
        0.015198666563616457,
        0.0005475938084995345,
        1.0507500716444169e-09,
    ],
);
/// Beyond r = 5, in r - 5.
const FAR: Ratio = (
    [
        6.657904643501103,
        5.463784911164114,
        1.7848265399172913,
        0.29656057182850487,
        0.026532189526576124,
        0.0012426609473880784,
        2.7115555687434876e-05,
        2.0103343992922881e-07,
    ],
    [
        1.0,
        0.599832206555888,
        0.1369298809227358,
        0.014875361290850615,
        0.0007868691311456133,
        1.8463183175100548e-05,
        1.421511758316446e-07,
        2.0442631033899397e-15,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, read};
    use hulk_record::hash_of;

    const LOGNORMAL: Delay = Delay::Lognormal { median_s: 45.0, sigma: 0.9 };

    #[test]
    fn normal_quantiles_are_right_to_1e_9() {
        for (p, known) in [
            (0.5, 0.0),
            (0.3, -0.524_400_512_708_040_7),
            (0.75, 0.674_489_750_196_081_7),
            (0.9, 1.281_551_565_544_600_8),
            (0.975, 1.959_963_984_540_053_6),
            (0.99, 2.326_347_874_040_840_8),
            (0.999, 3.090_232_306_167_813),
            (1e-6, -4.753_424_308_822_899),
            (1e-12, -7.034_483_825_301_132),
            (1e-15, -7.941_345_326_170_998),
        ] {
            let found = normal_quantile(p);
            assert!((found - known).abs() <= 1e-9 * f64::abs(known), "{p}: {found}, not {known}");
        }
        // The other way round: the distribution function of a quantile is where it came from.
        for step in 1..1_000 {
            let p = f64::from(step) / 1_000.0;
            let back = 0.5 * libm::erfc(-normal_quantile(p) / std::f64::consts::SQRT_2);
            assert!((back / p - 1.0).abs() < 1e-9, "{p} {back}");
        }
    }

    #[test]
    fn delays_have_the_quantiles_and_means_of_their_spread() {
        let fixed = Delay::Fixed { s: 3.0 };
        assert_eq!((fixed.quantile_s(0.1), fixed.mean_s()), (3.0, 3.0));
        let uniform = Delay::Uniform { from_s: 2.0, to_s: 10.0 };
        assert_eq!((uniform.quantile_s(0.25), uniform.mean_s()), (4.0, 6.0));
        let exponential = Delay::Exponential { mean_s: 60.0 };
        assert_eq!((exponential.quantile_s(0.0), exponential.mean_s()), (0.0, 60.0));
        assert!((exponential.quantile_s(0.5) - 60.0 * std::f64::consts::LN_2).abs() < 1e-9);
        assert!((LOGNORMAL.quantile_s(0.5) - 45.0).abs() < 1e-9);
        assert!((LOGNORMAL.mean_s() - 45.0 * 0.405_f64.exp()).abs() < 1e-9);
        for delay in [fixed, uniform, exponential, LOGNORMAL] {
            assert!(delay.quantile_s(0.0) >= 0.0 && delay.quantile_s(1.0).is_finite());
            let draws = (0..200_000).map(|n| delay.draw_s(hash_of(3, n)));
            let mean = draws.sum::<f64>() / 200_000.0;
            assert!((mean / delay.mean_s() - 1.0).abs() < 0.02, "{delay:?}: {mean}");
        }
    }

    #[test]
    fn a_stratum_holds_one_of_the_people_whatever_the_hash() {
        let uniform = Delay::Uniform { from_s: 0.0, to_s: 10.0 };
        for rank in 0..5 {
            let from_s = 2.0 * f64::from(rank);
            for hash in [0, 1 << 40, u64::MAX] {
                let delay_s = uniform.stratum_s(rank, 5, hash);
                assert!((from_s..=from_s + 2.0).contains(&delay_s), "{rank}: {delay_s}");
            }
        }
    }

    #[test]
    fn draws_are_the_same_on_every_machine() {
        let digest = (0..1_000).fold(0, |digest, n| {
            let exponential = Delay::Exponential { mean_s: 60.0 };
            let both = [LOGNORMAL, exponential].map(|delay| delay.draw_s(hash_of(5, n)).to_bits());
            hash_of(hash_of(digest, both[0]), both[1])
        });
        assert_eq!(digest, 2_153_779_533_032_113_993);
    }

    #[test]
    fn a_delay_is_read_from_a_table_with_one_key() {
        let parse = |text: &str| {
            read(&Source::new("d.toml", text), |root| {
                root.section("delay").and_then(|delay| Delay::read(&delay))
            })
        };
        for (text, delay) in [
            ("fixed = { s = 3 }", Delay::Fixed { s: 3.0 }),
            ("uniform = { from_s = 2, to_s = 10 }", Delay::Uniform { from_s: 2.0, to_s: 10.0 }),
            ("exponential = { mean_s = 60 }", Delay::Exponential { mean_s: 60.0 }),
            ("lognormal = { median_s = 45, sigma = 0.9 }", LOGNORMAL),
        ] {
            assert_eq!(parse(&format!("delay = {{ {text} }}")).unwrap(), delay);
        }
        for (text, problem) in [
            (
                "normal = { s = 3 }",
                "d.toml:1:1: expected one of `exponential`, `fixed`, `lognormal`, `uniform` here",
            ),
            (
                "uniform = { from_s = 2, to_s = 1 }",
                "d.toml:1:42: `to_s` is 1: it must not be below `from_s` (2)",
            ),
            (
                "exponential = { mean_s = -1 }",
                "d.toml:1:36: `mean_s` is -1: it must be from 0 to 86400",
            ),
        ] {
            let found = parse(&format!("delay = {{ {text} }}")).unwrap_err();
            assert!(found.list[0].to_string().starts_with(problem), "{found}");
        }
    }
}
