//! Arguments, generics and bodies.

use std::{fmt::Display, rc::Rc};

use mongo_lock_runtime::{LockClient, distributed_lock};

use crate::call;

#[distributed_lock(name = "fn-elided", ttl = "1m")]
async fn elided(text: &str) -> &str {
    text.trim()
}

#[distributed_lock(name = "fn-named", ttl = "1m")]
async fn named<'a, 'b: 'a>(short: &'a str, long: &'b str) -> &'a str {
    if short.is_empty() { long } else { short }
}

#[distributed_lock(name = "fn-static", ttl = "1m")]
async fn static_text() -> &'static str {
    "static"
}

#[distributed_lock(name = "fn-generic", ttl = "1m")]
async fn generic<T, const N: usize>(values: [T; N]) -> String
where
    T: Display + Clone,
    for<'a> &'a T: Display,
{
    values.iter().map(|value| format!("{value}{N}")).collect()
}

#[distributed_lock(name = "fn-higher-ranked", ttl = "1m")]
async fn higher_ranked<F>(f: F) -> usize
where
    F: for<'a> Fn(&'a str) -> &'a str,
{
    f("abc").len()
}

#[distributed_lock(name = "fn-impl-arguments", ttl = "1m")]
async fn impl_arguments(
    mut numbers: impl Iterator<Item = u32>,
    text: &(impl Display + ?Sized),
) -> String {
    let first = numbers.next().unwrap();
    format!("{text}{first}")
}

struct Pair {
    a: u32,
    b: (u32, u32),
}

#[distributed_lock(name = "fn-patterns", ttl = "1m")]
async fn patterns(
    Pair { a, b: (mut b, _) }: Pair,
    [first, .., last]: [u32; 3],
    &reference: &u32,
    whole @ (x, _): (u32, u32),
    mut plain: u32,
    _: u32,
    _unused: u32,
    ref borrowed: u32,
) -> u32 {
    b += a;
    plain += b;
    first + last + reference + whole.0 + x + plain + *borrowed
}

#[distributed_lock(name = "fn-raw", ttl = "1m")]
async fn r#match(r#type: u32) -> u32 {
    let r#fn = r#type;
    r#fn
}

#[distributed_lock(name = name, ttl = "1m")]
async fn recursive(name: String, n: u32) -> Result<u32, mongo_lock_runtime::Error> {
    if n == 0 {
        return Ok(0);
    }
    let below = recursive(format!("{name}x"), n - 1).await?;
    Ok(below.executed().unwrap() + n)
}

#[distributed_lock(name = "fn-never", ttl = "1m")]
#[expect(clippy::todo)]
async fn not_yet(_day: u32) -> String {
    todo!()
}

#[distributed_lock(name = "fn-loops", ttl = "1m")]
async fn loops(rows: Vec<Vec<u32>>) -> Option<u32> {
    'rows: for row in rows {
        for cell in row {
            if cell == 0 {
                continue 'rows;
            }
            if cell > 9 {
                break 'rows;
            }
            if cell == 5 {
                return Some(cell);
            }
        }
    }
    let found = 'search: {
        if std::env::args().count() == 0 {
            break 'search None;
        }
        Some(1)
    };
    found
}

#[distributed_lock(name = "fn-nested", ttl = "1m")]
async fn nested() -> u32 {
    const N: u32 = 2;
    static S: u32 = 3;
    struct Inner(u32);
    impl Inner {
        fn get(&self) -> u32 {
            self.0
        }
    }
    fn inner(n: u32) -> u32 {
        n + N
    }
    macro_rules! one {
        () => {
            1
        };
    }
    let inner = inner(S) + Inner(4).get();
    inner + one!()
}

#[distributed_lock(name = "fn-outer", ttl = "1m")]
async fn outer() -> u32 {
    #[distributed_lock(name = "fn-inner", ttl = "1m")]
    async fn inner() -> u32 {
        1
    }
    inner().await.unwrap().executed().unwrap() + 1
}

