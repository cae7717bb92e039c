// #[distributed_lock(name = Self::NAME, ttl = "1m")]
// async fn job(&self) {}

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
async fn job(&self) -> rt::Result<rt::Outcome<()>, rt::Error> {
    rt::submit! {
        rt::RegisteredLock::unknown(rt::LockTerms { ttl :
        rt::Some(rt::Duration::from_millis(60000u64)),
        ..rt::LockTerms::named("Self::NAME") }, rt::concat!(rt::module_path!(),
        "::job"),)
    }
    let call = rt::Call::new(const {
        rt::check(rt::LockTerms {
            ttl: rt::Some(rt::Duration::from_millis(60000u64)),
            ..{
                #[allow(unused_imports)]
                use rt::Names as _;
                rt::Named(Self::NAME).terms()
            }
        })
    });
    rt::run_value(
            call,
            rt::Box::pin(async move {
                if let rt::Some(ret) = rt::returns::<()>() {
                    return ret;
                }
                rt::used(&self);
                #[allow(clippy::diverging_sub_expression)]
                let ret: () = {};
                #[allow(unreachable_code)] ret
            }),
        )
        .await
}
