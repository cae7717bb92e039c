//! Durations as users write them: `"5m"`, `"1h30m"`, `"250ms"`.

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

/// Reads `text`. The error says what is wrong, and what to write.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Err(format!("it is empty; {SYNTAX}"));
    }
    let mut millis = 0_u64;
    let mut units = UNITS.iter();
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after, char::is_alphabetic);
        if number.is_empty() {
            return Err(format!("expected a number at `{rest}`; {SYNTAX}"));
        }
        if unit.is_empty() {
            return Err(format!("`{number}` is not followed by a unit; {SYNTAX}"));
        }
        let known = UNITS.iter().any(|(known, _)| *known == unit);
        // Advances past the unit, so that each unit is used once, and in order.
        let Some((_, scale)) = units.find(|(known, _)| *known == unit) else {
            return Err(if known {
                format!("`{unit}` is repeated or out of order; {SYNTAX}")
            } else {
                format!("there is no unit `{unit}`; {SYNTAX}")
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

fn split(text: &str, part: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !part(c)).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in [
            ("1ms", 1),
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("0s", 0),
        ] {
            assert_eq!(parse(text).unwrap().as_millis(), millis, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_and_says_why() {
        for (text, part) in [
            ("", "empty"),
            ("5", "not followed by a unit"),
            ("5min", "no unit `min`"),
            ("1.5h", "`1` is not followed by a unit"),
            ("h", "expected a number at `h`"),
            ("-5s", "expected a number"),
            ("5 m", "not followed by a unit"),
            ("5m1h", "`h` is repeated or out of order"),
            ("5m5m", "`m` is repeated"),
            ("99999999999999999999s", "too long"),
            ("18446744073709551615d", "too long"),
            ("5µs", "no unit `µs`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
