//! A worker that is a process of its own, so that it can be killed: this test binary, asked to run the one test that works.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use purser::config::Config;
use purser::sandbox::SECRET_KEY;
use purser::{Engine, jobs};
use tokio::sync::watch;

use super::Payer;

/// The process that tests start and kill; by itself it is no test.
#[tokio::test]
#[ignore = "a worker process that other tests start"]
async fn worker_process() {
    let config = Config::from_env().unwrap();
    let url = config.database_url.clone().expect("the test that starts it names its database");
    let engine = Engine::connect(config, url.expose()).await.unwrap();
    let (_never, stop) = watch::channel(false);
    jobs::payouts::run(engine, stop).await;
}

pub struct WorkerProcess(Child);

impl WorkerProcess {
    pub fn start(payer: &Payer) -> Self {
        Self::with(payer, &[])
    }

    /// With variables of the environment beside those that every worker of the payer needs.
    pub fn with(payer: &Payer, environment: &[(&str, &str)]) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "harness::worker::worker_process", "--ignored", "--nocapture"])
            .env("DATABASE_URL", payer.company.database_url())
            .env("STRIPE_SECRET_KEY", SECRET_KEY)
            .env("STRIPE_API_BASE", payer.sandbox.url())
            .env("PURSER_CLOCK", "sandbox")
            .env("PURSER_TRANSFER_RATE", "1000")
            .env("PURSER_SECRET_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Waits until the process has aborted by itself.
    pub async fn aborts(mut self) {
        // Many start at once, on machines of any load.
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert_eq!(status.signal(), Some(6), "SIGABRT: {status}");
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the process did not reach its failpoint");
    }
}

impl Drop for WorkerProcess {
    /// SIGKILL: nothing in the process gets a chance to finish.
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
