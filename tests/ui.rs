//! The refusals of the attribute and their messages: one file per rule in `tests/ui`.

#[test]
fn refusals() {
    let cases = trybuild::TestCases::new();
    // With a case that runs, all cases are built, not only checked: some names are known only then.
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/*.rs");
}
