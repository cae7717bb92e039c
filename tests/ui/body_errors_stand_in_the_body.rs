use mongo_lock_runtime::{Error, distributed_lock};

#[distributed_lock(name = "job", ttl = "5m")]
async fn wrong_type() -> u32 {
    "text"
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn wrong_ok() -> Result<u32, Error> {
    Ok("text")
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn wrong_question_mark() -> Result<u32, Error> {
    let number: u32 = "5".parse()?;
    Ok(number)
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn no_tail() -> Result<u32, Error> {
    let _ = 5;
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn wrong_return(early: bool) -> u32 {
    if early {
        return "text";
    }
    1
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn moved(text: String) -> String {
    drop(text);
    text
}

fn main() {}
