//! Lists in pages: newest first, after a cursor that is the id of the last row seen, so that a walk sees every row once
//! while new ones arrive.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

use super::Error;

/// Rows of a page when none are asked for.
pub const DEFAULT_LIMIT: i64 = 25;
/// Most rows of a page.
pub const MAX_LIMIT: i64 = 100;
/// Rows that are read at a time for a file.
const FILE_LIMIT: i64 = 1_000;

/// Which page of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    limit: i64,
    cursor: Option<String>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: DEFAULT_LIMIT, cursor: None }
    }
}

impl PageRequest {
    /// # Errors
    /// [`Error::Invalid`] when the limit is not within 1 and 100.
    pub fn new(limit: Option<i64>, cursor: Option<String>) -> Result<Self, Error> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Error::invalid("limit", format!("`limit` must be from 1 to {MAX_LIMIT}.")));
        }
        Ok(Self { limit, cursor: cursor.filter(|text| !text.is_empty()) })
    }

    /// A page of a file that holds the whole list: larger than what is asked for over the API, and no larger than is kept in
    /// memory at a time.
    pub fn of_file(cursor: Option<String>) -> Self {
        Self { limit: FILE_LIMIT, cursor }
    }

    /// One row more than the page holds: its presence tells that there is a next page.
    pub fn fetch(&self) -> i64 {
        self.limit + 1
    }

    /// The cursor as an id of the listed kind.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is not one.
    pub fn before<Id: FromStr + Into<Uuid>>(&self) -> Result<Option<Uuid>, Error> {
        self.cursor.as_deref().map(|text| text.parse::<Id>().map(Into::into).map_err(|_| not_a_cursor())).transpose()
    }

    /// The cursor as it was given, for lists whose ids are Stripe's.
    pub fn before_text(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Cuts the rows to the page; `id` tells the cursor of a row.
    pub fn page<T, Id: Display>(&self, mut rows: Vec<T>, id: impl Fn(&T) -> Id) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(|row| id(row).to_string()) } else { None };
        Page { data: rows, next_cursor }
    }
}

/// The refusal of a cursor that no page gave.
pub(super) fn not_a_cursor() -> Error {
    Error::invalid("cursor", "`cursor` must be the `next_cursor` of an earlier page.")
}

/// A page of a list, as the contract has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Give it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The same page of other things.
    pub fn map<U>(self, into: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(into).collect(), next_cursor: self.next_cursor }
    }

    /// A list that is short by nature and always whole.
    pub fn whole(data: Vec<T>) -> Self {
        Page { data, next_cursor: None }
    }
}
