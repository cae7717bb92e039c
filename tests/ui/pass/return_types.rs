//! Return types of generic functions, none of which is a `Result` by another name.
#![deny(warnings)]

use mongo_lock_runtime::{Error, LockClient, Outcome, distributed_lock};
trait Job {
    type Answer;
    fn make(&self) -> Self::Answer;
    fn id(&self) -> u32;
}
trait Runs: Job + Sized + Sync
where
    Self::Answer: Send,
{
    #[distributed_lock(name = "def", ttl = "5m")]
    async fn run(&self) -> Result<Outcome<Self::Answer>, Error> {
        Ok(Outcome::Executed(self.make()))
    }
}
struct G<T>(T);
impl<T: Job> G<T> {
    #[distributed_lock(name = "gen", ttl = "5m")]
    async fn plain(&self) -> T::Answer {
        self.0.make()
    }
    #[distributed_lock(name = "gen2", ttl = "5m")]
    async fn qualified(&self) -> <T as Job>::Answer {
        self.0.make()
    }
    #[distributed_lock(name = "gen3", ttl = "5m")]
    async fn boxed(&self) -> Box<T::Answer> {
        Box::new(self.0.make())
    }
}
#[distributed_lock(name = "gen4", ttl = "5m")]
async fn any<T: Clone>(t: &T) -> T {
    t.clone()
}
#[distributed_lock(name = "gen5", ttl = "5m")]
async fn cow<'a>(t: &'a str) -> std::borrow::Cow<'a, str> {
    t.into()
}
#[distributed_lock(name = "gen6", ttl = "5m")]
async fn elided(t: &str) -> std::borrow::Cow<'_, str> {
    t.into()
}
#[distributed_lock(name = "gen7/{t:?}", ttl = "5m")]
async fn dbg<T: std::fmt::Debug + Clone>(t: T) -> Vec<T> {
    vec![t]
}
#[distributed_lock(name = "gen8", ttl = "5m")]
async fn opt(t: u8) -> Option<Result<u8, Error>> {
    Some(Ok(t))
}

struct Seven;

impl Job for Seven {
    type Answer = u8;
    fn make(&self) -> u8 {
        7
    }
    fn id(&self) -> u32 {
        1
    }
}

impl Runs for Seven {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = LockClient::in_memory();
    let seven = Outcome::Executed(7);
    assert_eq!(client.scope(Seven.run()).await?, seven);
    assert_eq!(client.scope(G(Seven).plain()).await?, seven);
    assert_eq!(client.scope(G(Seven).qualified()).await?, seven);
    assert_eq!(
        client.scope(G(Seven).boxed()).await?,
        Outcome::Executed(Box::new(7))
    );
    assert_eq!(client.scope(any(&7)).await?, seven);
    assert_eq!(client.scope(cow("a")).await?, Outcome::Executed("a".into()));
    assert_eq!(
        client.scope(elided("a")).await?,
        Outcome::Executed("a".into())
    );
    assert_eq!(client.scope(dbg(7)).await?, Outcome::Executed(vec![7]));
    assert!(client.scope(opt(7)).await?.is_executed());
    Seven.id();
    Ok(())
}
