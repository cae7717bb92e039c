// #[distributed_lock(name = "job", ttl = "1m", client = &self.locks)]
// fn run<'life0, 'async_trait>(
//     &'life0 self,
// ) -> Pin<Box<dyn Future<Output = Result<Outcome<u32>, Error>> + Send + 'async_trait>>
// where
//     'life0: 'async_trait,
//     Self: 'async_trait,
// {
//     Box::pin(async move {
//         let __self = self;
//         let __ret: Result<Outcome<u32>, Error> = { Ok(Outcome::Executed(__self.n)) };
//         __ret
//     })
// }

// with `rt` for `::mongo_lock_runtime::__private`:

fn run<'life0, 'async_trait>(
    &'life0 self,
) -> Pin<Box<dyn Future<Output = Result<Outcome<u32>, Error>> + Send + 'async_trait>>
where
    'life0: 'async_trait,
    Self: 'async_trait,
{
    Box::pin(async move {
        let __mongo_lock_call = rt::Call::new({
                const __LOCK: rt::LockTerms = rt::LockTerms::new(
                    "job",
                    rt::millis(60000u64),
                );
                fn __here() {}
                rt::submit! {
                    rt::RegisteredLock::new(__LOCK, rt::module_path!(), rt::path_of(&
                    __here),)
                }
                __LOCK
            })
            .client(&&self.locks);
        return rt::run_outcome(
                __mongo_lock_call,
                rt::error,
                rt::Boxed::pin(async move {
                    if let rt::Some(__mongo_lock_ret) = rt::returns::<
                        Result<Outcome<u32>, Error>,
                    >() {
                        return __mongo_lock_ret;
                    }
                    #[allow(clippy::diverging_sub_expression)]
                    let __mongo_lock_ret: Result<Outcome<u32>, Error> = {
                        let __self = self;
                        let __ret: Result<Outcome<u32>, Error> = {
                            Ok(Outcome::Executed(__self.n))
                        };
                        __ret
                    };
                    #[allow(unreachable_code)] return __mongo_lock_ret;
                }),
            )
            .await;
    })
}
