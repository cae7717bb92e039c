//! Messages about a connection string, without its secrets.

/// The driver's message about a URI, without any part of it that may be a secret.
///
/// Everything between the scheme and the last `@` is user name and password, also in a URI whose
/// password was not escaped and that therefore is not understood.
pub(super) fn redact(message: &str, uri: &str) -> String {
    let after_scheme = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let Some((secret, _)) = after_scheme.rsplit_once('@') else {
        return message.to_owned();
    };
    let mut message = message.replace(secret, "…");
    let mut parts: Vec<&str> = secret.split([':', '@', '/', '?']).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        message = message.replace(part, "…");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn no_part_of_the_credentials_survives() {
        for uri in ["mongodb://bob:s3cr:et@h/db", "mongodb://bob:s3/c@r:et@h/db"] {
            let message = redact(
                &format!("cannot read {uri}: `s3cr` and `et@h` and bob"),
                uri,
            );
            for secret in ["bob", "s3", "et@"] {
                assert!(!message.contains(secret), "{message}");
            }
        }
    }
}
