// #[distributed_lock(name = "report", ttl = "1h30m", client = &self.locks)]
// pub async fn report(&self, mut day: Date, (a, b): Pair, _: u32, _unused: u32) -> Result<Report, JobError> {
//     day.add(a)?;
//     Ok(b)
// }

// with `rt` for `::mongo_lock_runtime::__private`:

pub async fn report(
    &self,
    day: Date,
    __arg2: Pair,
    __arg3: u32,
    _unused: u32,
) -> Result<rt::Outcome<Report>, JobError> {
    let __mongo_lock_call = rt::Call::new({
            const __LOCK: rt::LockTerms = rt::LockTerms::new(
                "report",
                rt::millis(5400000u64),
            );
            fn __here() {}
            rt::submit! {
                rt::RegisteredLock::new(__LOCK, rt::module_path!(), rt::path_of(&
                __here),)
            }
            __LOCK
        })
        .client(&&self.locks);
    return rt::run_result(
            __mongo_lock_call,
            rt::error,
            rt::Boxed::pin(async move {
                if let rt::Some(__mongo_lock_ret) = rt::returns::<
                    Result<Report, JobError>,
                >() {
                    return __mongo_lock_ret;
                }
                rt::used(&self);
                #[allow(clippy::shadow_same)]
                let mut day = day;
                let __arg2 = __arg2;
                let (a, b) = __arg2;
                let __arg3 = __arg3;
                let _ = __arg3;
                #[allow(
                    clippy::no_effect_underscore_binding,
                    clippy::used_underscore_binding,
                    clippy::shadow_same
                )]
                let _unused = _unused;
                #[allow(clippy::diverging_sub_expression)]
                let __mongo_lock_ret: Result<Report, JobError> = {
                    day.add(a)?;
                    Ok(b)
                };
                #[allow(unreachable_code)] return __mongo_lock_ret;
            }),
        )
        .await;
}
