//! Keeping occurrences in the store: in pages, so that a whole site that falls silent is a few
//! writes and not one for each encoder.

use std::sync::{Mutex, PoisonError};

use super::book::ErrorBook;
use super::occurrence::Occurrence;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Expect, Key, StateStore};

/// Occurrences of one record.
const PAGE: u64 = 64;

pub(super) const fn page_of(number: u64) -> u64 {
    number / PAGE
}

fn key(page: u64) -> Key {
    Key::try_new(format!("errors/{page:012}")).expect("digits are key characters")
}

fn prefix() -> Key {
    Key::try_new("errors/").expect("a constant")
}

/// Everything that is stored. A page that cannot be read is left out and said.
pub(super) async fn load(store: &dyn StateStore) -> Result<Vec<Occurrence>> {
    let mut all = Vec::new();
    for record in store.list(&prefix()).await? {
        match serde_json::from_slice::<Vec<Occurrence>>(&record.value) {
            Ok(page) => all.extend(page),
            Err(error) => tracing::warn!(key = %record.key, %error, "errors cannot be read"),
        }
    }
    Ok(all)
}

/// Writes the pages that changed. What cannot be written is tried the next time.
pub(super) async fn save(book: &Mutex<ErrorBook>, store: &dyn StateStore) -> Result<()> {
    let mut writes = Vec::new();
    let mut pages = {
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        let pages = book.take_changed_pages();
        for page in &pages {
            let content = book.numbered(page * PAGE, (page + 1) * PAGE);
            let bytes = (!content.is_empty()).then(|| serde_json::to_vec(&content));
            writes.push((*page, bytes));
        }
        pages
    };
    for (page, bytes) in writes {
        if let Err(error) = write(store, page, bytes).await {
            let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
            book.put_back_pages(pages);
            return Err(error);
        }
        pages.remove(&page);
    }
    Ok(())
}

async fn write(
    store: &dyn StateStore,
    page: u64,
    bytes: Option<serde_json::Result<Vec<u8>>>,
) -> Result<()> {
    match bytes {
        Some(Ok(bytes)) => store.put(&key(page), &bytes, Expect::Any).await.map(drop),
        Some(Err(error)) => {
            let message = "errors cannot be written as JSON";
            Err(Error::new(ErrorKind::Unexpected, message).with_source(error))
        }
        None => store.delete(&key(page), Expect::Any).await,
    }
}
