//! The kind of the collection, and its options and indexes, as far as the user may see them.

use mongodb::bson::{Bson, Document, doc};

use super::{
    super::{namespace::Namespace, store::MongoStore},
    failure::StartUpFailure,
    step::{NAMESPACE_NOT_FOUND, Step, UNAUTHORIZED, code},
    unfit,
};

/// What the server tells of the collection.
#[derive(Debug, PartialEq)]
pub(super) enum Listing {
    Known {
        /// The entry of `listCollections`; empty when there is no collection yet.
        entry: Document,
        /// Whether a validator or an index might refuse lock documents.
        suspicious: bool,
    },
    /// The user may not see the options.
    NotPermitted {
        /// The name and the type, if the user may see those.
        entry: Document,
    },
}

impl MongoStore {
    pub(super) async fn listing(&self) -> Result<Listing, StartUpFailure> {
        let filter = doc! { "name": &self.namespace().collection };
        let list = doc! { "listCollections": 1, "filter": filter };
        let mut permitted = true;
        let mut found = self.first_batch(list.clone()).await;
        if found
            .as_ref()
            .is_err_and(|error| code(error) == UNAUTHORIZED)
        {
            permitted = false;
            let mut list = list;
            // What every user may ask.
            list.extend(doc! { "nameOnly": true, "authorizedCollections": true });
            found = self.first_batch(list).await;
        }
        let entry = match found {
            Ok(entries) => entries.into_iter().next().unwrap_or_default(),
            Err(error) if code(&error) == UNAUTHORIZED => Document::new(),
            Err(error) => return Err(self.refused(error, Step::List)),
        };
        if !permitted {
            return Ok(Listing::NotPermitted { entry });
        }
        if entry.is_empty() || type_of(&entry) != "collection" {
            let suspicious = false;
            return Ok(Listing::Known { entry, suspicious });
        }
        let indexes = doc! { "listIndexes": &self.namespace().collection };
        match self.first_batch(indexes).await {
            Ok(indexes) => {
                let suspicious = has_validator(&entry) || indexes.iter().any(is_other_unique_index);
                Ok(Listing::Known { entry, suspicious })
            }
            Err(error) if code(&error) == NAMESPACE_NOT_FOUND => Ok(Listing::Known {
                entry: Document::new(),
                suspicious: false,
            }),
            Err(error) if code(&error) == UNAUTHORIZED => Ok(Listing::Known {
                entry,
                suspicious: true,
            }),
            Err(error) => Err(self.refused(error, Step::List)),
        }
    }

    /// The documents of a reply that is a cursor. A collection has at most 64 indexes, which are one batch.
    async fn first_batch(
        &self,
        mut command: Document,
    ) -> Result<Vec<Document>, mongodb::error::Error> {
        command.insert("cursor", doc! { "batchSize": 1000 });
        command.insert("maxTimeMS", self.commands().limit_ms());
        let mut reply = self.database.run_command(command).await?;
        let mut batch = Vec::new();
        if let Ok(cursor) = reply.get_document_mut("cursor")
            && let Ok(documents) = cursor.get_array_mut("firstBatch")
        {
            for document in documents.drain(..) {
                if let Bson::Document(document) = document {
                    batch.push(document);
                }
            }
        }
        Ok(batch)
    }
}

impl Listing {
    /// The reason for which the collection can keep no locks.
    pub(super) fn problem(&self, place: &Namespace) -> Option<String> {
        let (Self::Known { entry, .. } | Self::NotPermitted { entry }) = self;
        match type_of(entry) {
            "collection" => {}
            "view" => return Some(unfit::not_a_plain_collection(place, "a view")),
            "timeseries" => {
                return Some(unfit::not_a_plain_collection(
                    place,
                    "a time-series collection",
                ));
            }
            other => return Some(unfit::not_a_plain_collection(place, &format!("a {other}"))),
        }
        let options = entry.get_document("options").ok()?;
        if options.get_bool("capped").unwrap_or(false) {
            return Some(unfit::capped(place));
        }
        let given = options.get_document("collation").ok()?;
        let locale = given.get_str("locale").unwrap_or_default();
        (locale != "simple").then(|| {
            let strength = given.get_i32("strength").unwrap_or_default();
            unfit::collation(place, &format!(" (locale `{locale}`, strength {strength})"))
        })
    }
}

fn type_of(entry: &Document) -> &str {
    entry.get_str("type").unwrap_or("collection")
}

fn has_validator(entry: &Document) -> bool {
    let options = entry.get_document("options");
    let validator = options.and_then(|options| options.get_document("validator"));
    validator.is_ok_and(|validator| !validator.is_empty())
}

/// An index on `_id` alone is unique whether it says so or not, and keeps locks apart.
fn is_other_unique_index(index: &Document) -> bool {
    let key = index.get_document("key");
    let of_id = key.is_ok_and(|key| key.len() == 1 && key.contains_key("_id"));
    !of_id && index.get_bool("unique").unwrap_or(false)
}
