//! The server process over a cluster: joined when it answers, taken over when a killed process left it, started otherwise.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::process::Child;

use super::EmbeddedError;
use super::cluster::{Cluster, SUPERUSER};

/// Recovery after a crash can take a while on a large database.
const START_WITHIN: Duration = Duration::from_secs(120);
const STOP_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    data: PathBuf,
    port: u16,
    /// None when another process started it.
    child: Option<Child>,
}

/// What the server wrote about itself: the first and fourth line of `postmaster.pid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PidFile {
    pid: i32,
    port: u16,
}

impl Server {
    /// The cluster's server: the one that runs already, or a new one. The caller has the turn to start it.
    pub(super) async fn running(cluster: &Cluster) -> Result<Self, EmbeddedError> {
        let Some(file) = PidFile::read(&cluster.data) else { return Self::start(cluster, None).await };
        if let Some(server) = Self::join(cluster, file).await? {
            return Ok(server);
        }
        // Left by a killed server: PostgreSQL itself would refuse if another process has that number now.
        let path = pid_path(&cluster.data);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EmbeddedError::at(&path)(error)),
            _ => Self::start(cluster, Some(file.port)).await,
        }
    }

    /// The server of the pid file once it answers, or None when it is not there, or goes away instead of answering.
    async fn join(cluster: &Cluster, file: PidFile) -> Result<Option<Self>, EmbeddedError> {
        let server = Self { data: cluster.data.clone(), port: file.port, child: None };
        let url = server.url(cluster, "postgres");
        let until = Instant::now() + START_WITHIN;
        while file.is_alive(&cluster.data).await {
            match crate::store::server::answers(&url).await {
                Ok(()) => return Ok(Some(server)),
                Err(error) if Instant::now() > until => return Err(error.into()),
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
        Ok(None)
    }

    /// On the port of the server before it, if there is one and the port is free: who waits for that finds this one.
    async fn start(cluster: &Cluster, before: Option<u16>) -> Result<Self, EmbeddedError> {
        let port = before
            .map_or_else(free_port, |port| free_port_at(port).or_else(|_| free_port()))
            .map_err(EmbeddedError::at(&cluster.home))?;
        let log = log_path(cluster);
        let output = File::create(&log).map_err(EmbeddedError::at(&log))?;
        let errors = output.try_clone().map_err(EmbeddedError::at(&log))?;
        let child = cluster
            .command("postgres")
            .arg("-D")
            .arg(&cluster.data)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| EmbeddedError::Program { program: "postgres", said: error.to_string() })?;
        let server = Self { data: cluster.data.clone(), port, child: Some(child) };
        server.wait_until_ready(cluster).await
    }

    /// The address of a database in this server.
    pub(super) fn url(&self, cluster: &Cluster, database: &str) -> String {
        format!("postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}", cluster.password, self.port)
    }

    async fn wait_until_ready(mut self, cluster: &Cluster) -> Result<Self, EmbeddedError> {
        let url = self.url(cluster, "postgres");
        let until = Instant::now() + START_WITHIN;
        loop {
            let Err(error) = crate::store::server::answers(&url).await else { return Ok(self) };
            let ended = self.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)));
            if ended || Instant::now() > until {
                let log = log_path(cluster);
                let said = last_words(&log).unwrap_or_else(|| error.to_string());
                return Err(EmbeddedError::NotStarted { log: log.display().to_string(), said });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Asks the server to stop at once (open transactions are rolled back) and waits until it has.
    pub(super) async fn stop(mut self) -> Result<(), EmbeddedError> {
        let Some(file) = PidFile::read(&self.data) else { return Ok(()) };
        if let Some(pid) = Pid::from_raw(file.pid) {
            // The only failure is that it is gone already, which is what is asked for.
            kill_process(pid, Signal::INT).ok();
        }
        let until = Instant::now() + STOP_WITHIN;
        while pid_path(&self.data).exists() && file.is_alive(&self.data).await {
            if Instant::now() > until {
                let said = "it runs on a minute after being asked to stop".to_owned();
                return Err(EmbeddedError::Program { program: "postgres", said });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        if let Some(child) = &mut self.child {
            child.wait().await.map_err(EmbeddedError::at(&self.data))?;
        }
        Ok(())
    }
}

impl PidFile {
    fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(pid_path(data)).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        Some(Self { pid, port: lines.nth(2).and_then(|line| line.trim().parse().ok())? })
    }

    /// Whether the process is there and is a server over `data`: after a restart of the machine the number may be another's.
    async fn is_alive(self, data: &Path) -> bool {
        let Some(pid) = Pid::from_raw(self.pid) else { return false };
        if test_kill_process(pid).is_err_and(|error| error == rustix::io::Errno::SRCH) {
            return false;
        }
        let words = match fs::read(format!("/proc/{}/cmdline", self.pid)) {
            Ok(words) => words,
            Err(_) if Path::new("/proc/self").exists() => return false,
            Err(_) => ps_words(self.pid).await,
        };
        String::from_utf8_lossy(&words).contains(&*data.to_string_lossy())
    }
}

/// The command line of a process where there is no `/proc`.
async fn ps_words(pid: i32) -> Vec<u8> {
    let ps = tokio::process::Command::new("ps").args(["-o", "args=", "-p", &pid.to_string()]).output().await;
    ps.map(|output| output.stdout).unwrap_or_default()
}

fn pid_path(data: &Path) -> PathBuf {
    data.join("postmaster.pid")
}

fn log_path(cluster: &Cluster) -> PathBuf {
    cluster.home.join("server.log")
}

fn free_port() -> io::Result<u16> {
    free_port_at(0)
}

fn free_port_at(port: u16) -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", port))?.local_addr()?.port())
}

/// The last line of the log that says what went wrong.
fn last_words(log: &Path) -> Option<String> {
    let text = fs::read_to_string(log).ok()?;
    let line =
        text.lines().rev().find(|line| line.contains("FATAL") || line.contains("PANIC")).or(text.lines().last())?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_says_which_process_and_port() {
        let text = "4711\n/srv/purser/postgres/data\n1763700000\n40123\n\n127.0.0.1\n";
        assert_eq!(PidFile::parse(text), Some(PidFile { pid: 4711, port: 40123 }));
        assert_eq!(PidFile::parse("4711\n/srv"), None);
    }

    #[tokio::test]
    async fn a_process_that_is_not_the_server_is_not_taken_for_it() {
        let own = i32::try_from(std::process::id()).unwrap();
        let file = PidFile { pid: own, port: 1 };
        assert!(!file.is_alive(Path::new("/srv/purser/nobody-runs-this")).await);
    }
}
