//! The names that are known before the first call, by which locks that are taken by hand are recognised.

use std::{collections::HashSet, sync::LazyLock};

use super::conflict::registered_locks;
use crate::{
    name::LockName,
    registered_lock::{NameKind, RegisteredLock},
};

/// The name, as it is in the source, when a function of this binary or a declaration has just this name.
pub(crate) fn fixed_name(name: &LockName) -> Option<&'static str> {
    static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
        let locks = registered_locks().into_iter();
        let fixed = locks.filter(|lock| lock.kind() == NameKind::Fixed);
        fixed.map(RegisteredLock::name).collect()
    });
    NAMES.get(name.as_str()).copied()
}
