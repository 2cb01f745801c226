//! Numbers with their nouns.

use std::fmt::Display;

/// `1 affiliate`, `2 affiliates`.
pub fn people(count: i64) -> String {
    counted(count, "affiliate")
}

/// `1 row`, `2 rows`: for nouns that take an s.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    if count == N::from(1) { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
