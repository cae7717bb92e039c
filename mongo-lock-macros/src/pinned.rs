//! Functions that return a boxed future instead of being `async`: the form in which the attribute gets
//! a method when `#[async_trait]` is expanded first.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;
use syn::{
    GenericArgument, PathArguments, ReturnType, Signature, Token, Type, TypeParamBound, TypePath,
};

/// The call `Box::pin(async move …)`, without the block.
pub(crate) struct Pinned {
    /// `Box::pin`
    pin: TokenStream,
    /// `(…)`
    parentheses: Group,
}

impl Pinned {
    // fn run(&self) -> Pin<Box<dyn Future<Output = T> + Send>> { Box::pin(async move { body }) }
    //
    // gives `Box::pin(…)`, `-> T` and `{ body }`.
    pub(crate) fn read(sig: &Signature, body: &Group) -> Option<(Self, ReturnType, Group)> {
        if sig.asyncness.is_some() || sig.constness.is_some() {
            return None;
        }
        let output = value_of(&mut sig.output.clone())?.clone();
        let arrow = Token![->](proc_macro2::Span::call_site());
        let mut tokens: Vec<TokenTree> = body.stream().into_iter().collect();
        let Some(TokenTree::Group(parentheses)) = tokens.pop() else {
            return None;
        };
        let path = tokens.iter().all(|token| {
            matches!(token, TokenTree::Ident(_))
                || matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':')
        });
        let pins = matches!(tokens.last(), Some(TokenTree::Ident(last)) if last == "pin");
        let mut inside = parentheses.stream().into_iter();
        let block = match (inside.next(), inside.next(), inside.next(), inside.next()) {
            (
                Some(TokenTree::Ident(first)),
                Some(TokenTree::Ident(second)),
                Some(TokenTree::Group(block)),
                None,
            ) if first == "async" && second == "move" => block,
            _ => return None,
        };
        if !path || !pins || block.delimiter() != Delimiter::Brace {
            return None;
        }
        let pinned = Self {
            pin: tokens.into_iter().collect(),
            parentheses,
        };
        Some((pinned, ReturnType::Type(arrow, Box::new(output)), block))
    }

    /// `Box::pin(async move { block })`
    pub(crate) fn expand(&self, block: &TokenStream) -> TokenStream {
        let mut parentheses = Group::new(Delimiter::Parenthesis, quote!(async move { #block }));
        parentheses.set_span(self.parentheses.span());
        let pin = &self.pin;
        quote!(#pin #parentheses)
    }
}

/// The `T` of `-> Pin<Box<dyn Future<Output = T> + …>>`.
pub(crate) fn value_of(output: &mut ReturnType) -> Option<&mut Type> {
    let ReturnType::Type(_, ty) = output else {
        return None;
    };
    let boxed = only_argument(ty, "Pin")?;
    let Type::TraitObject(object) = only_argument(boxed, "Box")? else {
        return None;
    };
    object.bounds.iter_mut().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return None;
        };
        let last = bound.path.segments.last_mut()?;
        let PathArguments::AngleBracketed(arguments) = &mut last.arguments else {
            return None;
        };
        let mut arguments = arguments.args.iter_mut();
        arguments.find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => Some(&mut output.ty),
            _ => None,
        })
    })
}

/// The `X` of `Name<X>`.
fn only_argument<'a>(ty: &'a mut Type, name: &str) -> Option<&'a mut Type> {
    let Type::Path(TypePath { path, .. }) = ty else {
        return None;
    };
    let last = path.segments.last_mut().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &mut last.arguments else {
        return None;
    };
    match arguments.args.first_mut() {
        Some(GenericArgument::Type(ty)) => Some(ty),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::{Group, TokenStream, TokenTree};
    use quote::{ToTokens as _, quote};
    use syn::{Signature, parse_quote};

    use super::Pinned;

    fn read(sig: &Signature, body: TokenStream) -> Option<String> {
        let Some(TokenTree::Group(body)) = body.into_iter().next() else {
            panic!("no body");
        };
        let read: (Pinned, _, Group) = Pinned::read(sig, &body)?;
        let (pinned, output, block) = read;
        let output = output.into_token_stream();
        let call = pinned.expand(&quote!(new));
        Some(format!("{output} {block} {call}").replace(' ', ""))
    }

    #[test]
    fn the_form_of_async_trait_is_read() {
        let sig = parse_quote!(fn f(&self) -> Pin<Box<dyn Future<Output = u32> + Send>>);
        for body in [
            quote!({ Box::pin(async move { 1 }) }),
            quote!({ ::std::boxed::Box::pin(async move { 1 }) }),
        ] {
            let read = read(&sig, body).unwrap();
            assert!(read.starts_with("->u32{1}"), "{read}");
            assert!(read.ends_with("Box::pin(asyncmove{new})"), "{read}");
        }
    }

    #[test]
    fn no_other_form_is() {
        let pinned = parse_quote!(fn f() -> Pin<Box<dyn Future<Output = u32> + Send>>);
        for body in [
            quote!({ Box::new(async move { 1 }) }),
            quote!({ pin(async move { 1 }).into() }),
            quote!({
                let f = 1;
                Box::pin(async move { f })
            }),
            quote!({ Box::pin(async { 1 }) }),
            quote!({ Box::pin(async move [1]) }),
            quote!({ Box::pin(async move { 1 }.boxed()) }),
            quote!({ Box::pin(unsafe move { 1 }) }),
            quote!({ Box::pin(async fn { 1 }) }),
            quote!({}),
        ] {
            assert!(read(&pinned, body.clone()).is_none(), "{body}");
        }
        let body = quote!({ Box::pin(async move { 1 }) });
        let others: [Signature; 6] = [
            parse_quote!(async fn f() -> Pin<Box<dyn Future<Output = u32>>>),
            parse_quote!(const fn f() -> Pin<Box<dyn Future<Output = u32>>>),
            parse_quote!(fn f() -> Pin<Arc<dyn Future<Output = u32>>>),
            parse_quote!(fn f() -> Box<Box<dyn Future<Output = u32>>>),
            parse_quote!(fn f() -> Pin<Box<dyn Stream<Item = u32>>>),
            parse_quote!(fn f()),
        ];
        for sig in others {
            let text = sig.to_token_stream();
            assert!(read(&sig, body.clone()).is_none(), "{text}");
        }
    }
}
