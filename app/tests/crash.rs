//! The crash test: two thousand payouts by three worker processes and a sandbox process, with faults of every kind at random, more
//! than a hundred workers killed in whatever they were doing, and two crashes of PostgreSQL. In the end every payout is posted or
//! failed for a definite reason, and the sandbox's transfers are the posted payouts, one each. The seed is printed;
//! `CRASH_SEED`, `CRASH_ITEMS` and `CRASH_KILLS` set another run up.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use purser::domain::batch::ItemStatus;
use purser::embedded::Embedded;
use purser::rehearsal::{Place, Plan, Program, rehearse};

/// A run that takes longer fails, and tells what is still open: what the usual one may take, and longer ones for their length.
fn within(items: usize) -> Duration {
    Duration::from_millis(180) * u32::try_from(items.max(2_000)).unwrap()
}

/// Where all of it lies; goes away with the test, and with it what is left of the database.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("purser-crash-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn postmaster(&self) -> Option<String> {
        let text = fs::read_to_string(self.0.join("postgres/data/postmaster.pid")).ok()?;
        text.lines().next().map(str::to_owned)
    }

    /// The processes of the database server, beside the first.
    fn servers(&self) -> Vec<String> {
        let first = self.postmaster().expect("the database runs");
        let listed = Command::new("ps").args(["-e", "-o", "pid=,ppid="]).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let pairs = listed.lines().filter_map(|line| line.split_whitespace().collect::<Vec<_>>().try_into().ok());
        pairs.filter(|[_, parent]: &[&str; 2]| *parent == first).map(|[pid, _]| pid.to_owned()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(pid) = self.postmaster() {
            kill("-QUIT", &[pid]);
        }
        if let Ok(elsewhere) = fs::read_link(self.0.join("postgres")) {
            fs::remove_dir_all(elsewhere).ok();
        }
        fs::remove_dir_all(&self.0).ok();
    }
}

fn kill(signal: &str, pids: &[String]) {
    // The only failure is that one of them has ended already.
    Command::new("kill").arg(signal).args(pids).stderr(Stdio::null()).status().unwrap();
}

fn number<T: std::str::FromStr>(variable: &str, otherwise: T) -> T {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn verify(url: &str, folder: &Path) -> bool {
    let mut purser = Command::new(env!("CARGO_BIN_EXE_purser"));
    purser.arg("verify").env("DATABASE_URL", url).env("PURSER_DATA_DIR", folder).status().unwrap().success()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_payouts_survive_kills_faults_and_crashes_of_the_database_and_none_is_paid_twice() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let items = number("CRASH_ITEMS", 2_000);
    let plan = Plan {
        items,
        seed: number("CRASH_SEED", u64::from(now.subsec_nanos())),
        kills: number("CRASH_KILLS", 105),
        faults: None,
        per_second: 100,
        within: Some(within(items)),
    };
    println!("CRASH_SEED={} CRASH_ITEMS={} CRASH_KILLS={}", plan.seed, plan.items, plan.kills);
    let folder = Folder::new();
    let mut servers = vec![Embedded::start(&folder.0).await.unwrap()];
    let url = servers[0].url().to_owned();
    let place = Place {
        program: Program(env!("CARGO_BIN_EXE_purser").into()),
        database_url: url.clone(),
        folder: folder.0.clone(),
    };
    let report = rehearse(&place, &plan, async |kills| {
        if kills == plan.kills / 3 {
            // All of the server at once, as by a power cut.
            let first = folder.postmaster().unwrap();
            kill("-KILL", &[&[first][..], &folder.servers()].concat());
            servers.push(Embedded::start(&folder.0).await.unwrap());
            assert_eq!(servers[1].url(), url, "where it was");
        }
        if kills == plan.kills * 2 / 3 {
            // What serves connections dies, and the server recovers by itself.
            kill("-KILL", &folder.servers());
        }
    })
    .await
    .unwrap();

    let told = format!("seed {}: {:?}", plan.seed, report.by_ending());
    println!("{told}; {:?}; {} s", report.faults_struck, report.seconds);
    for statement in &report.proof.statements {
        assert!(statement.holds, "{told}: it is not so that {}: {:?}", statement.sentence, statement.against);
    }
    assert_eq!(report.kills, plan.kills, "{told}: the batch was over before the last kill");
    let of = |status| report.proof.outcomes.iter().filter(|outcome| outcome.status == status).count();
    let replaced = report.proof.outcomes.iter().filter(|outcome| outcome.retried_by.is_some()).count();
    assert_eq!(of(ItemStatus::Posted), report.proof.transfers, "{told}");
    assert_eq!(of(ItemStatus::Posted) + of(ItemStatus::Failed), plan.items + replaced, "{told}");
    assert!(of(ItemStatus::Posted) > plan.items / 2, "{told}");
    let reasons = ["no_transfer", "transfers_not_allowed", "balance_insufficient"];
    for outcome in report.proof.outcomes.iter().filter(|outcome| outcome.status == ItemStatus::Failed) {
        assert!(reasons.contains(&outcome.error_code.as_deref().unwrap()), "{outcome:?}");
    }
    assert!(verify(&url, &folder.0), "{told}: purser verify");
    for server in servers.into_iter().rev() {
        server.stop().await.unwrap();
    }
}
