//! Values that must not be seen: they can be handed to what needs them, but not printed by accident. The secret key encrypts
//! bank details and secrets at rest, and is made once, in the data directory, when nobody gives one.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::{ConfigError, wrong};

const KEY_BYTES: usize = 32;
const TAKES: &str = "it takes 32 random bytes in base64, as `openssl rand -base64 32` prints them";

/// A text that `Debug` hides.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// 32 random bytes in hexadecimal.
    pub fn random() -> Self {
        Self(hex::encode(rand::random::<[u8; KEY_BYTES]>()))
    }

    /// The text itself, for the call that needs it; never for a log, an error or a page.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The 32 bytes that everything encrypted at rest depends on.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey([u8; KEY_BYTES]);

impl SecretKey {
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// The key in `given`, else the one in the data directory's `secret.key`, which is made when absent.
    pub(super) fn read_or_make(given: Option<String>, data_dir: &Path) -> Result<Self, ConfigError> {
        if let Some(text) = given {
            return Self::from_base64(&text).ok_or_else(|| wrong("PURSER_SECRET_KEY", "is not a key", TAKES));
        }
        let path = data_dir.join("secret.key");
        let text = read_or_create(&path).map_err(|error| {
            wrong("PURSER_SECRET_KEY", format!("is not set and {} can't be kept ({error})", path.display()), TAKES)
        })?;
        Self::from_base64(text.trim())
            .ok_or_else(|| wrong("PURSER_SECRET_KEY", format!("is not set and {} holds no key", path.display()), TAKES))
    }

    fn from_base64(text: &str) -> Option<Self> {
        [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|alphabet| alphabet.decode(text).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// The file's text; of several processes that find no file at the same time, one makes it and all read that one.
fn read_or_create(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let key: [u8; KEY_BYTES] = rand::random();
    let draft = dir.join(format!(".secret.key.{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    writeln!(file, "{}", STANDARD.encode(key))?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::read_to_string(path),
    }
}
