// #[distributed_lock(name = "clean-up", ttl = "5m")]
// async fn clean_up() {
//     println!("cleaning up");
// }

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
async fn clean_up() -> rt::Result<rt::Outcome<()>, rt::Error> {
    let __mongo_lock_call = rt::Call::new({
        const __LOCK: rt::LockTerms = rt::LockTerms::new(
            "clean-up",
            rt::millis(300000u64),
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
                if let rt::Some(__mongo_lock_ret) = rt::returns::<()>() {
                    return __mongo_lock_ret;
                }
                #[allow(clippy::diverging_sub_expression)]
                let __mongo_lock_ret: () = {
                    println!("cleaning up");
                };
                #[allow(unreachable_code)] return __mongo_lock_ret;
            }),
        )
        .await;
}
