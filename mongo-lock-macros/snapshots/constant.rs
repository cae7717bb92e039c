// #[distributed_lock(name = m::NAME, ttl = TTL)]
// async fn job() {}

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
async fn job() -> rt::Result<rt::Outcome<()>, rt::Error> {
    let __mongo_lock_call = rt::Call::new({
        const __LOCK: rt::LockTerms = rt::check_terms(rt::LockTerms {
            ttl: rt::Some(TTL),
            ..rt::check_name({
                #[allow(unused_imports)]
                use rt::Names as _;
                rt::Named(m::NAME).terms()
            })
        });
        fn __here() {}
        rt::submit! {
            rt::RegisteredLock::new(__LOCK, rt::module_path!(), rt::path_of(& __here),)
        }
        __LOCK
    });
    return rt::run_value(
            __mongo_lock_call,
            rt::Boxed::pin(async move {
                if let rt::Some(__mongo_lock_ret) = rt::returns::<()>() {
                    return __mongo_lock_ret;
                }
                #[allow(clippy::diverging_sub_expression)]
                let __mongo_lock_ret: () = {};
                #[allow(unreachable_code)] return __mongo_lock_ret;
            }),
        )
        .await;
}
