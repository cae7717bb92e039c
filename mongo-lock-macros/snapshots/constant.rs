// #[distributed_lock(name = m::NAME, ttl = TTL)]
// async fn job() {}

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
async fn job() -> rt::Result<rt::Outcome<()>, rt::Error> {
    const __LOCK: rt::LockTerms = rt::check(rt::LockTerms {
        ttl: rt::Some(TTL),
        ..{
            #[allow(unused_imports)]
            use rt::Names as _;
            rt::Named(m::NAME).terms()
        }
    });
    rt::submit! {
        rt::RegisteredLock::new(__LOCK, rt::concat!(rt::module_path!(), "::job"))
    }
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
