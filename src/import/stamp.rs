//! Time stamps as logs write them.
//!
//! Owns the reading of CLF, ISO 8601, epoch numbers and patterns of the user, by bytes. Refuses zones by name (only offsets;
//! a stamp without one is taken as UTC) and years outside 1970 to 2262, which nanoseconds in an `i64` cannot hold.

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use sluicegate_policy::time::Span;

use super::parsed::{Part, Rejected, Stamp};

/// How a log writes its times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// CLF, ISO 8601 or an epoch number, told apart by its look.
    #[default]
    Auto,
    /// A number since 1970 in this unit.
    Epoch(Unit),
    /// A strftime-like pattern, as `%d.%m.%Y %H:%M:%S%.f`.
    Pattern(String),
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

impl Unit {
    /// Nanoseconds in one.
    pub const fn ns(self) -> u64 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Millis => 1_000_000,
            Self::Micros => 1_000,
            Self::Nanos => 1,
        }
    }

    /// The word for it, as people write it in options.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "s" => Some(Self::Seconds),
            "ms" => Some(Self::Millis),
            "us" => Some(Self::Micros),
            "ns" => Some(Self::Nanos),
            _ => None,
        }
    }
}

const BAD: Rejected = Rejected::Bad(Part::Time);
const SECOND: i64 = 1_000_000_000;

impl TimeFormat {
    /// Reads a time.
    pub fn read(&self, text: &[u8]) -> Result<Stamp, Rejected> {
        match self {
            Self::Auto => auto(text),
            Self::Epoch(unit) => epoch(text, *unit),
            Self::Pattern(pattern) => by_pattern(text, pattern),
        }
    }
}

fn auto(text: &[u8]) -> Result<Stamp, Rejected> {
    let text = text.trim_ascii();
    if text.get(2) == Some(&b'/') {
        return clf(text);
    }
    if text.get(4) == Some(&b'-') {
        return iso(text);
    }
    let whole = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    // Seconds since 1970 have ten digits from 2001 to 2286; each finer unit has three more.
    match whole {
        9..=11 => epoch(text, Unit::Seconds),
        12..=14 => epoch(text, Unit::Millis),
        15..=17 => epoch(text, Unit::Micros),
        18..=19 => epoch(text, Unit::Nanos),
        _ => Err(BAD),
    }
}

/// `17/May/2015:10:05:03 +0000`.
pub(super) fn clf(text: &[u8]) -> Result<Stamp, Rejected> {
    let t: &[u8; 20] = text.first_chunk().ok_or(BAD)?;
    let separators = [t[2], t[6], t[11], t[14], t[17]];
    if separators != *b"//:::" {
        return Err(BAD);
    }
    let date = civil(four(&t[7..11])?, month([t[3], t[4], t[5]])?, two(&t[0..2])?)?;
    let seconds = date * 86_400 + of_day(two(&t[12..14])?, two(&t[15..17])?, two(&t[18..20])?)?;
    let zone = match &text[20..] {
        [] | b" +0000" => 0,
        [b' ', zone @ ..] => offset(zone)?,
        _ => return Err(BAD),
    };
    stamp(seconds - zone, 0, Span::from_secs(1))
}

/// `2017-05-16 00:00:00.008`, with `T` or a space, with or without fraction and offset; without an offset it is UTC.
fn iso(text: &[u8]) -> Result<Stamp, Rejected> {
    let t: &[u8; 19] = text.first_chunk().ok_or(BAD)?;
    if t[4] != b'-' || t[7] != b'-' || !matches!(t[10], b'T' | b't' | b' ') || t[13] != b':' || t[16] != b':' {
        return Err(BAD);
    }
    let date = civil(four(&t[..4])?, two(&t[5..7])?, two(&t[8..10])?)?;
    let seconds = date * 86_400 + of_day(two(&t[11..13])?, two(&t[14..16])?, two(&t[17..19])?)?;
    let (fraction, resolution, rest) = fraction(&text[19..])?;
    stamp(seconds - offset(rest.trim_ascii_start())?, fraction, resolution)
}

/// A number of `unit`s since 1970, with a fraction or without.
fn epoch(text: &[u8], unit: Unit) -> Result<Stamp, Rejected> {
    let (whole, rest) = digits(text.trim_ascii())?;
    let (fraction, resolution, rest) = fraction(rest)?;
    if !rest.is_empty() {
        return Err(BAD);
    }
    let size = unit.ns();
    let whole = whole.checked_mul(size).and_then(|ns| i64::try_from(ns).ok()).ok_or(Rejected::OutOfRange)?;
    // `fraction` is in billionths of the unit.
    let ns = whole.checked_add_unsigned(fraction.unsigned_abs() / (1_000_000_000 / size)).ok_or(Rejected::OutOfRange)?;
    let resolution = Span::from_ns((resolution.as_ns() / (1_000_000_000 / size)).max(1));
    Ok(Stamp { ns, resolution })
}

