//! What becomes of a body whose lease is lost.

/// What happens to a body whose lease is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLost {
    /// It is dropped at the await where it is.
    #[default]
    Cancel,
    /// It goes on, and can ask its lease.
    Continue,
}
