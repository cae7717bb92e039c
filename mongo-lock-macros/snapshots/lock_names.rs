// /// What this service locks.
// pub mod locks {
//     /// Once a night.
//     NightlyReport = "nightly-report", ttl = "5m";
//     Import = "import", ttl = TTL, renew;
// }

// with `rt` for `::mongo_lock_runtime::__private`:

/// What this service locks.
pub mod locks {
    /// Once a night.
    #[allow(clippy::exhaustive_structs)]
    #[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]
    pub struct NightlyReport;
    #[doc(hidden)]
    #[allow(dead_code, deprecated, non_camel_case_types)]
    pub(crate) type __lock_NightlyReport = NightlyReport;
    ///The lock `import`.
    #[allow(clippy::exhaustive_structs)]
    #[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]
    pub struct Import;
    #[doc(hidden)]
    #[allow(dead_code, deprecated, non_camel_case_types)]
    pub(crate) type __lock_Import = Import;
}
const _: () = {
    #[allow(deprecated)]
    impl rt::Lock for locks::NightlyReport {
        const DECLARATION: rt::Declaration = rt::Declaration(
            rt::check(rt::LockTerms {
                ttl: rt::Some(rt::millis(300000u64)),
                ..rt::LockTerms::named("nightly-report")
            }),
        );
    }
    #[allow(deprecated)]
    const _: () = {
        rt::submit! {
            rt::DeclaredLock::new(< locks::NightlyReport as rt::Lock > ::DECLARATION,
            rt::module_path!(),)
        }
    };
    #[allow(deprecated)]
    impl rt::Lock for locks::Import {
        const DECLARATION: rt::Declaration = rt::Declaration(
            rt::check(rt::LockTerms {
                renew: true,
                ttl: rt::Some(TTL),
                ..rt::LockTerms::named("import")
            }),
        );
    }
    #[allow(deprecated)]
    const _: () = {
        rt::submit! {
            rt::DeclaredLock::new(< locks::Import as rt::Lock > ::DECLARATION,
            rt::module_path!(),)
        }
    };
};
