//! Makes many rows of one: which texts in a row are its own (ids, codes), and the SQL that writes another row's in their
//! place. The same replacement serves the mass of rows and the pgbench script, so both look like what Purser wrote.

use purser::domain::ids::SaleId;
use uuid::Uuid;

/// How many affiliates share the load.
pub const AFFILIATES: usize = 1000;

/// Texts of the original and the SQL, of type text, that stands for each in a copy.
#[derive(Debug, Clone, Default)]
pub struct Names(Vec<(String, String)>);

impl Names {
    pub fn add(&mut self, text: impl Into<String>, sql: impl Into<String>) {
        self.0.push((text.into(), sql.into()));
        // Of two that begin alike, the longer one is meant.
        self.0.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    }

    /// An id and its outside form; `number` is SQL that tells copies apart, `kind` tells ids of one copy apart.
    pub fn add_id(&mut self, id: Uuid, kind: usize, number: &str) {
        self.add(id.to_string(), id_sql(kind, number));
        self.add(outside_form(id), format!("lpad(({number})::text, 26, '0')"));
    }

    /// The SQL of the value in a copy; `None` when nothing in it is the original's own.
    pub fn sql(&self, value: &str) -> Option<String> {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), value);
        while let Some(next) = rest.chars().next() {
            if let Some((text, sql)) = self.0.iter().find(|(text, _)| rest.starts_with(text.as_str())) {
                parts.extend((!plain.is_empty()).then(|| literal(&std::mem::take(&mut plain))));
                parts.push(sql.clone());
                rest = &rest[text.len()..];
            } else {
                plain.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        if parts.is_empty() {
            return None;
        }
        parts.extend((!plain.is_empty()).then(|| literal(&plain)));
        Some(format!("({})", parts.join(" || ")))
    }
}

/// An id that sorts by its number, as those that Purser makes sort by time.
pub fn id_sql(kind: usize, number: &str) -> String {
    format!("('019f0000-{kind:04x}-7000-8000-' || lpad(to_hex(({number})::bigint), 12, '0'))")
}

/// What `id_sql` comes to.
pub fn id(kind: usize, number: u64) -> Uuid {
    format!("019f0000-{kind:04x}-7000-8000-{number:012x}").parse().expect("the pattern is a uuid's")
}

pub fn code_sql(number: &str) -> String {
    format!("('partner' || lpad(({number})::text, 4, '0'))")
}

/// What `code_sql` comes to.
pub fn code(number: usize) -> String {
    format!("partner{number:04}")
}

/// The 26 characters that every outside id of the uuid ends with.
pub fn outside_form(id: Uuid) -> String {
    SaleId(id).to_string().trim_start_matches("sal_").to_owned()
}

/// A string constant on one line, without a colon in it, which pgbench would take for a variable.
pub fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', r"\\").replace('\'', r"\'").replace(':', r"\x3a").replace('\n', r"\n"))
}

/// Every uuid that is written in the text.
pub fn ids_in(text: &str) -> impl Iterator<Item = Uuid> + '_ {
    text.as_bytes().windows(36).filter_map(|window| {
        let text = std::str::from_utf8(window).ok()?;
        (text.as_bytes()[8] == b'-').then(|| text.parse().ok()).flatten()
    })
}
