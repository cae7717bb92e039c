//! What the attribute refuses, and how it says so: one file per rule in `tests/ui`.

#[test]
fn refusals() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