fn by_pattern(text: &[u8], pattern: &str) -> Result<Stamp, Rejected> {
    let time = BrokenDownTime::parse(pattern, text).map_err(|_| BAD)?;
    let instant = match time.to_timestamp() {
        Ok(instant) => instant,
        Err(_) => time.to_datetime().and_then(|civil| civil.to_zoned(TimeZone::UTC)).map_err(|_| BAD)?.timestamp(),
    };
    let ns = i64::try_from(instant.as_nanosecond()).ok().filter(|ns| *ns >= 0).ok_or(Rejected::OutOfRange)?;
    // jiff does not tell how many digits it read: what the pattern can hold is taken.
    let fine = pattern.contains('f') || pattern.contains("%N");
    Ok(Stamp { ns, resolution: if fine { resolution_of(ns) } else { Span::from_secs(1) } })
}

/// The coarsest of the usual resolutions that this value is a multiple of, but finer than a second.
fn resolution_of(ns: i64) -> Span {
    let sizes = [1_000_000, 1_000, 1];
    Span::from_ns(sizes.into_iter().find(|size| ns % size == 0).unwrap_or(1) as u64)
}

/// Fraction in billionths, its last digit, and what follows; digits beyond the ninth are dropped.
fn fraction(text: &[u8]) -> Result<(i64, Span, &[u8]), Rejected> {
    let Some(rest) = text.strip_prefix(b".").or_else(|| text.strip_prefix(b",")) else {
        return Ok((0, Span::from_secs(1), text));
    };
    let count = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    if count == 0 {
        return Err(BAD);
    }
    let kept = count.min(9);
    let value = rest[..kept].iter().fold(0, |n, digit| n * 10 + i64::from(digit - b'0'));
    let last = 10_i64.pow(9 - kept as u32);
    Ok((value * last, Span::from_ns(last as u64), &rest[count..]))
}

