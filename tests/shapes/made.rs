//! Functions that `macro_rules` makes, from every kind of fragment.

use mongo_lock_runtime::{Error, distributed_lock};

use crate::call;

const LOCK: &str = "made-path";

macro_rules! of_pieces {
    (
        $(#[$meta:meta])*
        $vis:vis $name:ident $(<$life:lifetime>)? ($($pat:pat_param => $arg:ty),*) -> $ret:ty,
        $lock:expr, $ttl:literal, $body:block
    ) => {
        $(#[$meta])*
        #[distributed_lock(name = $lock, ttl = $ttl)]
        $vis async fn $name $(<$life>)? ($($pat: $arg),*) -> $ret $body
    };
}

of_pieces! {
    /// Documented.
    #[must_use]
    pub(crate) pieces((a, b) => (u32, u32), mut c => u32) -> Result<u32, Error>,
    "made-pieces", "1m", {
        c += a;
        Ok(b + c)
    }
}

of_pieces!(borrowed<'a>(text => &'a str) -> &'a str, "made-borrowed", "1m", { text });

macro_rules! of_path {
    ($name:ident, $lock:path, $value:expr, $statement:stmt) => {
        #[distributed_lock(name = $lock, ttl = "1m")]
        async fn $name() -> u32 {
            $statement
            $value
        }
    };
}

of_path!(by_path, LOCK, n + 2, let n = 5);

macro_rules! whole {
    ($item:item) => {
        #[distributed_lock(name = "made-item", ttl = "1m")]
        $item
    };
}

whole! {
    async fn item(n: u32) -> u32 {
        n
    }
}

macro_rules! tokens {
    ($($tokens:tt)*) => {
        $($tokens)*
    };
}

tokens! {
    #[distributed_lock(name = "made-tokens", ttl = "1m")]
    async fn tokens(n: u32) -> u32 {
        n
    }
}

macro_rules! hygienic {
    ($name:ident, $value:expr) => {
        #[distributed_lock(name = "made-hygienic", ttl = "1m")]
        async fn $name(value: u32) -> u32 {
            let n = 1;
            value + n + $value
        }
    };
}

const HUNDRED: u32 = 100;

hygienic!(own_names, HUNDRED);

struct Service(u32);

macro_rules! method {
    ($self:ident, $name:ident, $body:expr) => {
        impl Service {
            #[distributed_lock(name = "made-method", ttl = "1m")]
            async fn $name(&$self) -> u32 {
                $body
            }
        }
    };
}

method!(self, method, self.0);

#[tokio::test]
async fn every_kind_of_fragment() {
    assert_eq!(call(pieces((1, 2), 3)).await, 6);
    assert_eq!(call(borrowed("x")).await, "x");
    assert_eq!(call(by_path()).await, 7);
    assert_eq!(call(item(1)).await, 1);
    assert_eq!(call(tokens(2)).await, 2);
    assert_eq!(call(own_names(10)).await, 111);
    assert_eq!(call(Service(3).method()).await, 3);
}
