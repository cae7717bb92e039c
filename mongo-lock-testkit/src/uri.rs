use std::fmt::{self, Write as _};

/// A connection string in its parts. Only what the driver has accepted, or will be asked to, gets
/// in here, so that taking it apart needs no errors of its own.
#[derive(Clone, Debug)]
pub(crate) struct Uri {
    scheme: String,
    /// `user:password`, percent-encoded.
    credentials: Option<String>,
    hosts: String,
    database: String,
    /// `name=value` each.
    options: Vec<String>,
}

impl Uri {
    pub(crate) fn new<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            scheme: "mongodb".to_owned(),
            credentials: None,
            hosts: hosts.into_iter().collect::<Vec<_>>().join(","),
            database: String::new(),
            options: Vec::new(),
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        let (scheme, rest) = text.split_once("://").unwrap_or(("mongodb", text));
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials.to_owned()), hosts),
            None => (None, authority),
        };
        Self {
            scheme: scheme.to_owned(),
            credentials,
            hosts: hosts.to_owned(),
            database: database.to_owned(),
            options: options
                .split('&')
                .filter(|option| !option.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }

    /// Sets an option, in place of what was there under its name.
    pub(crate) fn option(mut self, name: &str, value: &str) -> Self {
        self.remove(name);
        self.options.push(format!("{name}={value}"));
        self
    }

    pub(crate) fn credentials(mut self, user: &str, password: &str, source: &str) -> Self {
        self.credentials = Some(format!("{}:{}", encode(user), encode(password)));
        self.option("authSource", source)
    }

    /// Sets the default database. Without `authSource` that is also the one to log in at, which
    /// must stay what it was.
    pub(crate) fn database(self, name: &str) -> Self {
        let mut uri = if self.credentials.is_some() && self.find("authSource").is_none() {
            let source = match self.database.as_str() {
                "" => "admin".to_owned(),
                source => source.to_owned(),
            };
            self.option("authSource", &source)
        } else {
            self
        };
        name.clone_into(&mut uri.database);
        uri
    }

    /// The connection string for one address, whichever node answers there.
    pub(crate) fn direct(mut self, address: &str) -> Self {
        // The driver refuses a load balancer with a direct connection.
        self.remove("loadBalanced");
        address.clone_into(&mut self.hosts);
        self.option("directConnection", "true")
    }

    /// The connection string for a router at this address.
    pub(crate) fn routed(mut self, address: &str) -> Self {
        for option in ["directConnection", "loadBalanced", "replicaSet"] {
            self.remove(option);
        }
        address.clone_into(&mut self.hosts);
        // At least one option, so that others can be appended.
        self.option("retryWrites", "true")
    }

    /// The first host, with its port.
    pub(crate) fn first_address(&self) -> String {
        with_port(self.hosts.split(',').next().unwrap_or_default())
    }

    /// All hosts, with their ports.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.hosts.split(',').map(with_port).collect()
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.options.iter().position(|option| {
            let found = option.split('=').next().unwrap_or_default();
            found.eq_ignore_ascii_case(name)
        })
    }

    fn remove(&mut self, name: &str) {
        while let Some(at) = self.find(name) {
            self.options.remove(at);
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(credentials) = &self.credentials {
            write!(f, "{credentials}@")?;
        }
        write!(f, "{}/{}", self.hosts, self.database)?;
        if !self.options.is_empty() {
            write!(f, "?{}", self.options.join("&"))?;
        }
        Ok(())
    }
}

fn with_port(host: &str) -> String {
    // The colons of an IPv6 address stand within its brackets.
    let name = host.rsplit(']').next().unwrap_or(host);
    if name.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:27017")
    }
}

/// Percent-encodes all that is not unreserved in RFC 3986.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes all");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::Uri;

    #[test]
    fn the_database_changes_and_the_place_to_log_in_does_not() {
        for (uri, expected) in [
            ("mongodb://h", "mongodb://h/db"),
            ("mongodb://h/?replicaSet=rs", "mongodb://h/db?replicaSet=rs"),
            ("mongodb://h?replicaSet=rs", "mongodb://h/db?replicaSet=rs"),
            (
                "mongodb://u:p@h,i:1",
                "mongodb://u:p@h,i:1/db?authSource=admin",
            ),
            ("mongodb://u:p@h/app", "mongodb://u:p@h/db?authSource=app"),
            (
                "mongodb://u:p@h/?authsource=x",
                "mongodb://u:p@h/db?authsource=x",
            ),
        ] {
            assert_eq!(Uri::parse(uri).database("db").to_string(), expected);
        }
    }

    #[test]
    fn options_replace_each_other_whatever_their_case() {
        let uri = Uri::parse("mongodb://h/?DirectConnection=false&appName=a");
        assert_eq!(
            uri.direct("127.0.0.1:1").to_string(),
            "mongodb://127.0.0.1:1/?appName=a&directConnection=true"
        );
    }

    #[test]
    fn credentials_are_encoded() {
        let uri = Uri::new(["h:1"]).credentials("a@b", "p/:?", "admin");
        assert_eq!(
            uri.to_string(),
            "mongodb://a%40b:p%2F%3A%3F@h:1/?authSource=admin"
        );
    }

    #[test]
    fn the_first_address_has_a_port() {
        for (uri, expected) in [
            ("mongodb://h", "h:27017"),
            ("mongodb://u:p@h:1,i:2/db", "h:1"),
            ("mongodb://[::1]", "[::1]:27017"),
            ("mongodb://[::1]:5", "[::1]:5"),
        ] {
            assert_eq!(Uri::parse(uri).first_address(), expected);
        }
    }
}
