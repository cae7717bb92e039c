// #[distributed_lock(name = Self::NAME, ttl = "1m")]
// async fn job(&self) {}

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
async fn job(&self) -> rt::Result<rt::Outcome<()>, rt::Error> {
    let __mongo_lock_call = rt::Call::new({
        const __LOCK: rt::LockTerms = rt::LockTerms::new(
            "Self::NAME",
            rt::millis(60000u64),
        );
        fn __here() {}
        rt::submit! {
            rt::RegisteredLock::unknown(__LOCK, rt::module_path!(), rt::path_of(&
            __here),)
        }
        const {
            rt::check_terms(rt::LockTerms {
                ttl: rt::Some(rt::millis(60000u64)),
                ..rt::check_name({
                    #[allow(unused_imports)]
                    use rt::Names as _;
                    rt::Named(Self::NAME).terms()
                })
            })
        }
    });
    return rt::run_value(
            __mongo_lock_call,
            rt::Boxed::pin(async move {
                if let rt::Some(__mongo_lock_ret) = rt::returns::<()>() {
                    return __mongo_lock_ret;
                }
                rt::used(&self);
                #[allow(clippy::diverging_sub_expression)]
                let __mongo_lock_ret: () = {};
                #[allow(unreachable_code)] return __mongo_lock_ret;
            }),
        )
        .await;
}
