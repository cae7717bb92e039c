// #[distributed_lock(name = locks::Import, max_hold = "1h")]
// async fn import() {}

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
async fn import() -> rt::Result<rt::Outcome<()>, rt::Error> {
    const __LOCK: rt::LockTerms = rt::check(rt::LockTerms {
        max_hold: rt::Some(rt::Duration::from_millis(3600000u64)),
        ..{
            #[allow(unused_imports)]
            use rt::Declares as _;
            rt::Named(locks::Import).declared_terms()
        }
    });
    rt::submit! {
        rt::RegisteredLock::new(__LOCK, rt::concat!(rt::module_path!(), "::import"))
    }
    #[allow(non_local_definitions)]
    const _: () = {
        #[allow(dead_code, non_camel_case_types)]
        struct __lock_Import;
        {
            #[allow(unused_imports, clippy::wildcard_imports)]
            use locks::*;
            impl<T> rt::OneFunctionPerLock<T> for __lock_Import {}
        }
    };
    let call = rt::Call::new(__LOCK);
    rt::run_value(
            call,
            rt::Box::pin(async move {
                if let rt::Some(ret) = rt::returns::<()>() {
                    return ret;
                }
                #[allow(clippy::diverging_sub_expression)]
                let ret: () = {};
                #[allow(unreachable_code)] ret
            }),
        )
        .await
}
