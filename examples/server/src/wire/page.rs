//! Lists in pages.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use encoder_core::wire::Page;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::problem::{FieldProblem, Problem};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items per page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500, default = 100)]
    pub limit: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl PageQuery {
    /// Cuts the page out of items that are sorted by `key`.
    ///
    /// # Errors
    /// A 422 problem listing what is wrong with limit and cursor.
    pub fn cut<T, U: From<T>>(
        &self,
        items: Vec<T>,
        key: impl Fn(&T) -> &str,
    ) -> Result<Page<U>, Problem> {
        self.cut_after(items, key, |key, after| key > after)
    }

    /// As [`PageQuery::cut`], for items with the highest `key` first.
    ///
    /// # Errors
    /// As for [`PageQuery::cut`].
    pub fn cut_descending<T, U: From<T>>(
        &self,
        items: Vec<T>,
        key: impl Fn(&T) -> &str,
    ) -> Result<Page<U>, Problem> {
        self.cut_after(items, key, |key, after| key < after)
    }

    fn cut_after<T, U: From<T>>(
        &self,
        items: Vec<T>,
        key: impl Fn(&T) -> &str,
        follows: fn(&str, &str) -> bool,
    ) -> Result<Page<U>, Problem> {
        let (limit, after) = self.read()?;
        let mut rest: Vec<_> = items
            .into_iter()
            .filter(|item| {
                after
                    .as_deref()
                    .is_none_or(|after| follows(key(item), after))
            })
            .collect();
        let more = rest.len() > limit;
        rest.truncate(limit);
        let last = rest.last().filter(|_| more);
        let next_cursor = last.map(|last| BASE64_URL_SAFE_NO_PAD.encode(key(last)));
        let items = rest.into_iter().map(U::from).collect();
        Ok(Page { items, next_cursor })
    }

    fn read(&self) -> Result<(usize, Option<String>), Problem> {
        let mut errors = Vec::new();
        let limit = match &self.limit {
            None => DEFAULT_LIMIT,
            Some(text) => match text.parse() {
                Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => limit,
                _ => {
                    errors.push(invalid("limit", "must be a whole number from 1 to 500"));
                    DEFAULT_LIMIT
                }
            },
        };
        let after = self.cursor.as_ref().map(|cursor| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
            bytes.and_then(|bytes| String::from_utf8(bytes).ok())
        });
        if after == Some(None) {
            errors.push(invalid(
                "cursor",
                "must be the next_cursor of an earlier answer",
            ));
        }
        if errors.is_empty() {
            Ok((limit, after.flatten()))
        } else {
            Err(Problem::invalid(errors))
        }
    }
}

fn invalid(field: &str, message: &str) -> FieldProblem {
    FieldProblem {
        field: field.to_owned(),
        code: "invalid_value".to_owned(),
        message: message.to_owned(),
        recommended: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(limit: Option<&str>, cursor: Option<String>) -> PageQuery {
        PageQuery {
            limit: limit.map(str::to_owned),
            cursor,
        }
    }

    #[test]
    fn pages_together_are_the_list() {
        let all: Vec<String> = (0..7).map(|n| format!("id-{n}")).collect();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = query(Some("3"), cursor).cut::<_, String>(all.clone(), |id| id);
            let page = page.unwrap();
            assert!(page.items.len() <= 3);
            seen.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let wrong = query(Some("501"), Some("§".to_owned()));
        let problem = wrong
            .cut::<String, String>(Vec::new(), |id| id)
            .unwrap_err();
        let fields: Vec<_> = problem.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!((problem.status, fields), (422, vec!["limit", "cursor"]));
    }
}
