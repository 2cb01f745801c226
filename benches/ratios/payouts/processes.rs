//! The processes that are measured from outside: a worker, and who drafts. Each is this program under another name; with
//! `BENCH_PROGRAM` naming a `purser`, the worker is `purser work`. They get an environment of their own, and how much memory
//! they had at most is read where the system tells it.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use purser::Engine;
use purser::config::Config;
use purser::desk::payouts;
use purser::jobs::Worker;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::seed;
use crate::database::{SECRET_KEY, STRIPE_KEY, Server};

pub const WORK: &str = "work";
pub const DRAFT: &str = "draft";

/// A worker that runs.
pub struct Working {
    child: Child,
    folder: PathBuf,
}

impl Working {
    /// Starts a worker over `database`, whose calls go to `stripe`, at most that many transfers a second.
    pub fn start(server: &Server, database: &str, stripe: &str, per_second: u32) -> Self {
        let folder = std::env::temp_dir().join(format!("purser-bench-worker-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let program = std::env::var_os("BENCH_PROGRAM").map_or_else(|| std::env::current_exe().unwrap(), PathBuf::from);
        let mut command = Command::new(program);
        command.arg(WORK).env_clear().kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(folder.join("log")).unwrap());
        command.env("DATABASE_URL", server.url(database)).env("STRIPE_SECRET_KEY", STRIPE_KEY);
        command.env("STRIPE_API_BASE", stripe).env("PURSER_TRANSFER_RATE", per_second.to_string());
        command.env("PURSER_SECRET_KEY", SECRET_KEY).env("PURSER_DATA_DIR", &folder).env("PURSER_LOG", "warn");
        Self { child: command.spawn().unwrap(), folder }
    }

    /// How much memory it had at most so far, in KiB; `None` where the system doesn't tell.
    pub fn peak_kib(&self) -> Option<u64> {
        peak_kib(&self.child.id()?.to_string())
    }

    /// Panics with the worker's log when it has ended.
    pub fn must_run(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("the worker ended with {status}: {}", self.log());
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Asks it to stop, and waits until it has.
    pub async fn end(mut self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(pid.expect("the worker runs"), Signal::TERM).unwrap();
        let status = self.child.wait().await.unwrap();
        let log = self.log();
        assert!(status.success(), "the worker ended with {status}: {log}");
        if !log.is_empty() {
            eprintln!("the worker said:\n{}", log.lines().take(20).collect::<Vec<_>>().join("\n"));
        }
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// What `purser work` does.
pub async fn work() {
    let engine = engine_of_environment().await;
    let worker = Worker::start(&engine).await.unwrap();
    signal(SignalKind::terminate()).unwrap().recv().await;
    worker.stop().await;
    engine.pool.close().await;
}

/// What a draft took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct DraftTook {
    pub seconds: f64,
    pub peak_kib: Option<u64>,
}

/// Drafts a batch for everybody in a process of its own.
pub async fn run_draft(server: &Server, database: &str) -> DraftTook {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(DRAFT).env_clear().kill_on_drop(true).stdin(Stdio::null()).stderr(Stdio::inherit());
    // Statements for thousands at once are slow by the log's measure.
    command.env("DATABASE_URL", server.url(database)).env("PURSER_SECRET_KEY", SECRET_KEY).env("PURSER_LOG", "error");
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "the draft ended with {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What [`run_draft`] starts.
pub async fn draft() {
    let engine = engine_of_environment().await;
    let program = seed::program_id(&engine).await;
    let now = engine.clock.now().await;
    let began = Instant::now();
    payouts::draft(&seed::ACTOR, &engine, now, program, None).await.unwrap();
    let took = DraftTook { seconds: began.elapsed().as_secs_f64(), peak_kib: peak_kib("self") };
    println!("{}", serde_json::to_string(&took).unwrap());
}

async fn engine_of_environment() -> Engine {
    let config = Config::from_env().unwrap();
    purser::telemetry::start(&config.log, "warn");
    let url = config.database_url.clone().expect("DATABASE_URL names the database");
    Engine::connect(config, url.expose()).await.unwrap()
}

fn peak_kib(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix(" kB")?.parse().ok()
}
