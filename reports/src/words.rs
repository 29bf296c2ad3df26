//! Numbers as people read them. Exact values are in the JSON.

/// A count with commas: `1,234,567`.
pub fn count(of: u64) -> String {
    with_commas(&of.to_string())
}

/// "1 viewer", "2 viewers".
pub fn counted(of: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(of), if of == 1 { "" } else { "s" })
}

/// "1 instance", "2.5 instances".
pub(crate) fn instances(of: f64) -> String {
    format!("{} instance{}", number(of), if of == 1.0 { "" } else { "s" })
}

/// How many viewers of the match some viewers of the run stood for, to three digits: `4.2M`; none
/// where nobody stood for another.
pub(crate) fn stood_for(viewers: u64, scale: f64) -> Option<String> {
    let whole = viewers as f64 / scale;
    if scale >= 1.0 || viewers == 0 || !whole.is_finite() {
        return None;
    }
    Some(match whole {
        whole if whole >= 999_500.0 => format!("{}M", number(whole / 1e6)),
        whole => {
            let unit = 10_f64.powf(whole.log10().floor() - 2.0).max(1.0);
            number((whole / unit).round() * unit)
        }
    })
}

/// "250 viewers", and for whom they stood: "250 viewers (who stood for 4.2M)".
pub(crate) fn people(viewers: u64, scale: f64) -> String {
    let told = counted(viewers, "viewer");
    stood_for(viewers, scale)
        .map_or_else(|| told.clone(), |all| format!("{told} (who stood for {all})"))
}

/// "300 requests of 250 viewers (who stood for 4.2M)". Old records do not tell of the viewers.
pub(crate) fn requests_of(requests: u64, viewers: Option<u64>, scale: f64) -> String {
    let of =
        viewers.filter(|_| requests > 0).map(|viewers| format!(" of {}", people(viewers, scale)));
    counted(requests, "request") + &of.unwrap_or_default()
}

/// "300 requests of 250 viewers (who stood for 4.2M) were not served".
pub(crate) fn not_served(requests: u64, viewers: Option<u64>, scale: f64) -> String {
    format!("{} {} not served", requests_of(requests, viewers, scale), was(requests))
}

/// "was" or "were".
pub(crate) fn was(of: u64) -> &'static str {
    if of == 1 { "was" } else { "were" }
}

/// About three significant digits, integer digits in full.
pub(crate) fn number(of: f64) -> String {
    with_decimals(of, decimals(of))
}

/// A measured value and its limit. Where both would read the same although they differ, digits are
/// added until they do not: "500 (limit 500)" helps nobody.
pub(crate) fn number_and_limit(measured: f64, limit: f64) -> (String, String) {
    let start = decimals(measured);
    for extra in start..=9 {
        let pair =
            (with_decimals(measured, extra), with_decimals(limit, extra.max(decimals(limit))));
        if pair.0 != pair.1 || measured == limit {
            return pair;
        }
    }
    (measured.to_string(), limit.to_string())
}

/// A share from 0 to 1 as a number of percent, without the sign. Close to 100 it keeps what is
/// missing readable: 99.98, not 100.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let missing = 100.0 - percent;
    if missing > 0.0 && missing < 1.0 {
        return with_decimals(percent, decimals(missing).saturating_sub(1).min(7));
    }
    number(percent)
}

/// A minute of the match with one decimal: `12.3`.
pub fn minute(of: f64) -> String {
    let text = format!("{of:.1}");
    if text == "-0.0" { "0.0".to_owned() } else { text }
}

/// A time of µs in the unit that suits it.
pub fn micros(us: f64) -> String {
    match us {
        us if us < 1e3 => format!("{} µs", number(us)),
        us if us < 1e6 => format!("{} ms", number(us / 1e3)),
        us => format!("{} s", number(us / 1e6)),
    }
}

/// Seconds since 1970 as `2026-06-14 19:30:00 UTC`.
pub(crate) fn utc(unix_s: u64) -> String {
    let (days, seconds) = (unix_s / 86_400, unix_s % 86_400);
    // Days are counted in eras of 400 years that begin on 1 March, so leap days fall on their ends.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// A line for a terminal: a control character, which would move its cursor, is replaced.
pub fn clean(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Text that is safe between tags and in quoted attributes of HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// The first letter as a capital.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn decimals(of: f64) -> usize {
    match of.abs() {
        size if size >= 100.0 || size == 0.0 || !size.is_finite() => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size => (2.0 - size.log10().floor()).min(9.0) as usize,
    }
}

fn with_decimals(of: f64, decimals: usize) -> String {
    if of == f64::INFINITY {
        return "∞".to_owned();
    }
    let text = format!("{of:.decimals$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    if text == "-0" { "0".to_owned() } else { with_commas(text) }
}

fn with_commas(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut grouped = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let found: Vec<String> =
            [0.0, 0.01234, 1.0, 1.239, 45.67, 812.4, 1_234_567.8, -2.5].map(number).to_vec();
        assert_eq!(
            found,
            ["0", "0.0123", "1", "1.24", "45.7", "812", "1,234,568", "-2.5"].map(String::from)
        );
        assert_eq!(
            [0.5, 0.9998, 0.999_999_9, 1.0, 0.0].map(percent).join(" "),
            "50 99.98 99.99999 100 0"
        );
        assert_eq!(counted(1, "viewer") + &counted(1000, "viewer"), "1 viewer1,000 viewers");
        assert_eq!([412.0, 41_234.0, 4_100_000.0].map(micros).join(", "), "412 µs, 41.2 ms, 4.1 s");
    }

    #[test]
    fn a_breach_never_reads_as_its_limit() {
        assert_eq!(number_and_limit(500.04, 500.0), ("500.04".into(), "500".into()));
        assert_eq!(number_and_limit(812.3, 500.0), ("812".into(), "500".into()));
        assert_eq!(number_and_limit(500.0, 500.0), ("500".into(), "500".into()));
    }

    #[test]
    fn those_not_served_are_told_at_full_size() {
        let told = [(336, 8e-5), (5, 8e-5), (1, 0.08), (12_345, 0.001), (25_340, 0.000_1)]
            .map(|(viewers, scale)| stood_for(viewers, scale).unwrap());
        assert_eq!(told.join(" "), "4.2M 62,500 13 12.3M 253M");
        assert_eq!((stood_for(5, 1.0), stood_for(0, 0.1)), (None, None));
        assert_eq!(
            not_served(1, Some(1), 8e-5),
            "1 request of 1 viewer (who stood for 12,500) was not served"
        );
        assert_eq!(not_served(20, None, 8e-5), "20 requests were not served");
    }

    #[test]
    fn dates_are_civil() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_781_465_400), "2026-06-14 19:30:00 UTC");
    }
}
