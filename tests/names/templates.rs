//! `name = "invoice-{id}"`.

use std::fmt::{self, Debug, Display};

use mongo_lock_runtime::{Error, NameError, distributed_lock};

use crate::{call, name};

const REGION: &str = "eu-1";

#[distributed_lock(name = "tpl-text/{id}", ttl = "1m")]
async fn text(id: &str) -> String {
    name()
}

#[distributed_lock(name = "tpl-moved/{id}", ttl = "1m")]
async fn moved(id: String) -> (String, String) {
    let moved = tokio::spawn(async move { id }).await.unwrap();
    (moved, name())
}

#[distributed_lock(name = "tpl-two/{region}:{day:03}", ttl = "1m")]
async fn two(day: u32, mut region: String) -> String {
    region.push_str("gone");
    name()
}

#[distributed_lock(name = "tpl-constant/{REGION}/{N}", ttl = "1m")]
async fn constants<const N: usize>() -> String {
    name()
}

#[distributed_lock(name = "tpl-generic/{id}", ttl = "1m")]
async fn generic<T: Display>(id: T) -> String {
    name()
}

#[distributed_lock(name = "tpl-hidden/{id}/{_unused}", ttl = "1m")]
#[allow(clippy::used_underscore_binding)] // by the name alone
async fn hidden(id: &impl Display, _unused: u8) -> String {
    name()
}

#[distributed_lock(name = "tpl-raw/{type}", ttl = "1m")]
async fn raw(r#type: u8) -> String {
    name()
}

#[derive(Debug)]
enum Kind {
    Daily,
}

#[distributed_lock(name = "tpl-debug/{kind:?}", ttl = "1m")]
async fn debug(kind: Kind) -> String {
    name()
}

struct Tenant(String);

impl Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Tenant {
    #[distributed_lock(name = "tpl-self/{self}", ttl = "1m")]
    async fn by_self(self) -> String {
        drop(self);
        name()
    }

    #[distributed_lock(name = "tpl-self-ref/{self}/{n:02x}", ttl = "1m")]
    async fn by_ref(&self, n: u8) -> String {
        name()
    }
}

macro_rules! job {
    ($function:ident, $argument:ident, $name:literal) => {
        #[distributed_lock(name = $name, ttl = "1m")]
        async fn $function($argument: u32) -> String {
            name()
        }
    };
}

job!(made, number, "tpl-made/{number}");

#[tokio::test]
async fn values_go_into_the_name() {
    assert_eq!(call(text("a_b-7")).await.unwrap(), "tpl-text/a_b-7");
    let (moved, name) = call(moved("x".into())).await.unwrap();
    assert_eq!((&*moved, &*name), ("x", "tpl-moved/x"));
    assert_eq!(call(two(7, "eu".into())).await.unwrap(), "tpl-two/eu:007");
    let constants = call(constants::<3>()).await.unwrap();
    assert_eq!(constants, "tpl-constant/eu-1/3");
    assert_eq!(call(generic('x')).await.unwrap(), "tpl-generic/x");
    assert_eq!(call(hidden(&1.5, 2)).await.unwrap(), "tpl-hidden/1.5/2");
    assert_eq!(call(raw(9)).await.unwrap(), "tpl-raw/9");
    assert_eq!(call(debug(Kind::Daily)).await.unwrap(), "tpl-debug/Daily");
    let tenant = || Tenant("acme".to_owned());
    assert_eq!(call(tenant().by_self()).await.unwrap(), "tpl-self/acme");
    assert_eq!(
        call(tenant().by_ref(10)).await.unwrap(),
        "tpl-self-ref/acme/0a"
    );
    assert_eq!(call(made(5)).await.unwrap(), "tpl-made/5");
}

#[tokio::test]
async fn a_hostile_value_is_an_error_and_the_body_does_not_run() {
    #[distributed_lock(name = "tpl-hostile/{id}", ttl = "1m")]
    async fn hostile(id: &str) {
        panic!("the body ran");
    }

    let over_long = "x".repeat(300);
    for id in [
        "",
        " ",
        "a b",
        "a/b",
        "a:b",
        "a\0",
        "\n",
        "\u{1b}[31m",
        "ключ",
        "$ne",
        "{id}",
        &over_long,
    ] {
        let error = call(hostile(id)).await.unwrap_err();
        assert!(matches!(error, Error::InvalidName { .. }), "{id}: {error}");
        assert!(error.to_string().len() < 250, "{error}");
        assert!(
            !error.to_string().contains(['\n', '\u{1b}', '\0']),
            "{error}"
        );
    }
    let Error::InvalidName { reason, .. } = call(hostile("a/b")).await.unwrap_err() else {
        panic!("another error");
    };
    let placeholder = "id";
    assert_eq!(
        reason,
        NameError::BadValue {
            placeholder,
            found: '/'
        }
    );
}

/// All values of a small alphabet, in all pairs: no two pairs come to one name.
#[tokio::test]
async fn two_calls_with_other_values_never_get_one_name() {
    #[distributed_lock(name = "tpl-pairs-{a}-/-{b}", ttl = "1m")]
    async fn pairs(a: &str, b: &str) -> String {
        name()
    }

    let mut values = vec![String::new()];
    for _ in 0..3 {
        let longer: Vec<String> = values
            .iter()
            .flat_map(|value| ["a", "-", "/", ":"].map(|c| format!("{value}{c}")))
            .collect();
        values.extend(longer);
    }
    values.sort();
    values.dedup();
    let mut names = std::collections::HashMap::new();
    for a in &values {
        for b in &values {
            if let Ok(name) = call(pairs(a, b)).await
                && let Some(other) = names.insert(name.clone(), (a, b))
            {
                panic!("{name}: {other:?} and {:?}", (a, b));
            }
        }
    }
    // Of the 85 values, those of the two characters that a value may have.
    assert_eq!(names.len(), 14 * 14);
}

macro_rules! two_arguments {
    ($name:ident, $other:ident, $text:literal) => {
        #[distributed_lock(name = "tpl-macro/{x}", ttl = "1m")]
        async fn $name($other: u8, x: u8) -> (String, String) {
            assert_ne!($other, x);
            (name(), format!("tpl-macro/{x}"))
        }

        mod $other {
            use mongo_lock_runtime::distributed_lock;

            // The literal and the argument are the caller's.
            #[distributed_lock(name = $text, ttl = "1m")]
            pub(super) async fn of_the_caller($other: u8, x: u8) -> String {
                assert_ne!($other, x);
                super::name()
            }
        }
    };
}

two_arguments!(of_the_macro, y, "tpl-caller/{y}");

/// As with `format!`: the place of the literal decides.
#[tokio::test]
async fn a_placeholder_is_found_where_the_literal_stands() {
    let (lock, text) = call(of_the_macro(1, 2)).await.unwrap();
    assert_eq!(lock, text);
    assert_eq!(lock, "tpl-macro/2");
    assert_eq!(call(y::of_the_caller(1, 2)).await.unwrap(), "tpl-caller/1");
}
