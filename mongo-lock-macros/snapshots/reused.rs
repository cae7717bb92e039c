// #[distributed_lock(name = locks::Import, ttl = "1m", reuse)]
// async fn import() {}

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
async fn import() -> rt::Result<rt::Outcome<()>, rt::Error> {
    let __mongo_lock_call = rt::Call::new({
        const __LOCK: rt::LockTerms = rt::check_terms(rt::LockTerms {
            reuse: true,
            ttl: rt::Some(rt::millis(60000u64)),
            ..rt::check_name({
                #[allow(unused_imports)]
                use rt::Names as _;
                rt::Named(locks::Import).terms()
            })
        });
        fn __here() {}
        rt::submit! {
            rt::RegisteredLock::new(__LOCK, rt::module_path!(), rt::path_of(& __here),)
        }
        #[allow(non_local_definitions)]
        const _: () = {
            #[allow(dead_code, non_camel_case_types)]
            struct __lock_Import;
            {
                #[allow(unused_imports, clippy::wildcard_imports)]
                use locks::*;
                struct Reuse;
                impl rt::OneFunctionUnlessAllSayReuse<Reuse> for __lock_Import {}
            }
        };
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
