// #[distributed_lock(name = "invoice/{id:03}/{REGION}", ttl = "1m")]
// async fn pay(id: u32, amount: u64) -> u64 {
//     amount
// }

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
#[allow(clippy::async_yields_async)]
async fn pay(id: u32, amount: u64) -> rt::Result<rt::Outcome<u64>, rt::Error> {
    let __mongo_lock_call = rt::Call::new({
            const __LOCK: rt::LockTerms = rt::LockTerms::new(
                "invoice/{id:03}/{REGION}",
                rt::millis(60000u64),
            );
            fn __here() {}
            rt::submit! {
                rt::RegisteredLock::new(__LOCK, rt::module_path!(), rt::path_of(&
                __here),)
            }
            __LOCK
        })
        .template(
            &[
                rt::Part::Text("invoice/"),
                rt::Part::Value("id", rt::format_args!("{:03}", id)),
                rt::Part::Text("/"),
                rt::Part::Value("REGION", rt::format_args!("{}", REGION)),
            ],
        );
    return rt::run_value(
            __mongo_lock_call,
            rt::Boxed::pin(async move {
                if let rt::Some(__mongo_lock_ret) = {
                    #[allow(unused_imports)]
                    use rt::Plain as _;
                    rt::Returns::<u64>::NEW.value()
                } {
                    return __mongo_lock_ret;
                }
                #[allow(clippy::shadow_same)]
                let id = id;
                rt::used(&id);
                #[allow(clippy::shadow_same)]
                let amount = amount;
                #[allow(clippy::diverging_sub_expression)]
                let __mongo_lock_ret: u64 = { amount };
                #[allow(unreachable_code)] return __mongo_lock_ret;
            }),
        )
        .await;
}
