//! Durations as users write them: `"5m"`, `"1h30m"`, `"250ms"`, and those that are meant by others.

use std::time::Duration;

/// The units, from the longest to the shortest, which is also the order in which they must be written.
const UNITS: [(&str, u64); 5] = [
    ("d", 24 * 60 * 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("m", 60 * 1000),
    ("s", 1000),
    ("ms", 1),
];

const SYNTAX: &str = "write whole numbers with `d`, `h`, `m`, `s` or `ms`, the longest unit first: \
                      `\"90s\"`, `\"5m\"`, `\"1h30m\"`";

/// The longest time: `LockSpec::MAX_TTL` of the runtime, which checks every time again.
pub(crate) const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Units as they are written elsewhere, with the unit that is meant.
const MEANT: [(&str, &str); 20] = [
    ("day", "d"),
    ("days", "d"),
    ("hour", "h"),
    ("hours", "h"),
    ("hr", "h"),
    ("hrs", "h"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("milli", "ms"),
    ("millis", "ms"),
    ("msec", "ms"),
    ("msecs", "ms"),
    ("millisecond", "ms"),
    ("milliseconds", "ms"),
];

/// Reads `text`, a time from 1 ms to [`LONGEST`]. The error says what is wrong, and what to write.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let problem = match read(text) {
        Ok(Duration::ZERO) => return Err("at least one millisecond is needed".to_owned()),
        Ok(time) if time > LONGEST => return Err("at most 366 days are allowed".to_owned()),
        Ok(time) => return Ok(time),
        Err(problem) => problem,
    };
    Err(match meant(text) {
        Some(meant) => format!("{problem}; write `\"{meant}\"`"),
        None => format!("{problem}; {SYNTAX}"),
    })
}

fn read(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut millis = 0_u64;
    let mut units = UNITS.iter();
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after, char::is_alphabetic);
        if number.is_empty() {
            return Err(format!("expected a number at `{rest}`"));
        }
        if unit.is_empty() {
            return Err(format!("`{number}` is not followed by a unit"));
        }
        let known = UNITS.iter().any(|(known, _)| *known == unit);
        // Advances past the unit, so that each unit is used once, and in order.
        let Some((_, scale)) = units.find(|(known, _)| *known == unit) else {
            return Err(if known {
                format!("`{unit}` is repeated or out of order")
            } else {
                format!("there is no unit `{unit}`")
            });
        };
        millis = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*scale))
            .and_then(|part| millis.checked_add(part))
            .ok_or_else(|| format!("`{number}{unit}` is too long"))?;
        rest = after;
    }
    Ok(Duration::from_millis(millis))
}

/// The time that is meant by `text`, as it must be written: `5 min` → `5m`, `1.5h` → `1h30m`,
/// `300` → `300s`. `None` when the text is no time, or one that is out of range.
pub(crate) fn meant(text: &str) -> Option<String> {
    let text: String = text
        .split(|c: char| c == '_' || c.is_whitespace())
        .collect();
    let text = text.to_lowercase();
    if !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) {
        // Seconds, as nearly everywhere; or more than a year of them, which are milliseconds.
        let units = ["s", "ms"].map(|unit| format!("{text}{unit}"));
        return units.into_iter().find(|text| is_valid(text));
    }
    let (mut short, mut millis) = (String::new(), 0_u64);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split(after, char::is_alphabetic);
        let unit = unit_of(unit)?;
        millis = millis.checked_add(scaled(number, unit.1)?)?;
        short.extend([number, unit.0]);
        rest = after;
    }
    // The text with short units, or where that is not valid, its sum.
    [short, in_units(millis)]
        .into_iter()
        .find(|text| is_valid(text))
}

/// The unit with this name, in any spelling.
fn unit_of(name: &str) -> Option<(&'static str, u64)> {
    let meant = MEANT.iter().find(|(other, _)| *other == name);
    let name = meant.map_or(name, |(_, meant)| meant);
    UNITS.iter().copied().find(|(known, _)| *known == name)
}

/// `1.5` of a unit, if that is a whole number of milliseconds.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let millis = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    let part = part.trim_end_matches('0');
    if part.is_empty() {
        return Some(millis);
    }
    let tenths = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part = part.parse::<u64>().ok()?.checked_mul(scale)?;
    (part % tenths == 0).then(|| millis.checked_add(part / tenths))?
}

/// `5400000` → `1h30m`
fn in_units(mut millis: u64) -> String {
    let mut text = String::new();
    for (unit, scale) in UNITS {
        if millis >= scale {
            text.extend([&*(millis / scale).to_string(), unit]);
            millis %= scale;
        }
    }
    text
}

/// Whether the name is that of a unit, in any spelling.
pub(crate) fn is_unit(name: &str) -> bool {
    unit_of(&name.to_lowercase()).is_some()
}

fn is_valid(text: &str) -> bool {
    read(text).is_ok_and(|time| !time.is_zero() && time <= LONGEST)
}

fn split(text: &str, part: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !part(c)).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::{MEANT, UNITS, meant, parse};

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in [
            ("1ms", 1),
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("366d", 31_622_400_000),
        ] {
            assert_eq!(parse(text).unwrap().as_millis(), millis, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_and_says_why() {
        for (text, part) in [
            ("", "empty; write whole numbers"),
            ("0s", "at least one millisecond"),
            ("366d1ms", "at most 366 days"),
            ("5", "not followed by a unit; write `\"5s\"`"),
            ("5min", "no unit `min`; write `\"5m\"`"),
            ("1.5h", "`1` is not followed by a unit; write `\"1h30m\"`"),
            ("h", "expected a number at `h`; write whole"),
            ("-5s", "expected a number"),
            ("5 m", "not followed by a unit; write `\"5m\"`"),
            ("5m1h", "`h` is repeated or out of order; write `\"1h5m\"`"),
            ("5m5m", "`m` is repeated or out of order; write `\"10m\"`"),
            ("99999999999999999999s", "too long; write whole"),
            ("18446744073709551615d", "too long"),
            ("5µs", "no unit `µs`; write whole"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    /// Whatever is proposed is valid, and the time that was written.
    #[test]
    fn a_proposal_is_the_time_that_is_meant() {
        for (text, proposal) in [
            ("5m", "5m"),
            ("300", "300s"),
            ("5_000", "5000s"),
            ("86400000", "86400000ms"),
            ("1h 30min", "1h30m"),
            ("90 seconds", "90s"),
            ("0.5h", "30m"),
            ("2.0s", "2s"),
            ("1.25s", "1s250ms"),
            ("5M", "5m"),
            ("2 Hours", "2h"),
            ("30m1h", "1h30m"),
        ] {
            assert_eq!(meant(text).as_deref(), Some(proposal), "{text}");
            assert!(parse(proposal).is_ok(), "{proposal}");
        }
        for text in [
            "", "0", "0s", "soon", "5x", "m", "1..5h", "1.0001s", "400d", "1.5",
        ] {
            assert_eq!(meant(text), None, "{text}");
        }
        let units = UNITS.iter().map(|(unit, _)| (*unit, *unit));
        for (unit, short) in units.chain(MEANT) {
            for (between, number) in [("", 1_u64), (" ", 7), ("_", 12)] {
                let text = format!("{number}{between}{unit}");
                assert_eq!(meant(&text), Some(format!("{number}{short}")), "{text}");
            }
        }
    }
}
