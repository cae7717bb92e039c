use mongo_lock_runtime::{Error, distributed_lock};

#[distributed_lock(name = "plain", ttl = "5m")]
async fn in_a_plain_function(text: &str) -> u32 {
    text.parse()?
}

#[distributed_lock(name = "option", ttl = "5m")]
async fn of_an_option(text: Option<u32>) -> Result<u32, Error> {
    Ok(text?)
}

#[distributed_lock(name = "unit", ttl = "5m")]
async fn in_a_unit_function() {
    std::fs::read("x")?;
}

fn main() {}
