//! Checking what names the lock.

use syn::{
    Expr, ExprLit, ExprPath, FnArg, Lit, LitStr, Pat, Path, Signature, spanned::Spanned as _,
};

use crate::{
    errors::Errors,
    rule,
    template::{self, Template},
    terms::peel,
};

pub(crate) enum Name {
    Literal(LitStr),
    Template(Template),
    /// A constant, or a lock of `lock_names!`.
    Path {
        path: ExprPath,
        /// The lock's type, if the path looks like one: `locks::NightlyReport`.
        declared: bool,
    },
    /// The function's argument at this place among its inputs.
    Argument(ExprPath, usize),
    /// It was none. The error is on its way.
    Refused,
}

impl Name {
    /// Something harmless where it is wrong.
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
            Expr::Path(path) => Ok(Self::of_path(path, sig)),
            other => Err(syn::Error::new(
                other.span(),
                "a lock name is a string literal, the path of a `&'static str` constant, or a lock \
                 of `lock_names!`",
            )),
        }
    }

    fn of_path(path: ExprPath, sig: &Signature) -> Self {
        if let Some(index) = argument(&path, sig) {
            return Self::Argument(path, index);
        }
        let declared = names_a_type(&path.path) && is_fixed(&path, sig);
        Self::Path { path, declared }
    }

    /// A second function that claims the lock is found through the lock's module.
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

/// A name that is written out, in an attribute or a declaration.
pub(crate) fn check_literal(text: &LitStr) -> syn::Result<()> {
    rule::check(&text.value()).map_err(|problem| {
        syn::Error::new(text.span(), format!("this is not a lock name: {problem}"))
    })
}

/// Which argument of the function the path is.
pub(crate) fn argument(path: &ExprPath, sig: &Signature) -> Option<usize> {
    let name = path.path.get_ident()?;
    sig.inputs.iter().position(|input| match input {
        FnArg::Typed(input) => matches!(&*input.pat, Pat::Ident(pat) if pat.ident == *name),
        FnArg::Receiver(_) => false,
    })
}

/// Whether an item inside the function can name it: neither an argument, nor, by all that can be
/// seen from here, part of `Self` or of a generic type. `m::NAME`, `crate::NAME`, `NAME`.
///
/// `Config::NAME` may be of a type or of a generic parameter of the surrounding `impl`, which cannot
/// be told apart.
pub(crate) fn is_fixed(path: &ExprPath, sig: &Signature) -> bool {
    let segments = &path.path.segments;
    if path.qself.is_some() || segments.iter().any(|part| !part.arguments.is_none()) {
        return false;
    }
    if path.path.leading_colon.is_some() {
        return true;
    }
    let first = segments[0].ident.to_string();
    if segments.len() == 1 {
        return argument(path, sig).is_none();
    }
    !first.starts_with(char::is_uppercase)
}

/// `locks::NightlyReport`, but neither `m::NAME` nor `m::Type::Name`: the naming rules of the language
/// tell a type from a constant, and a module from a type.
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
