//! Password hashing with argon2's defaults, off the async threads and at most two at a time, so that a wave of sign-ins
//! leaves the rest of the server its processors.

use std::sync::OnceLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::{Error, Result};

const AT_ONCE: usize = 2;
/// Shortest password that is taken, in characters.
pub const MIN_CHARACTERS: usize = 12;
/// Longest; a bound on what is hashed.
const MAX_BYTES: usize = 1024;

static HASHING: Semaphore = Semaphore::const_new(AT_ONCE);

/// # Errors
/// [`Error::Invalid`] naming `password`, with what it takes.
pub fn check_policy(password: &str) -> Result<()> {
    if password.chars().count() < MIN_CHARACTERS {
        let message = format!("Choose a password of at least {MIN_CHARACTERS} characters. A few words do well.");
        return Err(Error::invalid("password", message));
    }
    if password.len() > MAX_BYTES {
        return Err(Error::invalid("password", "Choose a shorter password."));
    }
    Ok(())
}

/// # Errors
/// [`Error::Internal`] when hashing fails.
pub async fn hash(password: String) -> Result<String> {
    off_thread(move || hash_now(&password)).await?
}

/// Whether the password is the hashed one. Without a hash (no such user, or none set yet) it takes the same time and the
/// answer is no.
///
/// # Errors
/// [`Error::Internal`] when a stored hash can't be read.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool> {
    if password.len() > MAX_BYTES {
        return Ok(false);
    }
    off_thread(move || {
        let known = hash.is_some();
        let hash = match hash {
            Some(hash) => hash,
            None => stand_in()?,
        };
        let parsed = PasswordHash::new(&hash).map_err(|error| Error::Internal(Box::new(error)))?;
        let matches = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
        Ok(known && matches)
    })
    .await?
}

fn hash_now(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|error| Error::Internal(Box::new(error)))?.to_string())
}

/// The hash that nobody's password is compared with.
fn stand_in() -> Result<String> {
    static STAND_IN: OnceLock<String> = OnceLock::new();
    if let Some(hash) = STAND_IN.get() {
        return Ok(hash.clone());
    }
    let hash = hash_now("no user has this password")?;
    Ok(STAND_IN.get_or_init(|| hash).clone())
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _permit = HASHING.acquire().await.map_err(|error| Error::Internal(Box::new(error)))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_only_itself() {
        let hashed = hash("correct horse battery".to_owned()).await.unwrap();
        assert!(hashed.starts_with("$argon2id$"));
        assert!(verify("correct horse battery".to_owned(), Some(hashed.clone())).await.unwrap());
        assert!(!verify("correct horse batterY".to_owned(), Some(hashed)).await.unwrap());
        assert!(!verify("no user has this password".to_owned(), None).await.unwrap());
    }

    #[test]
    fn a_short_password_is_refused_with_what_it_takes() {
        let refused = check_policy("elevenchars").unwrap_err();
        assert_eq!(refused.param(), Some("password"));
        assert!(refused.to_string().contains("12 characters"));
        assert!(check_policy("twelve chars").is_ok());
    }
}
