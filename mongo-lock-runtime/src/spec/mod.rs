//! The validated description of one acquisition.

mod builder;
mod lock_spec;
mod terms;

#[cfg_attr(
    not(feature = "__simulation"),
    allow(
        unreachable_pub,
        reason = "the feature `__simulation` exports this type"
    )
)]
pub use self::lock_spec::Mode;
pub(crate) use self::terms::Terms;
pub use self::{
    builder::LockSpecBuilder,
    lock_spec::{LockSpec, OnLost},
};
