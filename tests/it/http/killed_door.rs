//! A process that is killed while visitors are being sent on, as a real process by a real SIGKILL: every click that it named is
//! there, and credits.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use futures::future::join_all;
use purser::Engine;
use purser::config::Config;
use purser::domain::ids::ClickId;
use purser::http::referral;

use crate::harness::events::Purchase;
use crate::harness::{Company, eventually};

const SAYS: &str = "the door is at ";

/// The process that the test below starts and kills; by itself it is no test.
#[tokio::test]
#[ignore = "a serving process that another test starts"]
async fn door_process() {
    let config = Config::from_env().unwrap();
    let url = config.database_url.clone().expect("the test that starts it names its database");
    let engine = Engine::connect(config, url.expose()).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("\n{SAYS}http://{}", listener.local_addr().unwrap());
    axum::serve(listener, referral::router(engine)).await.unwrap();
}

fn start(company: &Company) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "http::killed_door::door_process", "--ignored", "--nocapture"])
        .env("DATABASE_URL", company.database_url())
        .env("PURSER_SECRET_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.find_map(|line| line.strip_prefix(SAYS).map(str::to_owned)).unwrap();
    (child, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_click_that_a_killed_process_named_is_there_and_credits() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let (mut child, address) = start(&company);
    let named: Arc<Mutex<Vec<ClickId>>> = Arc::default();
    let visitors = (0..8).map(|_| {
        let (http, link, named) = (company.http.clone(), format!("{address}/r/ada"), named.clone());
        tokio::spawn(async move {
            // Until nobody answers any more.
            while let Ok(response) = http.get(&link).send().await {
                let location = response.headers()["location"].to_str().unwrap().to_owned();
                let click: Option<ClickId> = location.split("purser_click=").nth(1).map(|id| id.parse().unwrap());
                named.lock().unwrap().extend(click);
            }
        })
    });
    let visitors: Vec<_> = visitors.collect();
    eventually("a hundred clicks", async || (named.lock().unwrap().len() >= 100).then_some(())).await;
    child.kill().unwrap();
    child.wait().unwrap();
    join_all(visitors).await;

    let named = std::mem::take(&mut *named.lock().unwrap());
    let ids: Vec<String> = named.iter().map(|click| format!("'{}'", click.0)).collect();
    let kept = company.count(&format!("clicks where id in ({})", ids.join(", "))).await;
    assert_eq!(usize::try_from(kept).unwrap(), named.len());
    let last = named.last().unwrap().to_string();
    company.take_in(&[Purchase::new(1).referred(&last).session()]).await;
    assert_eq!(company.count("conversions where evidence_kind = 'click'").await, 1);
    assert_eq!(company.lines(ada).await.len(), 1);
}
