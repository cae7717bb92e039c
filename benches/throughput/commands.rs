//! Our own two commands, sent by the driver's `run_command`: what is left is the client's work.

use anyhow::{Context, Result, ensure};
use mongodb::{
    Database,
    bson::{Bson, Document, Uuid},
};

const SNAPSHOTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/mongo-lock-runtime/src/store/mongo/snapshots"
);

pub(crate) struct Commands {
    database: Database,
    acquire: Document,
    release: Document,
}

impl Commands {
    pub(crate) fn prepare(database: &Database) -> Result<Self> {
        Ok(Self {
            database: database.clone(),
            acquire: read("acquire_plain")?,
            release: read("release")?,
        })
    }

    pub(crate) async fn pair(&self, name: &str) -> Result<()> {
        let lease = Bson::from(Uuid::new());
        let mut acquire = self.acquire.clone();
        acquire.insert("query", mongodb::bson::doc! { "_id": name });
        *at(
            &mut acquire,
            &[
                "update",
                "0",
                "$replaceWith",
                "$let",
                "vars",
                "lease",
                "lease",
            ],
        )? = lease.clone();
        let reply = self.database.run_command(acquire).await?;
        let holders = reply.get_document("value")?.get_array("holders")?;
        let ours = holders.iter().filter_map(Bson::as_document);
        ensure!(
            ours.filter_map(|holder| holder.get("lease"))
                .any(|id| *id == lease),
            "{name} is not free"
        );
        let mut release = self.release.clone();
        *at(&mut release, &["updates", "0", "q", "_id"])? = name.into();
        *at(&mut release, &["updates", "0", "q", "holders.lease"])? = lease.clone();
        *at(
            &mut release,
            &["updates", "0", "u", "$pull", "holders", "lease"],
        )? = lease;
        let reply = self.database.run_command(release).await?;
        ensure!(reply.get_i32("nModified")? == 1, "{name} was not held");
        Ok(())
    }
}

fn read(name: &str) -> Result<Document> {
    let path = format!("{SNAPSHOTS}/{name}.json");
    let text = std::fs::read_to_string(&path).with_context(|| path)?;
    let value: serde_json::Value = serde_json::from_str(&text)?;
    match Bson::try_from(value)? {
        Bson::Document(command) => Ok(command),
        other => anyhow::bail!("{name} is {other}"),
    }
}

fn at<'a>(document: &'a mut Document, path: &[&str]) -> Result<&'a mut Bson> {
    let (last, parents) = path.split_last().context("the path is empty")?;
    let mut inner = document;
    let mut parents = parents.iter().peekable();
    while let Some(key) = parents.next() {
        let value = inner.get_mut(key).with_context(|| format!("no `{key}`"))?;
        inner = match value {
            Bson::Array(array) => {
                let index: usize = parents.next().context("no index")?.parse()?;
                array.get_mut(index).and_then(Bson::as_document_mut)
            }
            value => value.as_document_mut(),
        }
        .with_context(|| format!("`{key}` has no inside"))?;
    }
    inner.get_mut(last).with_context(|| format!("no `{last}`"))
}
