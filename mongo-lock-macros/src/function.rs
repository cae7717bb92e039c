//! Parsing the annotated function: its signature is read, its body stays as it is.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::quote;
use syn::{
    Abi, Attribute, ReturnType, Signature, Token, Visibility,
    parse::{ParseStream, Parser as _},
    spanned::Spanned as _,
};

use crate::pinned::Pinned;

/// An `async fn` with a body, or the function that `#[async_trait]` makes of one.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    /// The inner attributes `#![…]` of the body. The attributes apply to the whole function, and the block
    /// that the body becomes cannot carry them.
    pub(crate) inner_attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) defaultness: Option<Token![default]>,
    pub(crate) sig: Signature,
    /// The return type of the body.
    pub(crate) output: ReturnType,
    /// The body in the user's braces, with the user's spans.
    pub(crate) body: Group,
    /// The call that boxes the future, when the function is not `async` itself.
    pub(crate) pinned: Option<Pinned>,
    /// A mistake that was mended here, so that the callers see none.
    pub(crate) mended: Option<syn::Error>,
}

impl Function {
    pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let defaultness = if input.peek(Token![default]) && !input.peek2(Token![!]) {
            Some(input.parse()?)
        } else {
            None
        };
        let start = input.fork();
        let mut sig = input
            .parse::<Signature>()
            .map_err(|slip| not_a_function(&start, slip))?;
        let mut mended = None;
        let (inner_attrs, body) = match input.parse().map(braces)? {
            Ok(body) => split_body(&body)?,
            Err(other) => {
                mended = Some(syn::Error::new(
                    other.span(),
                    "there is no body to run under the lock; annotate the implementations, or \
                     give this function a default body",
                ));
                // Of any type, and defined outside a trait, too.
                let mut body = Group::new(Delimiter::Brace, quote!(loop {}));
                body.set_span(other.span());
                (Vec::new(), body)
            }
        };
        if !input.is_empty() {
            return Err(input.error("expected nothing after the function"));
        }
        let pinned = Pinned::read(&sig, &body);
        let (output, body, pinned) = match pinned {
            Some((pinned, output, body)) => (output, body, Some(pinned)),
            None => (sig.output.clone(), body, None),
        };
        if pinned.is_none()
            && let Err(error) = check_signature(&sig, &body)
        {
            if !can_be_async(&sig, &attrs, &body) {
                return Err(error);
            }
            sig.asyncness = Some(Token![async](sig.fn_token.span));
            mended.get_or_insert(error);
        }
        Ok(Self {
            attrs,
            inner_attrs,
            vis,
            defaultness,
            sig,
            output,
            body,
            pinned,
            mended,
        })
    }
}

/// The body's braces, also when the body is a `$body:block` of `macro_rules`, in its invisible group.
fn braces(token: TokenTree) -> Result<Group, TokenTree> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Ok(group),
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            let mut inside = group.stream().into_iter();
            match (inside.next(), inside.next()) {
                (Some(only), None) => braces(only),
                _ => Err(TokenTree::Group(group)),
            }
        }
        other => Err(other),
    }
}

fn not_a_function(start: ParseStream<'_>, slip: syn::Error) -> syn::Error {
    let head = start.fork();
    if is_function(&head).unwrap_or(false) {
        // A function with a slip in its signature: the parser's message says where.
        return slip;
    }
    syn::Error::new(start.span(), instead(&start.fork()))
}