#[distributed_lock(name = "fn-stacked-a", ttl = "1m")]
#[distributed_lock(name = "fn-stacked-b", ttl = "1m")]
async fn stacked() -> String {
    mongo_lock_runtime::current_lease()
        .unwrap()
        .name()
        .to_string()
}

/// Names that the expansion has for itself.
#[distributed_lock(name = "fn-hygiene", ttl = "1m")]
async fn hygiene(ret: u32, call: u32, client: u32, __arg0: u32) -> u32 {
    ret + call + client + __arg0
}

#[distributed_lock(name = "fn-rc", ttl = "1m")]
async fn not_send(n: Rc<u32>) -> u32 {
    let other = Rc::clone(&n);
    tokio::task::yield_now().await;
    *n + *other
}

#[distributed_lock(name = "fn-client", ttl = "1m", client = _client)]
async fn of_the_client_only(_client: &LockClient) {}

#[tokio::test]
async fn they_behave_as_the_plain_ones() {
    assert_eq!(call(elided(" a ")).await, "a");
    assert_eq!(call(named("", "long")).await, "long");
    assert_eq!(call(static_text()).await, "static");
    assert_eq!(call(generic(['a', 'b'])).await, "a2b2");
    assert_eq!(call(higher_ranked(|text| &text[1..])).await, 2);
    assert_eq!(call(impl_arguments(7.., "n")).await, "n7");
    let pair = Pair { a: 1, b: (2, 0) };
    let sum = patterns(pair, [10, 0, 20], &100, (1000, 0), 10_000, 0, 0, 100_000);
    assert_eq!(call(sum).await, 112_133);
    assert_eq!(call(r#match(3)).await, 3);
    assert_eq!(call(recursive("fn-recursive-".to_owned(), 4)).await, 10);
    assert_eq!(call(loops(vec![vec![1, 0, 5], vec![5]])).await, Some(5));
    assert_eq!(call(loops(vec![vec![10, 5]])).await, Some(1));
    assert_eq!(call(nested()).await, 10);
    assert_eq!(call(outer()).await, 2);
    // The first attribute is expanded first, and so stands inside.
    assert_eq!(call(stacked()).await, "fn-stacked-a");
    assert_eq!(call(hygiene(1, 2, 3, 4)).await, 10);
    let client = LockClient::in_memory();
    assert_eq!(call(large()).await, 1);
    assert!(of_the_client_only(&client).await.unwrap().is_executed());
}

#[distributed_lock(name = "fn-large", ttl = "1m")]
async fn large() -> u8 {
    let kept = std::hint::black_box([1_u8; 4096]);
    tokio::task::yield_now().await;
    kept[7]
}

#[test]
fn the_future_is_small_however_large_the_body() {
    // A caller of many such functions carries each in its own future.
    let size = size_of_val(&large());
    assert!(size <= 128, "{size} bytes");
}

#[tokio::test]
async fn recursion_can_be_spawned() {
    let client = LockClient::in_memory();
    let task =
        tokio::spawn(async move { client.scope(recursive("fn-spawned-".to_owned(), 2)).await });
    assert_eq!(task.await.unwrap().unwrap().executed(), Some(3));
}

#[tokio::test]
async fn a_body_that_is_not_written_yet_panics() {
    let client = LockClient::in_memory();
    let task = tokio::spawn(async move { client.scope(not_yet(1)).await });
    assert!(task.await.unwrap_err().is_panic());
}

#[tokio::test(flavor = "current_thread")]
async fn a_future_that_is_not_send_runs_on_a_local_set() {
    let client = LockClient::in_memory();
    let local = tokio::task::LocalSet::new();
    let outcome = local
        .run_until(async move {
            let call = async move { client.scope(not_send(Rc::new(2))).await };
            tokio::task::spawn_local(call).await.unwrap()
        })
        .await;
    assert_eq!(outcome.unwrap().executed(), Some(4));
}