/// `Z`, `+0000`, `+00:00`, `+00` or nothing, in seconds.
fn offset(text: &[u8]) -> Result<i64, Rejected> {
    let (sign, digits) = match text {
        [] | b"Z" | b"z" | b"UTC" => return Ok(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return Err(BAD),
    };
    let (hours, minutes) = match digits.len() {
        2 => (two(digits)?, 0),
        4 => (two(&digits[..2])?, two(&digits[2..])?),
        5 if digits[2] == b':' => (two(&digits[..2])?, two(&digits[3..])?),
        _ => return Err(BAD),
    };
    if hours > 23 || minutes > 59 {
        return Err(BAD);
    }
    Ok(sign * (hours * 3_600 + minutes * 60))
}

fn stamp(seconds: i64, fraction: i64, resolution: Span) -> Result<Stamp, Rejected> {
    let ns = seconds.checked_mul(SECOND).and_then(|ns| ns.checked_add(fraction)).filter(|ns| *ns >= 0);
    Ok(Stamp { ns: ns.ok_or(Rejected::OutOfRange)?, resolution })
}

/// Days since 1970 of a Gregorian date (H. Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`).
fn civil(year: i64, month: i64, day: i64) -> Result<i64, Rejected> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return Err(BAD),
    };
    if !(1..=length).contains(&day) {
        return Err(BAD);
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Ok(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

/// Seconds since midnight; a leap second counts as the second before it.
fn of_day(hour: i64, minute: i64, second: i64) -> Result<i64, Rejected> {
    if hour > 23 || minute > 59 || second > 60 {
        return Err(BAD);
    }
    Ok(hour * 3_600 + minute * 60 + second.min(59))
}

fn month(name: [u8; 3]) -> Result<i64, Rejected> {
    Ok(match &name.map(|letter| letter.to_ascii_lowercase()) {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return Err(BAD),
    })
}

fn two(text: &[u8]) -> Result<i64, Rejected> {
    match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Ok(i64::from(a - b'0') * 10 + i64::from(b - b'0')),
        _ => Err(BAD),
    }
}

fn four(text: &[u8]) -> Result<i64, Rejected> {
    Ok(two(&text[..2])? * 100 + two(&text[2..4])?)
}

fn digits(text: &[u8]) -> Result<(u64, &[u8]), Rejected> {
    let count = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    if count == 0 || count > 19 {
        return Err(BAD);
    }
    Ok((text[..count].iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0')), &text[count..]))
}

/// A length of time: a number in `unit`, with a fraction or without; `None` for `-`.
pub(super) fn latency(text: &[u8], unit: Unit) -> Result<Option<Span>, Rejected> {
    const BAD: Rejected = Rejected::Bad(Part::Latency);
    let text = text.trim_ascii();
    if text.is_empty() || text == b"-" {
        return Ok(None);
    }
    if text[0] == b'-' {
        return Err(Rejected::NegativeLatency);
    }
    let (whole, rest) = digits(text).map_err(|_| BAD)?;
    let (fraction, _, rest) = fraction(rest).map_err(|_| BAD)?;
    if !rest.is_empty() {
        return Err(BAD);
    }
    let ns = whole.checked_mul(unit.ns()).and_then(|ns| ns.checked_add(fraction as u64 / (1_000_000_000 / unit.ns())));
    // A call that took more than a day is a broken counter, and would pull its arrival out of the log.
    Ok(Some(ns.map(Span::from_ns).filter(|span| *span <= Span::from_secs(86_400)).ok_or(BAD)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ns(text: &str) -> i64 {
        TimeFormat::Auto.read(text.as_bytes()).unwrap_or_else(|why| panic!("{text}: {why}")).ns
    }

    #[test]
    fn the_usual_stamps_are_read_alike() {
        let expected = 1_494_892_800_008_000_000;
        for text in [
            "2017-05-16 00:00:00.008",
            "2017-05-16T00:00:00.008Z",
            "2017-05-16T02:00:00,008+02:00",
            "2017-05-15 22:00:00.008-0200",
            "1494892800.008",
            "1494892800008",
            "1494892800008000",
            "1494892800008000000",
        ] {
            assert_eq!(ns(text), expected, "{text}");
        }
        assert_eq!(ns("17/May/2015:10:05:03 +0000"), 1_431_857_103 * SECOND);
        assert_eq!(ns("17/May/2015:12:05:03 +0200"), 1_431_857_103 * SECOND);
        assert_eq!(ns("29/Feb/2024:23:59:60 +0000"), 1_709_251_199 * SECOND);
    }

    #[test]
    fn a_stamp_knows_its_resolution() {
        let resolution = |text: &str| TimeFormat::Auto.read(text.as_bytes()).unwrap().resolution;
        assert_eq!(resolution("17/May/2015:10:05:03 +0000"), Span::from_secs(1));
        assert_eq!(resolution("2017-05-16T00:00:00Z"), Span::from_secs(1));
        assert_eq!(resolution("2017-05-16 00:00:00.008"), Span::from_ms(1));
        assert_eq!(resolution("1494892800"), Span::from_secs(1));
        assert_eq!(resolution("1494892800.000"), Span::from_ms(1));
        assert_eq!(resolution("1494892800000"), Span::from_ms(1));
        assert_eq!(resolution("1494892800000000000"), Span::from_ns(1));
    }

    #[test]
    fn impossible_stamps_are_refused_with_the_reason() {
        for (text, why) in [
            ("31/Dec/9999:23:59:59 +0000", Rejected::OutOfRange),
            ("9999-12-31T23:59:59Z", Rejected::OutOfRange),
            ("1969-12-31T23:59:59Z", Rejected::OutOfRange),
            ("30/Feb/2015:10:05:03 +0000", BAD),
            ("17/Mai/2015:10:05:03 +0000", BAD),
            ("17/May/2015:24:05:03 +0000", BAD),
            ("2017-13-16 00:00:00", BAD),
            ("2017-05-16 00:00:00.", BAD),
            ("yesterday", BAD),
            ("", BAD),
            ("12", BAD),
        ] {
            assert_eq!(TimeFormat::Auto.read(text.as_bytes()), Err(why), "{text}");
        }
    }

    #[test]
    fn a_pattern_of_the_user_reads_its_time() {
        let read = |pattern: &str, text: &str| TimeFormat::Pattern(pattern.into()).read(text.as_bytes());
        let stamp = read("%d.%m.%Y %H:%M:%S%.f", "16.05.2017 00:00:00.008").unwrap();
        assert_eq!(stamp, Stamp { ns: 1_494_892_800_008_000_000, resolution: Span::from_ms(1) });
        let zoned = read("%Y%m%d %H%M%S %z", "20170516 020000 +0200").unwrap();
        assert_eq!(zoned, Stamp { ns: 1_494_892_800 * SECOND, resolution: Span::from_secs(1) });
        assert_eq!(read("%Y", "nonsense"), Err(BAD));
    }

    #[test]
    fn latencies_have_units_and_are_not_negative() {
        assert_eq!(latency(b"0.2477829", Unit::Seconds), Ok(Some(Span::from_ns(247_782_900))));
        assert_eq!(latency(b"14", Unit::Millis), Ok(Some(Span::from_ms(14))));
        assert_eq!(latency(b"1.5", Unit::Millis), Ok(Some(Span::from_us(1_500))));
        assert_eq!(latency(b"-", Unit::Millis), Ok(None));
        assert_eq!(latency(b"-3", Unit::Millis), Err(Rejected::NegativeLatency));
        assert_eq!(latency(b"1e3", Unit::Millis), Err(Rejected::Bad(Part::Latency)));
        assert_eq!(latency(b"9999999", Unit::Seconds), Err(Rejected::Bad(Part::Latency)));
        assert_eq!(latency(b"9999999999999999999", Unit::Seconds), Err(Rejected::Bad(Part::Latency)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..40), pattern in "[%a-zA-Z.: ]{0,12}") {
            for format in [TimeFormat::Auto, TimeFormat::Epoch(Unit::Millis), TimeFormat::Pattern(pattern)] {
                let _ = format.read(&text);
            }
            let _ = (clf(&text), iso(&text), latency(&text, Unit::Seconds));
        }

        #[test]
        fn dates_agree_with_a_calendar_library(seconds in 0_i64..9_000_000_000) {
            let text = jiff::Timestamp::from_second(seconds).unwrap().to_string();
            prop_assert_eq!(ns(&text), seconds * SECOND);
        }
    }
}
