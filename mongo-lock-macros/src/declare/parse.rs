//! Reading `lock_names!`, half-written too: what is there is declared, and a slip costs one error.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    AttrStyle, Attribute, LitStr, Path, Token, Visibility, braced, bracketed,
    ext::IdentExt as _,
    parse::{Parse, ParseStream},
    token,
};

use crate::{args::Args, argument::Place, errors::Errors, name::is_upper_camel, slot::Value as _};

const SYNTAX: &str = "write `mod locks { Report = \"report\", ttl = \"5m\"; … }`";

/// A call of `lock_names!`.
pub(super) struct Declaration {
    pub(super) krate: Option<Path>,
    pub(super) attrs: Vec<Attribute>,
    pub(super) vis: Visibility,
    pub(super) module: Ident,
    pub(super) locks: Vec<Lock>,
    pub(super) errors: Errors,
}

/// One lock of it.
pub(super) struct Lock {
    pub(super) attrs: Vec<Attribute>,
    pub(super) ident: Ident,
    /// `None` when the name is missing or wrong, and the error is reported.
    pub(super) name: Option<LitStr>,
    pub(super) args: Args,
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut errors = Errors::default();
        let krate = if input.peek(Token![crate]) && input.peek2(Token![=]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            let path = errors.keep(Path::read(input));
            if input.parse::<Token![;]>().is_err() && errors.is_empty() {
                errors.at(input.span(), "expected `;` after the crate");
            }
            path
        } else {
            None
        };
        let attrs = errors.keep(attributes(input)).unwrap_or_default();
        let mut vis = input.parse()?;
        let syntax = |span| syn::Error::new(span, format!("the locks stand in a module: {SYNTAX}"));
        if !input.peek(Token![mod]) {
            let error = syntax(input.span());
            // A slip before the module: who uses its locks sees no error of it.
            while !input.is_empty() && !input.peek(Token![mod]) {
                input.parse::<TokenTree>()?;
            }
            if input.is_empty() {
                return Err(errors.into_inner().unwrap_or(error));
            }
            if errors.is_empty() {
                errors.push(error);
            }
            vis = syn::parse_quote!(pub(crate));
        }
        input.parse::<Token![mod]>()?;
        let module: Ident = input.parse().map_err(|error| syntax(error.span()))?;
        let mut locks = Vec::new();
        if input.peek(token::Brace) {
            let content;
            braced!(content in input);
            while !content.is_empty() {
                locks.extend(Lock::read(&content, &mut errors));
            }
        } else {
            if errors.is_empty() {
                errors.push(syntax(module.span()));
            }
            let _ = input.parse::<Token![;]>();
        }
        if !input.is_empty() {
            let message = "expected nothing after the module; use `lock_names!` again";
            errors.at(input.span(), message);
            input.parse::<TokenStream>()?;
        }
        Ok(Self {
            krate,
            attrs,
            vis,
            module,
            locks,
            errors,
        })
    }
}

impl Lock {
    /// Reads a lock and its semicolon. Of a half-written one, all that is there; `None` only without the
    /// lock's own name.
    fn read(input: ParseStream<'_>, errors: &mut Errors) -> Option<Self> {
        let (attrs, mut slip) = match attributes(input) {
            Ok(attrs) => (attrs, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let ident = match input.parse::<Ident>() {
            Ok(ident) => ident,
            Err(error) => {
                let message = format!("expected a lock: {SYNTAX}");
                errors.push(slip.unwrap_or_else(|| syn::Error::new(error.span(), message)));
                rest(input);
                let _ = input.parse::<Token![;]>();
                return None;
            }
        };
        if slip.is_none() && !is_upper_camel(&ident.unraw().to_string()) {
            slip = Some(syn::Error::new(
                ident.span(),
                "a lock becomes a type: write its name in upper camel case, such as \
                 `NightlyReport`",
            ));
        }
        let name = match Self::read_name(&ident, input) {
            Ok(name) => Some(name),
            Err(error) => {
                slip = slip.or(Some(error));
                None
            }
        };
        let mut args = Args::default();
        if slip.is_some() {
            // One error for the lock; a ttl stands in for what was not read.
            args.half_written = true;
            rest(input);
        } else {
            args = Args::parse(rest(input), Place::Declaration);
        }
        if let Some(error) = slip {
            errors.push(error);
        }
        if !input.is_empty() && input.parse::<Token![;]>().is_err() {
            errors.at(input.span(), "expected `;` between two locks");
        }
        Some(Self {
            attrs,
            ident,
            name,
            args,
        })
    }

    /// `= "report",`
    fn read_name(lock: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
        let needs = |span| {
            let message = format!("a lock needs a name: write `{lock} = \"nightly-report\"`");
            syn::Error::new(span, message)
        };
        if input.is_empty() || input.peek(Token![;]) {
            return Err(needs(lock.span()));
        }
        input
            .parse::<Token![=]>()
            .map_err(|error| needs(error.span()))?;
        if input.is_empty() || input.peek(Token![;]) || starts_lock(input) {
            return Err(needs(lock.span()));
        }
        let name: LitStr = input.parse().map_err(|error| {
            let message = "a lock's name is a string, such as `\"nightly-report\"`";
            syn::Error::new(error.span(), message)
        })?;
        if !input.is_empty() && !input.peek(Token![;]) && !starts_lock(input) {
            let span = input.span();
            input
                .parse::<Token![,]>()
                .map_err(|_| syn::Error::new(span, "expected `,` before the terms"))?;
        }
        Ok(name)
    }
}

/// Reads the attributes that stand here. Half-written ones are skipped, at the cost of one error.
fn attributes(input: ParseStream<'_>) -> syn::Result<Vec<Attribute>> {
    let (mut attrs, mut slip) = (Vec::new(), None);
    while input.peek(Token![#]) {
        match attribute(input) {
            Ok(attr) => attrs.push(attr),
            Err(error) => slip = slip.or(Some(error)),
        }
    }
    slip.map_or(Ok(attrs), Err)
}

fn attribute(input: ParseStream<'_>) -> syn::Result<Attribute> {
    let pound_token: Token![#] = input.parse()?;
    let slip = || {
        let message = "expected an attribute, such as `#[cfg(unix)]`";
        syn::Error::new(pound_token.span, message)
    };
    if !input.peek(token::Bracket) {
        return Err(slip());
    }
    let content;
    let bracket_token = bracketed!(content in input);
    let meta = content.parse();
    // What is left unread would be an error of the parser's, at the end.
    let is_all = content.is_empty();
    content.parse::<TokenStream>()?;
    match meta {
        Ok(meta) if is_all => Ok(Attribute {
            pound_token,
            style: AttrStyle::Outer,
            bracket_token,
            meta,
        }),
        _ => Err(slip()),
    }
}

/// The tokens up to the next semicolon, or to the next lock where the semicolon is missing.
fn rest(input: ParseStream<'_>) -> TokenStream {
    let mut rest = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![;]) && !starts_lock(input) {
        match input.parse::<TokenTree>() {
            Ok(token) => rest.extend([token]),
            Err(_) => break,
        }
    }
    rest
}

/// Whether a lock stands here, and no argument or value: `Report =`.
fn starts_lock(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let attrs = ahead.call(Attribute::parse_outer);
    let lock = attrs.and_then(|_| Ok(ahead.parse::<Ident>()?.to_string()));
    lock.is_ok_and(|lock| is_upper_camel(&lock)) && ahead.peek(Token![=])
}
