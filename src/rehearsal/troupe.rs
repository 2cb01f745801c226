//! The processes of a rehearsal: one sandbox, and workers that are killed without a warning and replaced by others. Each gets an
//! environment of its own, so that no key or address of the company's reaches them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Error, Place, Plan, WORKERS};
use crate::sandbox::SECRET_KEY;

/// The sandbox answers at once but on a machine that is drowned in work.
const TIMEOUT_SECONDS: &str = "4";
/// As short as it may be, so that what a killed worker had in hand is soon taken over.
const LEASE_SECONDS: &str = "6";
const END_WITHIN: Duration = Duration::from_secs(20);
const STARTED: &str = "The Stripe sandbox is at ";

/// The program that knows `sandbox` and `work`.
#[derive(Debug, Clone)]
pub struct Program(pub PathBuf);

impl Program {
    /// This process's own program.
    ///
    /// # Errors
    /// When the system doesn't tell.
    pub fn own() -> io::Result<Self> {
        std::env::current_exe().map(Self)
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.0);
        command.env_clear().stdin(Stdio::null()).kill_on_drop(true).current_dir(folder);
        // What the terminal sends is for who rehearses, who ends the others.
        command.process_group(0);
        command
    }
}

pub(super) struct Troupe {
    program: Program,
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
    sandbox: Child,
    pub sandbox_url: String,
    workers: Vec<Child>,
}

impl Troupe {
    /// The sandbox, over a state of its own, and no worker yet.
    pub async fn start(place: &Place, plan: &Plan) -> Result<Self, Error> {
        let failed = |error| Error::Process { what: "the sandbox", error };
        let mut command = place.program.command(&place.folder);
        command.args(["sandbox", "--port", "0", "--seed", &plan.seed.to_string(), "--state", "sandbox.json"]);
        command.env("PURSER_LOG", "error").stdout(Stdio::piped());
        command.stderr(log(&place.folder, "sandbox.log").map_err(failed)?);
        let mut sandbox = command.spawn().map_err(failed)?;
        let sandbox_url = address(&mut sandbox).await.map_err(failed)?;
        let mut troupe = Self {
            program: place.program.clone(),
            folder: place.folder.clone(),
            environment: Vec::new(),
            sandbox,
            sandbox_url,
            workers: Vec::new(),
        };
        troupe.environment = troupe.environment(place, plan);
        Ok(troupe)
    }

    fn environment(&self, place: &Place, plan: &Plan) -> Vec<(&'static str, String)> {
        vec![
            ("DATABASE_URL", place.database_url.clone()),
            ("STRIPE_SECRET_KEY", SECRET_KEY.to_owned()),
            ("STRIPE_API_BASE", self.sandbox_url.clone()),
            ("PURSER_TRANSFER_RATE", plan.per_second.to_string()),
            ("PURSER_STRIPE_TIMEOUT_SECONDS", TIMEOUT_SECONDS.to_owned()),
            ("PURSER_PAYOUT_LEASE_SECONDS", LEASE_SECONDS.to_owned()),
            ("PURSER_DATA_DIR", self.folder.display().to_string()),
            ("PURSER_LOG", "warn".to_owned()),
        ]
    }

    /// A variable of the workers' environment.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    /// Starts as many workers as there should be, and forgets those that ended by themselves.
    pub async fn keep_workers(&mut self) -> Result<(), Error> {
        self.workers.retain_mut(|worker| matches!(worker.try_wait(), Ok(None)));
        while self.workers.len() < WORKERS {
            let failed = |error| Error::Process { what: "a worker", error };
            let mut command = self.program.command(&self.folder);
            command.arg("work").envs(self.environment.iter().cloned()).stdout(Stdio::null());
            command.stderr(log(&self.folder, "workers.log").map_err(failed)?);
            self.workers.push(command.spawn().map_err(failed)?);
        }
        Ok(())
    }

    /// SIGKILL to one of them: nothing in it gets a chance to finish.
    pub async fn kill_worker(&mut self, random: &mut StdRng) {
        if !self.workers.is_empty() {
            let mut worker = self.workers.remove(random.random_range(0..self.workers.len()));
            // The only failure is that it has ended already.
            worker.kill().await.ok();
        }
    }

    /// Asks the workers to end, and waits until they have finished what they had in hand.
    pub async fn dismiss_workers(&mut self) {
        for worker in &self.workers {
            terminate(worker);
        }
        for mut worker in self.workers.drain(..) {
            if tokio::time::timeout(END_WITHIN, worker.wait()).await.is_err() {
                worker.kill().await.ok();
            }
        }
    }

    pub async fn end(mut self) {
        terminate(&self.sandbox);
        if tokio::time::timeout(END_WITHIN, self.sandbox.wait()).await.is_err() {
            self.sandbox.kill().await.ok();
        }
    }
}

fn terminate(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // The only failure is that it is gone already, which is what is asked for.
        kill_process(pid, Signal::TERM).ok();
    }
}

fn log(folder: &Path, name: &str) -> io::Result<File> {
    File::options().create(true).append(true).open(folder.join(name))
}

/// What the sandbox says about itself when it has started.
async fn address(sandbox: &mut Child) -> io::Result<String> {
    let output = sandbox.stdout.take().ok_or_else(|| io::Error::other("it has no output"))?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(url) = line.strip_prefix(STARTED) {
            let url = url.trim().to_owned();
            // What else it prints must not fill the pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(url);
        }
    }
    Err(io::Error::other("it ended; see sandbox.log"))
}
