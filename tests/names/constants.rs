//! `name = JOBS`, `m::NAME`, `Self::NAME`, `T::NAME`, and an argument.

use std::{marker::PhantomData, time::Duration};

use mongo_lock_runtime::{Error, NameKind, distributed_lock, registered_locks};

use crate::{call, name};

const JOBS: &str = "const-jobs";
static STATIC: &str = "const-static";

mod m {
    use std::time::Duration;

    pub(super) const NAME: &str = "const-module";
    pub(super) const TTL: Duration = Duration::from_secs(7);
}

#[distributed_lock(name = JOBS, ttl = "1m")]
async fn constant() -> String {
    name()
}

#[distributed_lock(name = STATIC, ttl = "1m")]
async fn of_a_static() -> String {
    name()
}

#[distributed_lock(name = m::NAME, ttl = m::TTL)]
async fn in_a_module() -> String {
    name()
}

#[distributed_lock(name = m::NAME, ttl = m::TTL, reuse)]
async fn in_a_module_too() -> String {
    name()
}

#[distributed_lock(name = queue, ttl = lease)]
async fn argument(queue: &str, lease: Duration) -> String {
    name()
}

#[distributed_lock(name = _queue, ttl = "1m")]
#[allow(clippy::used_underscore_binding)] // by the name alone
async fn owned_argument(_queue: String) -> String {
    name()
}

struct Service;

impl Service {
    const NAME: &'static str = "const-associated";
    const TTL: Duration = Duration::from_secs(60);
    const PERMITS: u32 = 2;

    #[distributed_lock(
        name = Self::NAME, ttl = Self::TTL, wait = Self::TTL, permits = Self::PERMITS
    )]
    async fn associated(&self) -> String {
        name()
    }
}

#[distributed_lock(name = Service::NAME, ttl = "1m", min_hold = Service::TTL)]
async fn of_a_type() -> String {
    name()
}

trait Named {
    const NAME: &'static str;

    #[distributed_lock(name = Self::NAME, ttl = "1m")]
    async fn in_a_trait(&self) -> Result<String, Error> {
        Ok(name())
    }
}

struct A;
struct B;

impl Named for A {
    const NAME: &'static str = "const-a";
}

impl Named for B {
    const NAME: &'static str = "const-b";
}

struct Bad;

impl Named for Bad {
    const NAME: &'static str = "const-bad";
}

#[distributed_lock(name = T::NAME, ttl = "1m")]
async fn generic<T: Named>(_: PhantomData<T>) -> String {
    name()
}

struct Wrapper<T>(T);

impl<T: Named> Wrapper<T> {
    #[distributed_lock(name = T::NAME, ttl = "1m")]
    async fn of_the_impl(&self) -> String {
        name()
    }

    #[distributed_lock(name = <T as Named>::NAME, ttl = "1m")]
    async fn qualified(&self) -> String {
        name()
    }
}

mod generic_types {
    use std::marker::PhantomData;

    pub(super) struct Of<T>(PhantomData<T>);

    impl<T> Of<T> {
        pub(super) const NAME: &'static str = "const-of-a-generic-type";
    }
}

#[distributed_lock(name = generic_types::Of::<T>::NAME, ttl = "1m")]
async fn of_a_generic_type<T>() -> String {
    name()
}

#[tokio::test]
async fn a_constant_of_any_kind_names_the_lock() {
    assert_eq!(call(constant()).await.unwrap(), "const-jobs");
    assert_eq!(call(of_a_static()).await.unwrap(), "const-static");
    assert_eq!(call(in_a_module()).await.unwrap(), "const-module");
    assert_eq!(call(in_a_module_too()).await.unwrap(), "const-module");
    assert_eq!(
        call(Service.associated()).await.unwrap(),
        "const-associated"
    );
    assert_eq!(call(of_a_type()).await.unwrap(), "const-associated");
    let of = call(of_a_generic_type::<u8>()).await.unwrap();
    assert_eq!(of, "const-of-a-generic-type");
    assert_eq!(call(A.in_a_trait()).await.unwrap(), "const-a");
    assert_eq!(call(Bad.in_a_trait()).await.unwrap(), "const-bad");
    assert_eq!(call(generic::<B>(PhantomData)).await.unwrap(), "const-b");
    assert_eq!(call(Wrapper(A).of_the_impl()).await.unwrap(), "const-a");
    assert_eq!(call(Wrapper(B).qualified()).await.unwrap(), "const-b");
}

#[tokio::test]
async fn an_argument_is_checked_at_the_call() {
    let minute = Duration::from_secs(60);
    assert_eq!(call(argument("q-7", minute)).await.unwrap(), "q-7");
    assert_eq!(call(owned_argument("q-8".into())).await.unwrap(), "q-8");
    let error = call(argument("", minute)).await.unwrap_err();
    assert!(matches!(error, Error::InvalidName { .. }), "{error}");
    let error = call(argument("q", Duration::ZERO)).await.unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
}

#[test]
fn what_is_known_of_it_is_registered() {
    let registered = |function: &str| {
        let locks = registered_locks();
        let lock = locks.iter().find(|lock| {
            let path = lock.function().unwrap_or_default();
            lock.module() == "names::constants" && path.ends_with(&format!("::{function}"))
        });
        let lock = lock.unwrap_or_else(|| panic!("{function}: {locks:#?}"));
        (
            lock.name(),
            lock.kind(),
            lock.ttl().map(|ttl| ttl.as_secs()),
        )
    };
    let (fixed, unknown) = (NameKind::Fixed, NameKind::Unknown);
    assert_eq!(registered("constant"), ("const-jobs", fixed, Some(60)));
    assert_eq!(registered("in_a_module"), ("const-module", fixed, Some(7)));
    assert_eq!(registered("argument"), ("queue", unknown, None));
    assert_eq!(registered("associated"), ("Self::NAME", unknown, None));
    let of_a_type = registered("of_a_type");
    assert_eq!(of_a_type, ("Service::NAME", unknown, Some(60)));
    assert_eq!(registered("generic"), ("T::NAME", unknown, Some(60)));
}
