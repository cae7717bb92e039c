//! Parsing the annotated function: its signature is read, its body stays as it is.

use proc_macro2::{Delimiter, Group, TokenTree};
use syn::{
    Abi, Attribute, Signature, Token, Visibility,
    parse::{ParseStream, Parser as _},
    spanned::Spanned as _,
};

/// An `async fn` with a body.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    /// The body's `#![…]`. They mean the whole function, and the block that the body becomes could
    /// not carry them.
    pub(crate) inner_attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) defaultness: Option<Token![default]>,
    pub(crate) sig: Signature,
    /// In the user's braces, with the user's spans.
    pub(crate) body: Group,
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
        let sig = input
            .parse::<Signature>()
            .map_err(|slip| not_a_function(&start, slip))?;
        check_signature(&sig)?;
        let (inner_attrs, body) = match input.parse()? {
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => split_body(&body)?,
            other => {
                return Err(syn::Error::new(
                    other.span(),
                    "there is no body to run under the lock; annotate the implementations, or \
                     give this function a default body",
                ));
            }
        };
        if !input.is_empty() {
            return Err(input.error("expected nothing after the function"));
        }
        Ok(Self {
            attrs,
            inner_attrs,
            vis,
            defaultness,
            sig,
            body,
        })
    }
}

fn not_a_function(start: ParseStream<'_>, slip: syn::Error) -> syn::Error {
    let head = start.fork();
    if is_function(&head).unwrap_or(false) {
        // A function with a slip in it: the parser's message says where.
        return slip;
    }
    syn::Error::new(
        start.span(),
        "`#[distributed_lock]` goes on an `async fn` with a body",
    )
}

fn is_function(head: ParseStream<'_>) -> syn::Result<bool> {
    head.parse::<Option<Token![const]>>()?;
    head.parse::<Option<Token![async]>>()?;
    head.parse::<Option<Token![unsafe]>>()?;
    head.parse::<Option<Abi>>()?;
    Ok(head.peek(Token![fn]))
}

fn check_signature(sig: &Signature) -> syn::Result<()> {
    if let Some(constness) = &sig.constness {
        return Err(syn::Error::new(
            constness.span(),
            "a `const fn` cannot wait for a lock; write `async fn`",
        ));
    }
    if sig.asyncness.is_none() {
        return Err(syn::Error::new(
            sig.fn_token.span(),
            "taking a lock is asynchronous; write `async fn`, and put `#[distributed_lock]` above \
             attributes that make a function synchronous, such as `#[tokio::main]` and \
             `#[tokio::test]`",
        ));
    }
    if let Some(abi) = &sig.abi {
        return Err(syn::Error::new(
            abi.span(),
            "an `extern` function cannot be `async`; remove the ABI",
        ));
    }
    Ok(())
}

/// `{ #![allow(x)] rest }` → `[#![allow(x)]]`, `{ rest }`
fn split_body(body: &Group) -> syn::Result<(Vec<Attribute>, Group)> {
    let split = |input: ParseStream<'_>| {
        let attrs = input.call(Attribute::parse_inner)?;
        Ok((attrs, input.parse::<proc_macro2::TokenStream>()?))
    };
    let (attrs, rest) = split.parse2(body.stream())?;
    if attrs.is_empty() {
        return Ok((attrs, body.clone()));
    }
    let mut group = Group::new(Delimiter::Brace, rest);
    group.set_span(body.span());
    Ok((attrs, group))
}
