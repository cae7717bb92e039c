// #[distributed_lock(name = "nightly report", ttl = "5min")]
// async fn report(day: Date) -> u32 {
//     7
// }

// with `rt` for `::mongo_lock_runtime::__private`:

#[allow(unused)]
#[allow(clippy::double_must_use, clippy::missing_errors_doc)]
async fn report(day: Date) -> rt::Result<rt::Outcome<u32>, rt::Error> {
    const __LOCK: rt::LockTerms = rt::LockTerms::new(
        "error",
        rt::Duration::from_millis(31622400000u64),
    );
    rt::submit! {
        rt::RegisteredLock::new(__LOCK, rt::concat!(rt::module_path!(), "::report"))
    }
    let call = rt::Call::new(__LOCK);
    rt::run_value(
            call,
            rt::Box::pin(async move {
                if let rt::Some(ret) = rt::returns::<u32>() {
                    return ret;
                }
                #[allow(clippy::shadow_same)]
                let day = day;
                #[allow(clippy::diverging_sub_expression)]
                let ret: u32 = { 7 };
                #[allow(unreachable_code)] ret
            }),
        )
        .await
}
::core::compile_error! {
    "this is not a lock name: it has ' '; a lock name has ASCII letters, digits and `- _ . : / @ + =`"
}
::core::compile_error! {
    "`ttl` cannot be this: there is no unit `min`; write `\"5m\"`"
}
