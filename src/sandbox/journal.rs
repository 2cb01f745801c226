//! Keeps the sandbox's state in a file that survives `kill -9`: one line per answered call holds every row the call
//! changed, so that a call costs the same whatever the size of the state. A torn last line belongs to a call that was
//! never answered and is dropped. When the file has grown to several times what it holds, it is rewritten.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The file is not rewritten below this size.
const COMPACT_ABOVE_BYTES: u64 = 32 * 1024 * 1024;

/// What one call changed: rows by table and id; no value means that the row is gone.
#[derive(Debug, Deserialize)]
pub(super) struct Line(pub Vec<(String, String, Option<Value>)>);

/// A line to be written, which borrows the rows.
#[derive(Debug, Serialize)]
pub(super) struct Written<'a>(pub Vec<(&'a str, &'a str, Option<&'a Value>)>);

pub(super) struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_when_compact: u64,
}

impl Journal {
    /// Opens or makes the file and hands every line in it to `apply`, in order.
    pub fn open(path: &Path, mut apply: impl FnMut(Line)) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut reader = BufReader::new(&file);
        let mut whole = 0;
        let mut text = Vec::new();
        loop {
            text.clear();
            let read = reader.read_until(b'\n', &mut text)? as u64;
            if read == 0 || text.last() != Some(&b'\n') {
                break;
            }
            let line = serde_json::from_slice(&text)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display())))?;
            apply(line);
            whole += read;
        }
        file.set_len(whole)?;
        Ok(Self { path: path.to_owned(), file, bytes: whole, bytes_when_compact: whole })
    }

    /// Adds a line. It is in the system's hands when this returns, so the death of this process cannot lose it.
    pub fn append(&mut self, line: &Written<'_>) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.bytes += text.len() as u64;
        Ok(())
    }

    pub fn wants_compaction(&self) -> bool {
        self.bytes > COMPACT_ABOVE_BYTES && self.bytes > self.bytes_when_compact.saturating_mul(4)
    }

    /// Replaces the file by one that holds `lines` only: written beside it, then renamed over it.
    pub fn compact<'a>(&mut self, lines: impl Iterator<Item = Written<'a>>) -> io::Result<()> {
        let beside = self.path.with_extension("compacting");
        let mut writer = BufWriter::new(File::create(&beside)?);
        for line in lines {
            serde_json::to_writer(&mut writer, &line)?;
            writer.write_all(b"\n")?;
        }
        writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.bytes = self.file.metadata()?.len();
        self.bytes_when_compact = self.bytes;
        Ok(())
    }
}
