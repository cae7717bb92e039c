//! Checking the argument `name`.

use quote::ToTokens as _;
use syn::{
    Expr, ExprLit, ExprPath, FnArg, GenericParam, Lit, LitStr, Pat, Path, Signature,
    spanned::Spanned as _,
};

use crate::{
    errors::Errors,
    rule,
    template::{self, Template},
    terms::peel,
};

/// The checked value of `name`.
pub(crate) enum Name {
    Literal(LitStr),
    Template(Template),
    /// The path of a constant or of a lock of `lock_names!`.
    Path {
        path: ExprPath,
        /// Whether the path looks like a type, and so like a lock: `locks::NightlyReport`.
        declared: bool,
    },
    /// The function's argument at this place among its inputs.
    Argument(ExprPath, usize),
    /// A value that was refused. The error is among the errors that the check returns.
    Refused,
}

impl Name {
    /// Checks the value. A wrong one becomes [`Refused`](Self::Refused).
    pub(crate) fn check(value: Expr, sig: &Signature, errors: &mut Errors) -> Self {
        let Some(name) = errors.keep(Self::read(value, sig)) else {
            return Self::Refused;
        };
        errors.keep(name.check_module());
        name
    }

    fn read(value: Expr, sig: &Signature) -> syn::Result<Self> {
        match peel(value) {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => {
                if template::is_one(&text.value()) {
                    return Template::check(text, sig).map(Self::Template);
                }
                check_literal(&text)?;
                Ok(Self::Literal(text))
            }
            Expr::Path(path) => match arguments(&path, sig)[..] {
                [] => Ok(Self::of_path(path, sig)),
                [index] => Ok(Self::Argument(path, index)),
                [..] => Err(syn::Error::new(
                    path.span(),
                    alike(&path.to_token_stream().to_string()),
                )),
            },
            other => Err(syn::Error::new(
                other.span(),
                "a lock name is a string literal, the path of a `&'static str` constant, or a lock \
                 of `lock_names!`",
            )),
        }
    }

    fn of_path(path: ExprPath, sig: &Signature) -> Self {
        let declared = names_a_type(&path.path) && is_fixed(&path, sig);
        Self::Path { path, declared }
    }

    /// Refuses a declared lock without its module, through which the compiler finds a second function
    /// that claims the lock.
    fn check_module(&self) -> syn::Result<()> {
        match self {
            Self::Path {
                path,
                declared: true,
            } if path.path.segments.len() == 1 => {
                let lock = &path.path.segments[0].ident;
                Err(syn::Error::new(
                    lock.span(),
                    format!(
                        "write the lock with its module, `locks::{lock}`: through the module the \
                         compiler sees that no other function claims it"
                    ),
                ))
            }
            _ => Ok(()),
        }
    }
}

/// Checks a name that is written out, in an attribute or a declaration.
pub(crate) fn check_literal(text: &LitStr) -> syn::Result<()> {
    rule::check(&text.value()).map_err(|problem| {
        syn::Error::new(text.span(), format!("this is not a lock name: {problem}"))
    })
}

/// The problem of two arguments with one spelling, which only a macro can tell apart.
pub(crate) fn alike(name: &str) -> String {
    format!(
        "two arguments are spelled `{name}`, one of them by a macro, and this can mean either; give \
         one of them another name"
    )
}

/// The function's arguments that are spelled like the path. Two are, where a macro has written one of
/// them.
pub(crate) fn arguments(path: &ExprPath, sig: &Signature) -> Vec<usize> {
    let Some(name) = path.path.get_ident() else {
        return Vec::new();
    };
    let inputs = sig.inputs.iter().enumerate();
    let named = inputs.filter(|(_, input)| match input {
        FnArg::Typed(input) => matches!(&*input.pat, Pat::Ident(pat) if pat.ident == *name),
        FnArg::Receiver(_) => false,
    });
    named.map(|(index, _)| index).collect()
}

/// Whether an item inside the function can name the number: as [`is_fixed`], but `N` alone may be a
/// constant, or a const generic of the surrounding `impl`.
pub(crate) fn is_fixed_number(path: &ExprPath, sig: &Signature) -> bool {
    let alone = path.path.segments.len() == 1 && path.path.leading_colon.is_none();
    !alone && is_fixed(path, sig)
}

