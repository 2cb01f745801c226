//! Who PostgreSQL runs as: it refuses root, so a Purser started by root hands it to an account without privileges.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::EmbeddedError;

/// An account of this machine, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub uid: u32,
    pub gid: u32,
}

impl Account {
    /// The account to start PostgreSQL under, or None when this process is unprivileged itself.
    pub(super) fn for_server() -> Result<Option<Self>, EmbeddedError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::in_passwd(&passwd, name))
            .map(Some)
            .ok_or(EmbeddedError::NoAccount)
    }

    fn in_passwd(passwd: &str, name: &str) -> Option<Self> {
        let mut fields = passwd.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.split(':').skip(1);
        let account = Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? };
        (account.uid != 0).then_some(account)
    }

    /// Whether the account may pass through `dir` and every directory above it.
    pub(super) fn reaches(self, dir: &Path) -> io::Result<bool> {
        for folder in dir.ancestors() {
            let of = fs::metadata(folder)?;
            let bit = match (of.uid() == self.uid, of.gid() == self.gid) {
                (true, _) => 0o100,
                (false, true) => 0o010,
                (false, false) => 0o001,
            };
            if of.mode() & bit == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\npostgres-old:x:7:7::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        assert_eq!(Account::in_passwd(PASSWD, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(Account::in_passwd(PASSWD, "post"), None);
    }

    #[test]
    fn root_is_never_chosen() {
        assert_eq!(Account::in_passwd(PASSWD, "root"), None);
    }

    #[test]
    fn a_closed_directory_on_the_way_is_not_reached() {
        use std::os::unix::fs::PermissionsExt;
        let stranger = Account { uid: 4_000_001, gid: 4_000_001 };
        let closed = std::env::temp_dir().join(format!("purser-closed-{}", uuid::Uuid::now_v7()));
        let inner = closed.join("inner");
        fs::create_dir_all(&inner).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o711)).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o711)).unwrap();
        let open = stranger.reaches(&inner).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let shut = stranger.reaches(&inner).unwrap();
        fs::remove_dir_all(&closed).unwrap();
        assert_eq!((open, shut), (true, false));
    }
}
