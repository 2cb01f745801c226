//! `purser verify`: proves the books. Exit status 0 when everything holds, 1 with the first discrepancy by id.

use std::process::ExitCode;

use purser::pipeline::verify::{self, Report};

use super::session::Session;
use super::{Answer, Failure};

pub async fn run() -> Answer {
    let session = Session::for_command().await?;
    let report = verify::verify(&session.engine.pool).await;
    session.close().await;
    Ok(tell(&report.map_err(|error| Failure::new(error.to_string()))?))
}

fn tell(report: &Report) -> ExitCode {
    for (check, holds) in &report.checks {
        println!("{}  {}", if *holds { "ok    " } else { "BROKEN" }, check.sentence());
    }
    match &report.first {
        None => {
            println!("The books are in order.");
            ExitCode::SUCCESS
        }
        Some(discrepancy) => {
            println!("{discrepancy}");
            ExitCode::FAILURE
        }
    }
}
