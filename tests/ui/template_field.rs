use mongo_lock_runtime::distributed_lock;

struct Service {
    id: u32,
}

impl Service {
    #[distributed_lock(name = "job/{self.id}", ttl = "5m")]
    async fn of_self(&self) {}
}

#[distributed_lock(name = "job/{service.id}", ttl = "5m")]
async fn of_an_argument(service: &Service) {}

fn main() {}
