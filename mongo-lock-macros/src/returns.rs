//! Checking the declared return type, and writing its replacement.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{
    GenericArgument, Path, PathArguments, ReturnType, Type, TypePath, spanned::Spanned as _,
};

/// The way in which the success type becomes an `Outcome`.
pub(crate) enum Returns {
    /// A plain `T`, `()` included, becomes `Result<Outcome<T>, Error>`.
    Value(Option<Type>),
    /// `Result<T, E>` becomes `Result<Outcome<T>, E>`.
    Result(TypePath),
    /// `Result<Outcome<T>, E>` stays: the body makes the `Outcome` itself.
    Outcome(TypePath),
}

impl Returns {
    /// The way of a declared type. Of one that is refused, the closest, so that the function is there for
    /// its callers, and the error.
    pub(crate) fn read(output: &ReturnType) -> (Self, Option<syn::Error>) {
        let ReturnType::Type(_, ty) = output else {
            return (Self::Value(None), None);
        };
        let path = match peel(ty) {
            Type::Never(never) => {
                let error = syn::Error::new(
                    never.span(),
                    "a function that never returns cannot say that it was skipped; return `()` or \
                     a `Result`",
                );
                return (Self::Value(None), Some(error));
            }
            Type::Path(path) => path,
            _ => return (Self::Value(Some((**ty).clone())), None),
        };
        let value = || Self::Value(Some((**ty).clone()));
        if is_outcome(path) {
            let error = syn::Error::new(
                path.span(),
                "a lock can fail, and a bare `Outcome` cannot say so; write the plain type, which \
                 becomes `Result<Outcome<T>, Error>`, or write out `Result<Outcome<T>, E>`; a type of \
                 your own with this name needs an alias with another one",
            );
            return (value(), Some(error));
        }
        if !ends_with(path, |last| last.ends_with("Result")) {
            return (value(), None);
        }
        match success(&path.path) {
            Some(Type::Path(ok)) if is_outcome(ok) => (Self::Outcome(path.clone()), None),
            Some(_) => (Self::Result(path.clone()), None),
            None => {
                let last = path.path.segments.last();
                let last = last.map(|last| last.ident.to_string()).unwrap_or_default();
                let own = if last == "Result" {
                    String::new()
                } else {
                    format!(
                        "; if `{last}` is no alias of a `Result`, write `Result<{last}, Error>`"
                    )
                };
                let error = syn::Error::new(
                    path.span(),
                    format!(
                        "the success type must be visible, since it becomes `Outcome<T>`; write it \
                         out: `Result<T, E>`{own}"
                    ),
                );
                (value(), Some(error))
            }
        }
    }

    /// Whether the type may be a `Result` under another name, which only the compiler knows.
    pub(crate) fn may_hide_a_result(&self) -> Option<&Type> {
        match self {
            Self::Value(Some(ty)) => {
                let Type::Path(path) = peel(ty) else {
                    return None;
                };
                let plain = path.qself.is_none() && types(&path.path).all(|ty| !hides_a_type(ty));
                plain.then_some(ty)
            }
            _ => None,
        }
    }

    /// Whether the name of the type ends in `Result`, and has more than that.
    pub(crate) fn is_alias(&self) -> bool {
        matches!(self, Self::Result(path) if !ends_with(path, |last| last == "Result"))
    }

