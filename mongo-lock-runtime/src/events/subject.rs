//! The lock that an event is about.

use std::sync::Arc;

use crate::{name::LockName, registry, spec::LockSpec};

/// The label of locks that no attribute names, and to which no label was given.
const DYNAMIC: &str = "(dynamic)";

/// The lock that an event is about, and the client that reports the event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedLock {
    /// The lock's name, as the server knows it: `invoice-4711`. There may be millions of names.
    pub name: LockName,
    /// The lock's label: `invoice-{id}`. A text of the source code, so that there are few, for metrics and the
    /// names of spans. It is, in this order,
    ///
    /// - the template or the name in the attribute, or in [`lock_names!`](crate::lock_names); for
    ///   `name = argument`, the argument's name;
    /// - the [`label`](crate::LockSpecBuilder::label) of the spec;
    /// - the name, when a function of this binary or a declaration has just this name;
    /// - `(dynamic)`.
    pub label: &'static str,
    /// The [owner label](crate::LockClient::owner) of the client.
    pub owner: Arc<str>,
}

impl ObservedLock {
    pub(crate) fn new(spec: &LockSpec, owner: &Arc<str>) -> Self {
        Self {
            name: spec.name().clone(),
            label: label(spec),
            owner: Arc::clone(owner),
        }
    }
}

/// The label of a lock.
pub(crate) fn label(spec: &LockSpec) -> &'static str {
    spec.label()
        .or_else(|| registry::fixed_name(spec.name()))
        .unwrap_or(DYNAMIC)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_label_is_a_text_of_the_source() {
        let builder = || LockSpec::builder("invoice-7", Duration::from_secs(1));
        assert_eq!(label(&builder().build().unwrap()), DYNAMIC);
        let labelled = builder().label("invoice-{id}").build().unwrap();
        assert_eq!(label(&labelled), "invoice-{id}");
    }
}
