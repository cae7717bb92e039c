// #[distributed_lock(name = queue, ttl = lease)]
// async fn drain(queue: &str, lease: Duration) {}

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
async fn drain(queue: &str, lease: Duration) -> rt::Result<rt::Outcome<()>, rt::Error> {
    let __mongo_lock_call = rt::Call::new({
            const __LOCK: rt::LockTerms = rt::LockTerms::named("queue");
            fn __here() {}
            rt::submit! {
                rt::RegisteredLock::unknown(__LOCK, rt::module_path!(), rt::path_of(&
                __here),)
            }
            rt::LockTerms {
                ttl: rt::Some(lease),
                ..__LOCK
            }
        })
        .name(&queue);
    return rt::run_value(
            __mongo_lock_call,
            rt::Boxed::pin(async move {
                if let rt::Some(__mongo_lock_ret) = rt::returns::<()>() {
                    return __mongo_lock_ret;
                }
                #[allow(clippy::shadow_same)]
                let queue = queue;
                rt::used(&queue);
                #[allow(clippy::shadow_same)]
                let lease = lease;
                rt::used(&lease);
                #[allow(clippy::diverging_sub_expression)]
                let __mongo_lock_ret: () = {};
                #[allow(unreachable_code)] return __mongo_lock_ret;
            }),
        )
        .await;
}
