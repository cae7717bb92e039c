// #[distributed_lock(name = "nightly report", ttl = "5min")]
// async fn report(day: Date) -> u32 {
//     7
// }

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(unused)]
#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
#[allow(clippy::async_yields_async)]
async fn report(day: Date) -> rt::Result<rt::Outcome<u32>, rt::Error> {
    let __mongo_lock_call = rt::Call::new({
        const __LOCK: rt::LockTerms = rt::LockTerms::new(
            "error",
            rt::millis(31622400000u64),
        );
        fn __here() {}
        rt::submit! {
            rt::RegisteredLock::new(__LOCK, rt::module_path!(), rt::path_of(& __here),)
        }
        __LOCK
    });
    return rt::run_value(
            __mongo_lock_call,
            rt::Boxed::pin(async move {
                if let rt::Some(__mongo_lock_ret) = rt::returns::<u32>() {
                    return __mongo_lock_ret;
                }
                #[allow(clippy::shadow_same)]
                let day = day;
                #[allow(clippy::diverging_sub_expression)]
                let __mongo_lock_ret: u32 = { 7 };
                #[allow(unreachable_code)] return __mongo_lock_ret;
            }),
        )
        .await;
}
::core::compile_error! {
    "this is not a lock name: it has ' '; a lock name has ASCII letters, digits and `- _ . : / @ + =`"
}
::core::compile_error! {
    "`ttl` cannot be this: there is no unit `min`; write `\"5m\"`"
}
