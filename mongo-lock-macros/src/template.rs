//! Names with placeholders: `"invoice-{id}"`.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{FnArg, Ident, LitStr, Pat, PatIdent, Signature, ext::IdentExt as _, parse::Parser as _};

use crate::{function::mentions, name, rule};

/// A checked template.
pub(crate) struct Template {
    pub(crate) text: LitStr,
    pub(crate) parts: Vec<Part>,
}

pub(crate) enum Part {
    Text(String),
    Value {
        /// The placeholder's name, as written.
        name: String,
        value: Value,
        /// The format, from the colon on: `:03`.
        spec: String,
    },
}

pub(crate) enum Value {
    /// The function's argument at this place among its inputs.
    Argument(usize),
    /// A constant or a const generic, for the compiler to find.
    Constant(Ident),
}

/// Whether the text is a template and no plain name.
pub(crate) fn is_one(text: &str) -> bool {
    text.contains(['{', '}'])
}

impl Template {
    pub(crate) fn check(text: LitStr, sig: &Signature) -> syn::Result<Self> {
        match parts(&text, sig) {
            Ok(parts) => Ok(Self { text, parts }),
            Err(problem) => {
                let message = format!("this is not a lock name: {problem}");
                Err(syn::Error::new(text.span(), message))
            }
        }
    }

    /// Whether the argument at this place goes into the name.
    pub(crate) fn uses(&self, index: usize) -> bool {
        self.parts.iter().any(|part| {
            matches!(part, Part::Value { value: Value::Argument(used), .. } if *used == index)
        })
    }
}

fn parts(literal: &LitStr, sig: &Signature) -> Result<Vec<Part>, String> {
    let whole = literal.value();
    let mut parts = Vec::new();
    let mut rest = whole.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        let (text, from_brace) = rest.split_at(at);
        if !text.is_empty() {
            parts.push(text_part(text)?);
        }
        if from_brace.starts_with("{{") || from_brace.starts_with("}}") {
            return Err(format!(
                "`{0}` stands for a brace, which a lock name cannot have",
                &from_brace[..2]
            ));
        }
        let Some(inside) = from_brace.strip_prefix('{') else {
            return Err("`}` closes nothing; a placeholder is `{name}`".to_owned());
        };
        let Some((inside, after)) = inside.split_once('}') else {
            return Err("`{` is not closed; a placeholder is `{name}`".to_owned());
        };
        let separated = match parts.as_slice() {
            [.., Part::Value { .. }] => false,
            [.., Part::Value { .. }, Part::Text(between)] => between.contains(['/', ':']),
            _ => true,
        };
        if !separated {
            return Err(format!(
                "between `{{{inside}}}` and the placeholder before it, write a `/` or a `:`, which \
                 no value can have; without it, two calls with other values could get one name"
            ));
        }
        parts.push(value_part(inside, literal.span(), sig)?);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(text_part(rest)?);
    }
    if let Some(Part::Text(first)) = parts.first() {
        rule::check_start(first)?;
    }
    // The length of the shortest name that the template can give.
    let least: usize = parts.iter().map(least).sum();
    if least > rule::MAX_LEN {
        return Err(format!(
            "it gives at least {least} bytes; a lock name has at most {}",
            rule::MAX_LEN
        ));
    }
    Ok(parts)
}

fn least(part: &Part) -> usize {
    match part {
        Part::Text(text) => text.len(),
        Part::Value { .. } => 1,
    }
}

fn text_part(text: &str) -> Result<Part, String> {
    rule::check_characters(text)?;
    Ok(Part::Text(text.to_owned()))
}

fn value_part(inside: &str, span: Span, sig: &Signature) -> Result<Part, String> {
    let (name, spec) = match inside.find(':') {
        Some(colon) => inside.split_at(colon),
        None => (inside, ""),
    };
    let write = example(sig);
    if name.is_empty() {
        return Err(format!(
            "`{{{inside}}}` does not say which value; write {write}"
        ));
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!(
            "`{{{inside}}}` is a number, and a placeholder is a name; write {write}"
        ));
    }
    if let Some((_, after)) = name.split_once('.') {
        let field = after
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next();
        let field = field.filter(|field| !field.is_empty()).unwrap_or("value");
        return Err(format!(
            "`{{{inside}}}` is more than a name; take the value as an argument, and write \
             `{{{field}}}`"
        ));
    }
    let Ok(ident) = Ident::parse_any.parse_str(name) else {
        return Err(no_name(inside, &write));
    };
    if name == "_" {
        return Err("`{_}` has no value; give the argument a name".to_owned());
    }
    if spec.contains('$') {
        return Err(format!(
            "the format of `{{{inside}}}` takes a number from an argument; write the number"
        ));
    }
    let value = match find(&ident, sig) {
        Found::Argument(index) => Value::Argument(index),
        Found::Twice => return Err(name::alike(name)),
        Found::InPattern => {
            return Err(format!(
                "`{name}` is bound by a pattern, and the name is needed before that; give the \
                 argument a name and write that, or take `{name}` as an argument of its own"
            ));
        }
        Found::Elsewhere if name == "self" => {
            return Err("there is no `self` here".to_owned());
        }
        Found::Elsewhere if name.contains(char::is_lowercase) => {
            return Err(format!(
                "there is no argument `{name}`; write {write} (in upper case)"
            ));
        }
        Found::Elsewhere => Value::Constant(Ident::new(name, span)),
    };
    Ok(Part::Value {
        name: name.to_owned(),
        value,
        spec: spec.to_owned(),
    })
}

