// #[distributed_lock(name = "clean-up", ttl = "5m")]
// async fn clean_up() {
//     println!("cleaning up");
// }

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
async fn clean_up() -> rt::Result<rt::Outcome<()>, rt::Error> {
    const __LOCK: rt::LockTerms = rt::LockTerms::new(
        "clean-up",
        rt::Duration::from_millis(300000u64),
    );
    rt::submit! {
        rt::RegisteredLock::new(__LOCK, rt::concat!(rt::module_path!(), "::clean_up"))
    }
    let call = rt::Call::new(__LOCK);
    rt::run_value(
            call,
            rt::Box::pin(async move {
                if let rt::Some(ret) = rt::returns::<()>() {
                    return ret;
                }
                #[allow(clippy::diverging_sub_expression)]
                let ret: () = {
                    println!("cleaning up");
                };
                #[allow(unreachable_code)] ret
            }),
        )
        .await
}
