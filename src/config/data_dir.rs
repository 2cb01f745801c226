//! Where the embedded database and the generated key live when nobody says otherwise.

use std::path::PathBuf;

/// The directory that services use, and root too: PostgreSQL's unprivileged user must be able to reach it.
const SYSTEM_DIR: &str = "/var/lib/purser";

/// `PURSER_DATA_DIR`, else the platform's directory for a user's data.
pub(super) fn choose(get: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    if let Some(dir) = get("PURSER_DATA_DIR") {
        return std::path::absolute(&dir).unwrap_or_else(|_| PathBuf::from(dir));
    }
    let Some(home) = get("HOME").filter(|_| !rustix::process::geteuid().is_root()).map(PathBuf::from) else {
        return PathBuf::from(SYSTEM_DIR);
    };
    if cfg!(target_os = "macos") {
        return home.join("Library/Application Support/purser");
    }
    get("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute())
        .unwrap_or_else(|| home.join(".local/share"))
        .join("purser")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_data_directory_follows_its_variable() {
        let dir = choose(&|name| (name == "PURSER_DATA_DIR").then(|| "/srv/purser".to_owned()));
        assert_eq!(dir, Path::new("/srv/purser"));
    }

    #[test]
    fn without_a_home_the_system_directory_is_used() {
        assert_eq!(choose(&|_| None), Path::new(SYSTEM_DIR));
    }
}
