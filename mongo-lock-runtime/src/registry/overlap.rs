//! Whether two lock names can be equal, where either may be a template.

use crate::name::allowed_in_value;

/// One step of a template: a character, or a placeholder, which is one or more characters that a
/// value may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Char(u8),
    Value,
}

/// `"invoice-{id:03}"` → the letters of `invoice-`, and one value.
fn steps(template: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        steps.extend(text.bytes().map(Step::Char));
        steps.push(Step::Value);
        // The attribute refuses a template without the closing brace.
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    steps.extend(rest.bytes().map(Step::Char));
    steps
}

/// Whether there are values with which the two give one name.
///
/// Both are small automata that read a name from its start; they overlap if some text leads both to
/// their ends. The types of the arguments, which may rule values out, are not known here.
pub(crate) fn overlap(a: &str, b: &str) -> bool {
    let (a, b) = (steps(a), steps(b));
    let mut seen = vec![false; a.len() * b.len()];
    let mut open = vec![(0, 0)];
    while let Some((i, j)) = open.pop() {
        if i == a.len() && j == b.len() {
            return true;
        }
        let (Some(&left), Some(&right)) = (a.get(i), b.get(j)) else {
            continue;
        };
        if std::mem::replace(&mut seen[i * b.len() + j], true) {
            continue;
        }
        // Both read one character. A value can end after it, or go on.
        match (left, right) {
            (Step::Char(left), Step::Char(right)) if left == right => open.push((i + 1, j + 1)),
            (Step::Char(c), Step::Value) if allowed_in_value(c) => {
                open.extend([(i + 1, j), (i + 1, j + 1)]);
            }
            (Step::Value, Step::Char(c)) if allowed_in_value(c) => {
                open.extend([(i, j + 1), (i + 1, j + 1)]);
            }
            (Step::Value, Step::Value) => open.extend([(i + 1, j), (i, j + 1), (i + 1, j + 1)]),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn what_can_be_one_name() {
        for (a, b) in [
            ("a", "a"),
            ("invoice-{id}", "invoice-7"),
            ("invoice-{id}", "invoice-{number:03}"),
            ("{a}", "x"),
            ("{a}-x", "y-{b}"),
            ("{a}/{b}", "x/{b}"),
            ("{a}-b-{c}", "a-{b}-c"),
            ("{a}:{b}", "{a}:b"),
            ("x-{a}", "x-y-{b}"),
            ("{a}", "{b}x"),
            ("{a}", "x{b}"),
            ("{a}", "{b}-{c}-{d}"),
        ] {
            assert!(overlap(a, b), "{a} and {b}");
            assert!(overlap(b, a), "{b} and {a}");
        }
    }

    #[test]
    fn what_cannot() {
        for (a, b) in [
            ("a", "b"),
            ("a", "ab"),
            ("invoice-{id}", "invoice"),
            ("invoice-{id}", "invoice-"),
            ("invoice-{id}", "invoices-7"),
            ("invoice/{id}", "invoice-{id}"),
            ("invoice/{id}", "order/{id}"),
            ("{a}", "a/b"),
            ("{a}/{b}", "{a}"),
            ("{a}/{b}", "{a}:{b}"),
            ("{a}/x", "{a}/y"),
        ] {
            assert!(!overlap(a, b), "{a} and {b}");
            assert!(!overlap(b, a), "{b} and {a}");
        }
    }
}
