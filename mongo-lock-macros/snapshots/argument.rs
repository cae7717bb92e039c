// #[distributed_lock(name = queue, ttl = lease)]
// async fn drain(queue: &str, lease: Duration) {}

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
async fn drain(queue: &str, lease: Duration) -> rt::Result<rt::Outcome<()>, rt::Error> {
    rt::submit! {
        rt::RegisteredLock::unknown(rt::LockTerms { ..rt::LockTerms::named("queue") },
        rt::concat!(rt::module_path!(), "::drain"),)
    }
    let call = rt::Call::new(rt::LockTerms::new("queue", lease)).name(&queue);
    rt::run_value(
            call,
            rt::Box::pin(async move {
                if let rt::Some(ret) = rt::returns::<()>() {
                    return ret;
                }
                #[allow(clippy::shadow_same)]
                let queue = queue;
                rt::used(&queue);
                #[allow(clippy::shadow_same)]
                let lease = lease;
                rt::used(&lease);
                #[allow(clippy::diverging_sub_expression)]
                let ret: () = {};
                #[allow(unreachable_code)] ret
            }),
        )
        .await
}
