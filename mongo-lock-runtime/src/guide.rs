//! The guide: from the first job to three in the morning, one page each.
//!
//! | page | answers |
//! | --- | --- |
//! | [`first_job`] | how do I get a job to run on one instance, and how do I see that it does? |
//! | [`times`] | which ttl, and do I need `renew`, `max_hold`, `min_hold`, `wait`? |
//! | [`schedulers`] | what fires the job, and how often does it run? |
//! | [`services`] | where does the client live, what do handlers answer, how does the process end? |
//! | [`testing`] | how do I test the job, without a server and without waiting? |
//! | [`operations`] | a lock is stuck: how do I read its document, and what may I change? |
//! | [`deployment`] | which rights, connections, settings and versions of MongoDB? |
//! | [`events`] | what is logged, measured and told to observers, and what deserves an alert? |
//! | [`errors`] | did the body run, and shall I call again? |
//! | [`coming_from`] | I have a hand-made lock, or `ShedLock`: what changes? |
//! | [`leader_election`] | one instance must lead for as long as it lives: how? |
//! | [`fencing`] | how do I keep a paused holder from writing? |
//!
//! The reference is where the items are: [`distributed_lock`](macro@crate::distributed_lock) for the
//! attribute, [`LockClient`](crate::LockClient) for the rest.

#[doc = include_str!("guide/first_job.md")]
pub mod first_job {}

#[doc = include_str!("guide/times.md")]
pub mod times {}

#[doc = include_str!("guide/schedulers.md")]
pub mod schedulers {}

#[doc = include_str!("guide/services.md")]
pub mod services {}

#[doc = include_str!("guide/testing.md")]
pub mod testing {}

#[doc = include_str!("guide/operations.md")]
pub mod operations {}

#[doc = include_str!("guide/deployment.md")]
pub mod deployment {}

#[doc = include_str!("guide/events.md")]
pub mod events {}

#[doc = include_str!("guide/errors.md")]
pub mod errors {}

#[doc = include_str!("guide/coming_from.md")]
pub mod coming_from {}

#[doc = include_str!("guide/leader_election.md")]
pub mod leader_election {}

#[doc = include_str!("guide/fencing.md")]
pub mod fencing {}
