// #[distributed_lock(
//     name = "import",
//     ttl = "30s",
//     renew,
//     max_hold = "4h",
//     min_hold = HOLD,
//     on_lost = "continue",
//     wait = "10s",
//     permits = PERMITS,
//     shared = false,
//     reuse
// )]
// async fn import() -> Result<Outcome<u32>, Error> {
//     Ok(Outcome::Executed(1))
// }

// with `rt` for `::mongo_lock_runtime::__private`:

async fn import() -> Result<Outcome<u32>, Error> {
    let __mongo_lock_call = rt::Call::new({
        const __LOCK: rt::LockTerms = rt::check_terms(rt::LockTerms {
            renew: true,
            max_hold: rt::Some(rt::millis(14400000u64)),
            min_hold: rt::Some(HOLD),
            wait: rt::Some(rt::millis(10000u64)),
            on_lost: rt::OnLost::Continue,
            permits: rt::None,
            reuse: true,
            ..rt::LockTerms::new("import", rt::millis(30000u64))
        });
        fn __here() {}
        rt::submit! {
            rt::RegisteredLock::new(__LOCK, rt::module_path!(), rt::path_of(& __here),)
        }
        const {
            rt::check_terms(rt::LockTerms {
                renew: true,
                max_hold: rt::Some(rt::millis(14400000u64)),
                min_hold: rt::Some(HOLD),
                wait: rt::Some(rt::millis(10000u64)),
                on_lost: rt::OnLost::Continue,
                permits: rt::Some(PERMITS),
                reuse: true,
                ..rt::LockTerms::new("import", rt::millis(30000u64))
            })
        }
    });
    return rt::run_outcome(
            __mongo_lock_call,
            rt::error,
            rt::Boxed::pin(async move {
                if let rt::Some(__mongo_lock_ret) = rt::returns::<
                    Result<Outcome<u32>, Error>,
                >() {
                    return __mongo_lock_ret;
                }
                #[allow(clippy::diverging_sub_expression)]
                let __mongo_lock_ret: Result<Outcome<u32>, Error> = {
                    Ok(Outcome::Executed(1))
                };
                #[allow(unreachable_code)] return __mongo_lock_ret;
            }),
        )
        .await;
}
