//! The files of an embedded database: where they lie, whose they are, and how they are made. Doesn't start anything that stays.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::EmbeddedError;
use super::account::Account;
use super::programs::Programs;

pub(super) const SUPERUSER: &str = "purser";

/// Where a cluster of root's goes when PostgreSQL's account can't pass through the directories above the data directory.
const ELSEWHERE: &str = "/var/lib/purser/clusters";

/// An initialised cluster and the programs that can run it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub home: PathBuf,
    pub data: PathBuf,
    pub password: String,
    pub programs: Programs,
    pub account: Option<Account>,
}

/// The cluster's directory under `data_dir`, made when absent and given to `account`.
pub(super) fn place(data_dir: &Path, account: Option<Account>) -> Result<PathBuf, EmbeddedError> {
    let home = data_dir.join("postgres");
    let placed = make_home(data_dir, &home, account).and_then(|()| fs::canonicalize(&home));
    placed.map_err(EmbeddedError::at(&home))
}

fn make_home(data_dir: &Path, home: &Path, account: Option<Account>) -> io::Result<()> {
    make_dir(data_dir, 0o700)?;
    let Some(account) = account else { return make_dir(home, 0o700) };
    if fs::metadata(data_dir)?.uid() == 0 {
        let open = fs::metadata(data_dir)?.mode() | 0o011;
        fs::set_permissions(data_dir, Permissions::from_mode(open & 0o7777))?;
    }
    if fs::symlink_metadata(home).is_err() && !account.reaches(&fs::canonicalize(data_dir)?)? {
        let elsewhere = Path::new(ELSEWHERE).join(uuid::Uuid::now_v7().simple().to_string());
        make_dir(Path::new(ELSEWHERE), 0o711)?;
        make_dir(&elsewhere, 0o700)?;
        symlink(&elsewhere, home)?;
    }
    make_dir(home, 0o700)?;
    chown(home, Some(account.uid), Some(account.gid))
}

fn make_dir(dir: &Path, mode: u32) -> io::Result<()> {
    if dir.is_dir() { Ok(()) } else { DirBuilder::new().recursive(true).mode(mode).create(dir) }
}

impl Cluster {
    /// The cluster in `home`, which is made when there is none. The caller has the turn to do so.
    pub(super) async fn open(home: &Path, account: Option<Account>) -> Result<Self, EmbeddedError> {
        let data = home.join("data");
        let made_by = fs::read_to_string(data.join("PG_VERSION")).ok().and_then(|text| text.trim().parse().ok());
        let programs = Programs::find(made_by, &data).await?;
        let mut cluster = Self { home: home.to_owned(), data, password: String::new(), programs, account };
        if made_by.is_none() {
            cluster.make().await?;
        }
        let kept = cluster.password_file();
        cluster.password = fs::read_to_string(&kept).map_err(EmbeddedError::at(&kept))?.trim().to_owned();
        Ok(cluster)
    }

    /// A command of PostgreSQL's that runs as the account it needs, apart from the terminal's signals.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.bin.join(program));
        command.current_dir(&self.home).stdin(Stdio::null()).process_group(0).env("LC_ALL", "C").env_remove("PGDATA");
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    fn password_file(&self) -> PathBuf {
        self.home.join("password")
    }

    /// Makes the cluster beside its place and moves it there, so that an interrupted start leaves nothing half made.
    async fn make(&self) -> Result<(), EmbeddedError> {
        let draft = self.home.join("data.new");
        let failed = EmbeddedError::at(&draft);
        self.write_password().and_then(|()| remove_if_there(&draft)).map_err(failed)?;
        let output = self
            .command("initdb")
            .arg("--pgdata")
            .arg(&draft)
            .arg("--pwfile")
            .arg(self.password_file())
            .args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"])
            .output()
            .await
            .map_err(|error| EmbeddedError::Program { program: "initdb", said: error.to_string() })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("; ");
            return Err(EmbeddedError::Program { program: "initdb", said });
        }
        fs::rename(&draft, &self.data).map_err(EmbeddedError::at(&self.data))
    }

    fn write_password(&self) -> io::Result<()> {
        let path = self.password_file();
        let random: [u8; 24] = rand::random();
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        writeln!(file, "{}", hex::encode(random))?;
        match self.account {
            Some(account) => chown(&path, Some(account.uid), Some(account.gid)),
            None => Ok(()),
        }
    }
}

fn remove_if_there(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
