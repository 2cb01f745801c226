//! The embedded PostgreSQL: started, joined, taken over and stopped, with real servers in temporary directories.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use purser::embedded::Embedded;
use sqlx::{Connection, PgConnection};

/// A data directory that goes away with the test.
struct DataDir(PathBuf);

impl DataDir {
    fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("purser-data-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn postmaster(&self) -> Option<String> {
        let text = fs::read_to_string(self.0.join("postgres/data/postmaster.pid")).ok()?;
        text.lines().next().map(str::to_owned)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if let Some(pid) = self.postmaster() {
            kill("-QUIT", &pid);
        }
        if let Ok(elsewhere) = fs::read_link(self.0.join("postgres")) {
            fs::remove_dir_all(elsewhere).ok();
        }
        fs::remove_dir_all(&self.0).ok();
    }
}

fn kill(signal: &str, pid: &str) {
    std::process::Command::new("kill").args([signal, pid]).status().unwrap();
}

async fn run(url: &str, statement: &'static str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(statement).execute(&mut connection).await?;
    connection.close().await
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn an_embedded_database_keeps_its_rows_over_a_stop_and_a_start() {
    let dir = DataDir::new();
    let first = Embedded::start(&dir.0).await.unwrap();
    run(first.url(), "create table kept (n int)").await.unwrap();
    let url = first.url().to_owned();
    first.stop().await.unwrap();
    assert!(dir.postmaster().is_none(), "stopped");
    assert!(run(&url, "select 1").await.is_err(), "nobody answers any more");

    let second = Embedded::start(&dir.0).await.unwrap();
    run(second.url(), "insert into kept values (1)").await.unwrap();
    second.stop().await.unwrap();
    assert_eq!(mode(&dir.0.join("postgres/password")), 0o600);
}

#[tokio::test]
async fn a_second_user_joins_the_running_server_and_the_last_one_stops_it() {
    let dir = DataDir::new();
    let (first, second) = tokio::join!(Embedded::start(&dir.0), Embedded::start(&dir.0));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.url(), second.url());
    second.stop().await.unwrap();
    run(first.url(), "select 1").await.unwrap();
    first.stop().await.unwrap();
    assert!(dir.postmaster().is_none());
}

#[tokio::test]
async fn the_starter_may_leave_before_the_one_who_joined() {
    let dir = DataDir::new();
    let first = Embedded::start(&dir.0).await.unwrap();
    let second = Embedded::start(&dir.0).await.unwrap();
    first.stop().await.unwrap();
    run(second.url(), "select 1").await.unwrap();
    second.stop().await.unwrap();
    assert!(dir.postmaster().is_none());
}

#[tokio::test]
async fn a_server_left_by_a_killed_purser_is_taken_over_and_stopped() {
    let dir = DataDir::new();
    // Dropped without `stop`, as when the process dies: its locks go, the server stays.
    drop(Embedded::start(&dir.0).await.unwrap());
    let left = dir.postmaster().unwrap();
    let next = Embedded::start(&dir.0).await.unwrap();
    assert_eq!(dir.postmaster(), Some(left), "the same server");
    next.stop().await.unwrap();
    assert!(dir.postmaster().is_none());
}

#[tokio::test]
async fn a_stale_pid_file_of_a_killed_server_does_not_stop_the_next_start() {
    let dir = DataDir::new();
    let first = Embedded::start(&dir.0).await.unwrap();
    run(first.url(), "create table kept (n int)").await.unwrap();
    kill("-KILL", &dir.postmaster().unwrap());
    let before = first.url().to_owned();
    drop(first);
    let next = Embedded::start(&dir.0).await.unwrap();
    assert_eq!(next.url(), before, "who was connected finds it again");
    run(next.url(), "insert into kept values (1)").await.unwrap();
    next.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_file_that_names_another_process_is_seen_through() {
    let dir = DataDir::new();
    Embedded::start(&dir.0).await.unwrap().stop().await.unwrap();
    let pid_file = dir.0.join("postgres/data/postmaster.pid");
    fs::write(&pid_file, format!("{}\n{}\n1\n65000\n\n127.0.0.1\n", std::process::id(), dir.0.display())).unwrap();
    Embedded::start(&dir.0).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn an_interrupted_making_of_the_cluster_is_begun_again() {
    let dir = DataDir::new();
    fs::create_dir_all(dir.0.join("postgres/data.new/base")).unwrap();
    Embedded::start(&dir.0).await.unwrap().stop().await.unwrap();
    assert!(!dir.0.join("postgres/data.new").exists());
}

#[tokio::test]
async fn a_data_directory_behind_a_closed_one_works_too() {
    let outer = DataDir::new();
    fs::set_permissions(&outer.0, Permissions::from_mode(0o700)).unwrap();
    let inner = DataDir(outer.0.join("purser"));
    let embedded = Embedded::start(&inner.0).await.unwrap();
    run(embedded.url(), "select 1").await.unwrap();
    embedded.stop().await.unwrap();
    assert_eq!(mode(&outer.0), 0o700, "what isn't ours stays closed");
}
