//! The calendar: days since 1970 and back.

const DAYS_OF_400_YEARS: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01. Years begin in March here, so that the leap day is their last.
const DAYS_TO_1970: i64 = 719_468;

/// Days from 1970-01-01 to a date of the Gregorian calendar.
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    year.div_euclid(400) * DAYS_OF_400_YEARS + days - DAYS_TO_1970
}

/// Year, month and day of a day counted from 1970-01-01.
pub(super) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let era = days.div_euclid(DAYS_OF_400_YEARS);
    let of_era = days.rem_euclid(DAYS_OF_400_YEARS);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_known_days() {
        let known = [
            ((1970, 1, 1), 0),
            ((1969, 12, 31), -1),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((2019, 7, 10), 18_087),
            ((2100, 3, 1), 47_541),
        ];
        for ((year, month, day), days) in known {
            assert_eq!(days_of(year, month, day), days);
            assert_eq!(date_of(days), (year, month, day));
        }
    }

    #[test]
    fn days_and_dates_are_inverse_and_follow_each_other() {
        let mut last = date_of(-200_001);
        for days in -200_000..200_000 {
            let date = date_of(days);
            assert_eq!(days_of(date.0, date.1, date.2), days);
            assert!(date > last, "{last:?} {date:?}");
            last = date;
        }
    }
}
