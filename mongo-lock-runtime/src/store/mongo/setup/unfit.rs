//! Collections that can keep no locks: what is wrong, and what to write.

use super::super::namespace::Namespace;

pub(super) fn not_a_plain_collection(place: &Namespace, kind: &str) -> String {
    format!(
        "`{place}` is {kind}, and locks need a plain collection; name another one with \
         `.collection(\"…\")`"
    )
}

pub(super) fn capped(place: &Namespace) -> String {
    format!(
        "`{place}` is a capped collection, which would drop the oldest locks while they are held; name \
         another one with `.collection(\"…\")`"
    )
}

pub(super) fn collation(place: &Namespace, which: &str) -> String {
    format!(
        "`{place}` has a collation{which}, by which differently written names may be one lock; a \
         collation cannot be changed: name a collection without one with `.collection(\"…\")`"
    )
}

pub(super) fn validator(place: &Namespace) -> String {
    format!(
        "the validator of `{place}` refuses lock documents; name another collection with \
         `.collection(\"…\")`, or take the validator away with `db.runCommand({{ collMod: {:?}, \
         validator: {{}}, validationLevel: \"off\" }})`",
        place.collection
    )
}

pub(super) fn unique_index(place: &Namespace) -> String {
    format!(
        "`{place}` has a unique index besides that on `_id`, which does not let in a second lock; drop \
         it, or name another collection with `.collection(\"…\")`"
    )
}
