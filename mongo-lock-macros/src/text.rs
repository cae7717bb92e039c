//! Tokens as text for people: `<u8 as Named>::NAME`, not `< u8 as Named > :: NAME`.

use proc_macro2::TokenStream;

/// The text of some tokens, with spaces only where two words meet.
pub(crate) fn of(tokens: &TokenStream) -> String {
    let spaced = tokens.to_string();
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '"' || c == '\'';
    let mut text = String::new();
    for part in spaced.split(' ') {
        if text.ends_with(is_word) && part.starts_with(is_word) || text.ends_with(',') {
            text.push(' ');
        }
        text += part;
    }
    text
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::of;

    #[test]
    fn words_are_kept_apart() {
        for (tokens, text) in [
            (quote!(Self::NAME), "Self::NAME"),
            (quote!(<u8 as Named>::NAME), "<u8 as Named>::NAME"),
            (
                quote!(<T as m::Named<'a, u8>>::NAME),
                "<T as m::Named<'a, u8>>::NAME",
            ),
            (quote!(Config::<{ 1 }>::NAME), "Config::<{1}>::NAME"),
            (
                quote!(<&'static str as Named>::NAME),
                "<&'static str as Named>::NAME",
            ),
            (quote!(<dyn Job as Named>::NAME), "<dyn Job as Named>::NAME"),
            (quote!(names.of(7)), "names.of(7)"),
        ] {
            assert_eq!(of(&tokens), text);
        }
    }
}