/// Whether an item inside the function can name the path, such as `m::NAME`, `crate::NAME` or `NAME`:
/// the path is neither an argument nor, as far as its tokens show, part of `Self` or of a generic
/// type.
///
/// `Config::NAME` may belong to a type or to a generic parameter of the surrounding `impl`; the tokens
/// do not tell which.
pub(crate) fn is_fixed(path: &ExprPath, sig: &Signature) -> bool {
    let segments = &path.path.segments;
    if path.qself.is_some() || segments.iter().any(|part| !part.arguments.is_none()) {
        return false;
    }
    if path.path.leading_colon.is_some() {
        return true;
    }
    let first = &segments[0].ident;
    let mut generics = sig.generics.params.iter();
    if generics.any(|param| match param {
        GenericParam::Type(param) => param.ident == *first,
        GenericParam::Const(param) => param.ident == *first,
        GenericParam::Lifetime(_) => false,
    }) {
        return false;
    }
    if segments.len() == 1 {
        return arguments(path, sig).is_empty();
    }
    // `Duration::MAX` of the standard library: no generic parameter has that name.
    !first.to_string().starts_with(char::is_uppercase) || first == "Duration"
}

/// Whether the path looks like `locks::NightlyReport`, and not like `m::NAME` or `m::Type::Name`: the
/// naming rules of the language tell a type from a constant, and a module from a type.
fn names_a_type(path: &Path) -> bool {
    let mut names = path.segments.iter().map(|part| part.ident.to_string());
    let last = names.next_back().is_some_and(|last| is_upper_camel(&last));
    let module = names
        .next_back()
        .is_none_or(|module| !is_upper_camel(&module));
    last && module
}

pub(crate) fn is_upper_camel(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use syn::{ExprPath, LitStr, Signature, parse_quote};

    use super::*;

    #[test]
    fn a_name_has_at_most_200_bytes() {
        let name = |len| LitStr::new(&"a".repeat(len), Span::call_site());
        assert!(check_literal(&name(1)).is_ok());
        assert!(check_literal(&name(200)).is_ok());
        assert!(check_literal(&name(201)).is_err());
    }

    #[test]
    fn a_path_is_fixed_unless_it_belongs_to_a_type_or_a_call() {
        let sig: Signature = parse_quote!(
            async fn f<const N: u32, T: Named>(&self, queue: &str, Pair(a, _): Pair)
        );
        let fixed: [ExprPath; 8] = [
            parse_quote!(Duration::MAX),
            parse_quote!(NAME),
            parse_quote!(m::NAME),
            parse_quote!(crate::NAME),
            parse_quote!(m::Config::NAME),
            parse_quote!(::Config::NAME),
            parse_quote!(Report),
            parse_quote!(m::queue),
        ];
        for path in fixed {
            let last = path.path.segments.last().unwrap().ident.clone();
            assert!(is_fixed(&path, &sig), "{last}");
        }
        let others: [ExprPath; 8] = [
            parse_quote!(N),
            parse_quote!(T::NAME),
            parse_quote!(queue),
            parse_quote!(Self::NAME),
            parse_quote!(Config::NAME),
            parse_quote!(<T as Named>::NAME),
            parse_quote!(m::Config::<T>::NAME),
            parse_quote!(m::name::<T>),
        ];
        for path in others {
            let last = path.path.segments.last().unwrap().ident.clone();
            assert!(!is_fixed(&path, &sig), "{last}");
        }
    }

    #[test]
    fn a_type_in_a_module_is_a_lock_of_a_declaration() {
        let sig: Signature = parse_quote!(async fn f(queue: &str));
        let declared = |path: ExprPath| match Name::of_path(path, &sig) {
            Name::Path { declared, .. } => declared,
            _ => false,
        };
        assert!(declared(parse_quote!(locks::NightlyReport)));
        assert!(declared(parse_quote!(crate::locks::R1a)));
        assert!(declared(parse_quote!(NightlyReport)));
        assert!(!declared(parse_quote!(locks::NIGHTLY_REPORT)));
        assert!(!declared(parse_quote!(locks::nightly)));
        assert!(!declared(parse_quote!(m::Type::Name)));
        assert!(!declared(parse_quote!(R)));
    }
}