    /// The type that the function now returns.
    ///
    /// `private` gives the runtime's module for expansions, at a span.
    pub(crate) fn declared(&self, private: impl Fn(Span) -> TokenStream) -> TokenStream {
        let outcome = |span, ty: TokenStream| {
            let private = private(span);
            quote!(#private::Outcome<#ty>)
        };
        match self {
            Self::Value(ty) => {
                let ty = ty.as_ref().map_or_else(|| quote!(()), |ty| quote!(#ty));
                let outcome = outcome(ty.span(), ty);
                let private = private(Span::mixed_site());
                quote!(#private::Result<#outcome, #private::Error>)
            }
            Self::Result(path) => {
                let mut path = path.clone();
                if let Some(ok) = success_mut(&mut path.path) {
                    *ok = Type::Verbatim(outcome(ok.span(), ok.to_token_stream()));
                }
                path.into_token_stream()
            }
            Self::Outcome(path) => path.into_token_stream(),
        }
    }

    /// The type of the body, with `_` for a part that cannot be named inside a function.
    pub(crate) fn of_body(&self) -> TokenStream {
        match self {
            Self::Value(None) => quote!(()),
            Self::Value(Some(ty)) => nameable(ty.clone()).into_token_stream(),
            Self::Result(path) | Self::Outcome(path) => {
                nameable(Type::Path(path.clone())).into_token_stream()
            }
        }
    }

    /// The location of the name that tells what the type is: `Outcome`, or the alias of a `Result`.
    pub(crate) fn name_span(&self) -> Option<Span> {
        let (Self::Result(path) | Self::Outcome(path)) = self else {
            return None;
        };
        let name = match success(&path.path) {
            Some(Type::Path(ok)) if is_outcome(ok) => ok,
            _ => path,
        };
        name.path.segments.last().map(|last| last.ident.span())
    }

    /// The location of the function's error type, or of the alias that hides the error type. `None`
    /// when the function declares no error type.
    pub(crate) fn error_span(&self) -> Option<Span> {
        match self {
            Self::Value(_) => None,
            Self::Result(path) | Self::Outcome(path) => {
                Some(types(&path.path).nth(1).map_or(path.span(), Type::span))
            }
        }
    }
}

/// The type without the invisible group of a `macro_rules` fragment, and without parentheses.
fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        _ => ty,
    }
}

fn ends_with(path: &TypePath, matches: impl FnOnce(&str) -> bool) -> bool {
    path.path
        .segments
        .last()
        .is_some_and(|last| matches(&last.ident.to_string()))
}

/// Whether the path is that of an `Outcome<T>`. One with no parameter, or with more, is a type of the
/// author's own.
fn is_outcome(path: &TypePath) -> bool {
    ends_with(path, |last| last == "Outcome") && types(&path.path).count() == 1
}

fn hides_a_type(ty: &Type) -> bool {
    nameable(ty.clone()).to_token_stream().to_string() != ty.to_token_stream().to_string()
}

fn types(path: &Path) -> impl Iterator<Item = &Type> {
    let arguments = path.segments.last().map(|last| &last.arguments);
    let arguments = match arguments {
        Some(PathArguments::AngleBracketed(arguments)) => Some(&arguments.args),
        _ => None,
    };
    arguments
        .into_iter()
        .flatten()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
}

fn success(path: &Path) -> Option<&Type> {
    types(path).next().map(peel)
}

fn success_mut(path: &mut Path) -> Option<&mut Type> {
    let PathArguments::AngleBracketed(arguments) = &mut path.segments.last_mut()?.arguments else {
        return None;
    };
    arguments
        .args
        .iter_mut()
        .find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
}

/// `Result<impl Display, E>` → `Result<_, E>`: only the body's value determines an `impl Trait`.
fn nameable(mut ty: Type) -> Type {
    match &mut ty {
        Type::ImplTrait(hidden) => {
            let span = hidden.span();
            return Type::Verbatim(quote_spanned!(span=> _));
        }
        Type::Path(path) => {
            for segment in &mut path.path.segments {
                if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                    for argument in &mut arguments.args {
                        if let GenericArgument::Type(ty) = argument {
                            *ty = nameable(ty.clone());
                        }
                    }
                }
            }
        }
        Type::Tuple(tuple) => {
            for elem in &mut tuple.elems {
                *elem = nameable(elem.clone());
            }
        }
        Type::Group(group) => *group.elem = nameable((*group.elem).clone()),
        Type::Paren(paren) => *paren.elem = nameable((*paren.elem).clone()),
        Type::Reference(reference) => *reference.elem = nameable((*reference.elem).clone()),
        Type::Array(array) => *array.elem = nameable((*array.elem).clone()),
        Type::Slice(slice) => *slice.elem = nameable((*slice.elem).clone()),
        _ => {}
    }
    ty
}

#[cfg(test)]
mod tests;