/// The message for an item that is no function.
fn instead(item: ParseStream<'_>) -> &'static str {
    let _ = item.parse::<Option<Token![unsafe]>>();
    if item.peek(Token![impl]) || item.peek(Token![trait]) || item.peek(Token![mod]) {
        "`#[distributed_lock]` goes on an `async fn` with a body; annotate the functions in here \
         one by one"
    } else {
        "`#[distributed_lock]` goes on an `async fn` with a body"
    }
}

fn is_function(head: ParseStream<'_>) -> syn::Result<bool> {
    head.parse::<Option<Token![const]>>()?;
    head.parse::<Option<Token![async]>>()?;
    head.parse::<Option<Token![unsafe]>>()?;
    head.parse::<Option<Abi>>()?;
    Ok(head.peek(Token![fn]))
}

fn check_signature(sig: &Signature, body: &Group) -> syn::Result<()> {
    if let Some(constness) = &sig.constness {
        return Err(syn::Error::new(
            constness.span(),
            "a `const fn` cannot wait for a lock; write `async fn`",
        ));
    }
    if let Some(abi) = &sig.abi {
        return Err(syn::Error::new(
            abi.span(),
            "a function with a foreign ABI cannot wait for a lock; write `async fn` without the \
             ABI, and call it from this one",
        ));
    }
    if sig.asyncness.is_none() {
        return Err(if blocks(body) {
            // `#[tokio::main]` has removed the `async` keyword, which would be the best place.
            syn::Error::new(
                sig.ident.span(),
                "`#[tokio::main]` or `#[tokio::test]` has made this function synchronous; move \
                 `#[distributed_lock]` above it",
            )
        } else {
            syn::Error::new(
                sig.fn_token.span(),
                "taking a lock is asynchronous; write `async fn`",
            )
        });
    }
    Ok(())
}

/// Whether a function that is not `async` can be expanded as if it were: neither what another macro has made
/// synchronous, nor what must be.
fn can_be_async(sig: &Signature, attrs: &[Attribute], body: &Group) -> bool {
    let test = |attr: &Attribute| {
        let last = attr.path().segments.last();
        last.is_some_and(|last| last.ident == "test" || last.ident == "bench")
    };
    sig.constness.is_none()
        && sig.abi.is_none()
        && sig.ident != "main"
        && !attrs.iter().any(test)
        && !blocks(body)
}

/// Whether the body is the output of `#[tokio::main]` or `#[tokio::test]`: `… block_on(body) …`.
fn blocks(body: &Group) -> bool {
    let name = Ident::new("block_on", body.span());
    mentions(body.stream(), &name)
}

pub(crate) fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

/// `{ #![allow(x)] rest }` → `[#![allow(x)]]`, `{ rest }`
fn split_body(body: &Group) -> syn::Result<(Vec<Attribute>, Group)> {
    let split = |input: ParseStream<'_>| {
        let attrs = input.call(Attribute::parse_inner)?;
        Ok((attrs, input.parse::<TokenStream>()?))
    };
    let (attrs, rest) = split.parse2(body.stream())?;
    if attrs.is_empty() {
        return Ok((attrs, body.clone()));
    }
    let mut group = Group::new(Delimiter::Brace, rest);
    group.set_span(body.span());
    Ok((attrs, group))
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse::Parser as _;

    use super::*;

    fn body(tokens: &TokenStream) -> syn::Result<String> {
        let function = Function::parse.parse2(quote!(async fn f() #tokens))?;
        Ok(function.body.to_string().replace(' ', ""))
    }

    #[test]
    fn a_body_may_come_from_a_macro() {
        let fragment = |tokens| Group::new(Delimiter::None, tokens);
        let once = fragment(quote!({ 1 }));
        let twice = fragment(quote!(#once));
        for tokens in [quote!({ 1 }), quote!(#once), quote!(#twice)] {
            assert_eq!(body(&tokens).unwrap(), "{1}");
        }
        for no_body in [quote!({ 1 } { 2 }), quote!(5), quote!()] {
            let no_body = fragment(no_body);
            assert_eq!(body(&quote!(#no_body)).unwrap(), "{loop{}}", "{no_body}");
        }
        for no_body in [quote!(;), quote!(({ 1 })), quote!([{ 1 }])] {
            assert_eq!(body(&no_body).unwrap(), "{loop{}}");
        }
    }

    #[test]
    fn what_stands_before_the_function_is_kept() {
        let parse = |item: TokenStream| Function::parse.parse2(item);
        let function = parse(quote!(
            #[a]
            #[b]
            pub default async fn f() {}
        ))
        .unwrap();
        assert_eq!(function.attrs.len(), 2);
        assert!(function.defaultness.is_some());
        assert!(matches!(function.vis, Visibility::Public(_)));
        assert!(
            parse(quote!(
                async fn f() {}
            ))
            .unwrap()
            .defaultness
            .is_none()
        );
        // A call of a macro with that name.
        assert!(parse(quote!(default! {})).is_err());
    }

    #[test]
    fn the_attributes_in_the_body_are_taken_out() {
        let item = quote!(
            async fn f() {
                #![allow(x)]
                #![allow(y)]
                1
            }
        );
        let function = Function::parse.parse2(item).unwrap();
        assert_eq!(function.inner_attrs.len(), 2);
        assert_eq!(function.body.to_string().replace(' ', ""), "{1}");
    }
}