fn no_name(inside: &str, write: &str) -> String {
    format!("`{{{inside}}}` is not the name of an argument or a constant; write {write}")
}

/// The placeholders that can be written: `` `{id}`, `{day}` or a constant ``.
fn example(sig: &Signature) -> String {
    let arguments = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(input) => plain(&input.pat).map(|ident| ident.unraw().to_string()),
        FnArg::Receiver(_) => None,
    });
    let mut arguments: Vec<String> = arguments.map(|name| format!("`{{{name}}}`")).collect();
    if arguments.is_empty() {
        return "`{id}`, with the name of an argument or a constant".to_owned();
    }
    arguments.push("a constant".to_owned());
    let last = arguments.pop().unwrap_or_default();
    format!("{} or {last}", arguments.join(", "))
}

enum Found {
    Argument(usize),
    Twice,
    InPattern,
    Elsewhere,
}

fn find(name: &Ident, sig: &Signature) -> Found {
    let mut found = Found::Elsewhere;
    for (index, input) in sig.inputs.iter().enumerate() {
        let pat = match input {
            FnArg::Receiver(_) if name == "self" => return Found::Argument(index),
            FnArg::Receiver(_) => continue,
            FnArg::Typed(input) => &*input.pat,
        };
        let this = match plain(pat) {
            Some(ident) if ident.unraw() == *name => Found::Argument(index),
            None if mentions(pat.to_token_stream(), name) => Found::InPattern,
            _ => continue,
        };
        if !matches!(found, Found::Elsewhere) {
            return Found::Twice;
        }
        found = this;
    }
    found
}

/// The name of an argument that is no pattern: only such a name is known before the body.
fn plain(pat: &Pat) -> Option<&Ident> {
    match pat {
        Pat::Ident(PatIdent {
            ident,
            by_ref: None,
            subpat: None,
            ..
        }) => Some(ident),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    /// The parts: `invoice/|0:03|REGION`.
    fn read(text: &str, sig: &Signature) -> Result<String, String> {
        let text = LitStr::new(text, Span::call_site());
        let template = Template::check(text, sig).map_err(|error| error.to_string())?;
        let parts = template.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Value { value, spec, .. } => match value {
                Value::Argument(index) => format!("{index}{spec}"),
                Value::Constant(name) => format!("{name}{spec}"),
            },
        });
        Ok(parts.collect::<Vec<_>>().join("|"))
    }

    fn signature() -> Signature {
        parse_quote!(async fn f(&self, mut id: u32, r#type: u32, (a, b): P, c @ 1: u32, ref d: u32))
    }

    #[test]
    fn placeholders_find_their_arguments() {
        for (text, parts) in [
            ("x-{id}", "x-|1"),
            ("{id:03}/{type}", "1:03|/|2"),
            ("{self}:x/{REGION}", "0|:x/|REGION"),
            ("{id}a/b{type}", "1|a/b|2"),
        ] {
            assert_eq!(read(text, &signature()).as_deref(), Ok(parts), "{text}");
        }
        let name = LitStr::new("x-{id}", Span::call_site());
        let template = Template::check(name, &signature()).ok().unwrap();
        assert!(template.uses(1) && !template.uses(0) && !template.uses(2));
    }

    #[test]
    fn what_is_bound_by_a_pattern_is_refused_and_not_proposed() {
        for name in ["a", "b", "c", "d"] {
            let error = read(&format!("x-{{{name}}}"), &signature()).unwrap_err();
            assert!(error.contains("is bound by a pattern"), "{error}");
        }
        let error = read("x-{idd}", &signature()).unwrap_err();
        let proposed = "write `{id}`, `{type}` or a constant";
        assert!(error.contains(proposed), "{error}");
        let error = read("x-{idd}", &parse_quote!(async fn f((a, b): P))).unwrap_err();
        assert!(error.contains("write `{id}`, with the name"), "{error}");
    }

    #[test]
    fn the_shortest_value_must_leave_room() {
        let sig = parse_quote!(async fn f(id: u32));
        let name = |text: usize| format!("{}{{id}}", "a".repeat(text));
        assert!(read(&name(199), &sig).is_ok());
        let error = read(&name(200), &sig).unwrap_err();
        assert!(error.contains("at least 201 bytes"), "{error}");
    }

    #[test]
    fn two_values_are_kept_apart() {
        let sig = parse_quote!(async fn f(a: u32, b: u32));
        for text in ["{a}/{b}", "{a}:{b}", "{a}-/-{b}", "x{a}/{b}/{a}"] {
            assert!(read(text, &sig).is_ok(), "{text}");
        }
        for text in ["{a}{b}", "{a}-{b}", "{a}/{b}{a}", "x/{a}.{b}"] {
            let error = read(text, &sig).unwrap_err();
            assert!(error.contains("write a `/` or a `:`"), "{text}: {error}");
        }
    }
}
