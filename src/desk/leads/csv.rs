//! Leads from a spreadsheet: text with commas or semicolons, a first line that names the columns, and quotes as spreadsheets
//! write them. Reading only.

use super::NewLead;
use super::bulk::GivenRow;
use crate::desk::{Error, Result};

/// The columns of the template, in its order.
pub const COLUMNS: [&str; 3] = ["email", "stripe_customer_id", "affiliate"];

/// A file to fill in.
pub const TEMPLATE: &str = "email,stripe_customer_id,affiliate\r\nkim@example.com,,partner-code\r\nlee@example.com,cus_123,partner@example.org\r\n";

/// The rows of the text, each as a lead or with what is wrong with it. Empty lines are left out.
///
/// # Errors
/// [`Error::Invalid`] naming `file`: no header, an unknown or missing column, a quote that doesn't end.
pub fn rows(text: &str) -> Result<Vec<GivenRow>> {
    let (header, records) = table(text)?;
    Ok(records.iter().map(|cells| lead(&header, cells)).collect())
}

/// The rows as they stand in the text, in the order of [`COLUMNS`].
///
/// # Errors
/// As [`rows`].
pub fn cells(text: &str) -> Result<Vec<[String; 3]>> {
    let (header, records) = table(text)?;
    let in_order = |cells: &Vec<String>| COLUMNS.map(|name| cell(&header, cells, name).unwrap_or_default());
    Ok(records.iter().map(in_order).collect())
}

fn table(text: &str) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let header_line = text.lines().next().unwrap_or_default();
    let delimiter = if header_line.contains(';') && !header_line.contains(',') { ';' } else { ',' };
    let mut records = records(text, delimiter)?.into_iter().filter(|cells| cells.iter().any(|cell| !cell.is_empty()));
    let header: Vec<String> = records.next().unwrap_or_default().iter().map(|name| name.to_lowercase()).collect();
    check_header(&header)?;
    Ok((header, records.collect()))
}

fn check_header(header: &[String]) -> Result<()> {
    let wrong = |message: String| Err(Error::invalid("file", message));
    let columns = COLUMNS.join(", ");
    if header.is_empty() {
        return wrong(format!("The file is empty. Its first line names the columns: {columns}."));
    }
    if let Some(unknown) = header.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        return wrong(format!("`{unknown}` in the first line is no column. The columns are: {columns}."));
    }
    if !header.iter().any(|name| name == "affiliate") {
        return wrong("The first line must name the column `affiliate`.".to_owned());
    }
    if header.iter().enumerate().any(|(at, name)| header[..at].contains(name)) {
        return wrong("A column is there twice in the first line.".to_owned());
    }
    Ok(())
}

fn lead(header: &[String], cells: &[String]) -> GivenRow {
    if cells.len() > header.len() {
        return Err(Error::invalid("row", "The row has more cells than the first line names columns."));
    }
    let cell = |name| cell(header, cells, name);
    let affiliate = cell("affiliate").ok_or_else(|| Error::invalid("affiliate", "`affiliate` is missing."))?;
    Ok(NewLead { email: cell("email"), stripe_customer_id: cell("stripe_customer_id"), affiliate })
}

fn cell(header: &[String], cells: &[String], name: &str) -> Option<String> {
    let at = header.iter().position(|column| column == name)?;
    cells.get(at).filter(|text| !text.is_empty()).cloned()
}

/// The cells of each line, trimmed. A quoted cell may hold delimiters, line ends and doubled quotes.
fn records(text: &str, delimiter: char) -> Result<Vec<Vec<String>>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted || cell.trim().is_empty() => quoted = !quoted,
            c if quoted => cell.push(c),
            c if c == delimiter => record.push(take_cell(&mut cell)),
            '\n' => {
                record.push(take_cell(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            c => cell.push(c),
        }
    }
    if quoted {
        return Err(Error::invalid(
            "file",
            "A quotation mark in the file has no second one, so its rows can't be told apart.",
        ));
    }
    if !cell.is_empty() || !record.is_empty() {
        record.push(take_cell(&mut cell));
        records.push(record);
    }
    Ok(records)
}

fn take_cell(cell: &mut String) -> String {
    std::mem::take(cell).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Option<String>, Option<String>, String)> {
        let rows = rows(text).unwrap().into_iter().map(Result::unwrap);
        rows.map(|lead| (lead.email, lead.stripe_customer_id, lead.affiliate)).collect()
    }

    #[test]
    fn spreadsheets_of_several_habits_read_the_same() {
        let expected = [(Some("kim@example.com".to_owned()), None, "ada".to_owned())];
        for text in [
            "email,stripe_customer_id,affiliate\nkim@example.com,,ada\n",
            "\u{feff}Email;Stripe_Customer_Id;Affiliate\r\n kim@example.com ;;ada\r\n\r\n",
            "affiliate,email\n\"ada\",\"kim@example.com\"",
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
        assert_eq!(read(TEMPLATE).len(), 2);
    }

    #[test]
    fn quotes_hold_delimiters_and_quotes() {
        let told = read("email,affiliate\n\"a\"\"b,c@example.com\",ada\n");
        assert_eq!(told[0].0.as_deref(), Some("a\"b,c@example.com"));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        for (text, part) in [
            ("", "empty"),
            ("email\nkim@example.com\n", "affiliate"),
            ("email,colour,affiliate\n", "colour"),
            ("email,email,affiliate\n", "twice"),
            ("email,affiliate\n\"kim,ada\n", "quotation mark"),
        ] {
            let refused = rows(text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(refused.contains(part), "{text:?}: {refused}");
        }
        let rows = rows("email,affiliate\nkim@example.com,\nlee@example.com,ada,more\n").unwrap();
        let params: Vec<Option<String>> =
            rows.iter().map(|row| row.as_ref().err().and_then(|error| error.param().map(str::to_owned))).collect();
        assert_eq!(params, [Some("affiliate".to_owned()), Some("row".to_owned())]);
    }
}
