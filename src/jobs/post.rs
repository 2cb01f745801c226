//! Takes the post out: looks for mails that are due every few seconds, so that a password link doesn't wait for a schedule.

use std::time::Duration;

use tokio::sync::watch;

use super::asked;
use crate::Engine;
use crate::mail::{Mailer, deliver_due};

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Runs until `stop` becomes true; a mail that is being sent is finished.
pub(super) async fn run(engine: Engine, mailer: Mailer, stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let now = engine.clock.now().await;
        if let Err(error) = deliver_due(&engine, &mailer, now, &stop).await {
            tracing::warn!(%error, "mails wait; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = asked(stop.clone()) => {}
        }
    }
}
