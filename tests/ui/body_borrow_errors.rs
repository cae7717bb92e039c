use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "dangling", ttl = "5m")]
async fn dangling<'a>(text: &'a str) -> &'a str {
    let local = text.to_owned();
    &local
}

#[distributed_lock(name = "other-lifetime", ttl = "5m")]
async fn other_lifetime<'a, 'b>(a: &'a str, b: &'b str) -> &'a str {
    if a.is_empty() { b } else { a }
}

#[distributed_lock(name = "twice", ttl = "5m")]
async fn borrowed_twice(mut list: Vec<u32>) {
    let first = &mut list;
    list.push(1);
    first.push(2);
}

#[distributed_lock(name = "not-mut", ttl = "5m")]
async fn not_mut(list: Vec<u32>) {
    list.push(1);
}

struct Service(String);

impl Service {
    #[distributed_lock(name = "out-of-self", ttl = "5m")]
    async fn out_of_self(&self) -> String {
        self.0
    }
}

fn main() {}
