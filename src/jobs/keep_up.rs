//! Keeps a background loop running: one that panics, or ends although nobody asked it to, is begun again after a pause. It is
//! logged, and counted in `/metrics` as `purser_background_restarts_total`.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;

use super::asked;

/// How long a loop that fell over lies; long enough that one that falls at once doesn't keep the machine busy.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs what `begin` begins until `stop` becomes true.
pub(super) async fn keep_up<Loop>(
    task: &'static str,
    begin: impl Fn() -> Loop + Send + Sync + 'static,
    stop: watch::Receiver<bool>,
) where
    Loop: Future<Output = ()> + Send,
{
    metrics::counter!("purser_background_restarts_total", "task" => task).increment(0);
    loop {
        // Whatever a loop holds is let go with it: transactions are rolled back, leases run out.
        let ended = AssertUnwindSafe(async { begin().await }).catch_unwind().await;
        if *stop.borrow() {
            return;
        }
        let reason = match &ended {
            Ok(()) => "it ended by itself".to_owned(),
            Err(panic) => words(panic.as_ref()),
        };
        tracing::error!(task, reason, "a background task fell over; it begins again");
        metrics::counter!("purser_background_restarts_total", "task" => task).increment(1);
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = asked(stop.clone()) => return,
        }
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::telemetry;

    #[tokio::test]
    async fn a_loop_that_panics_or_ends_begins_again_until_it_is_asked_to_stop() {
        telemetry::start_metrics();
        let begun = Arc::new(AtomicU32::new(0));
        let (tell, stop) = watch::channel(false);
        let (counted, running) = (begun.clone(), stop.clone());
        let begin = move || {
            let (begun, stop) = (counted.clone(), running.clone());
            async move {
                match begun.fetch_add(1, Ordering::SeqCst) {
                    0 => panic!("on purpose"),
                    1 => {}
                    _ => asked(stop).await,
                }
            }
        };
        let kept = tokio::spawn(keep_up("test", begin, stop));
        while begun.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let counted = "purser_background_restarts_total{task=\"test\"} 2";
        assert!(telemetry::metrics_text().contains(counted), "{}", telemetry::metrics_text());
        tell.send_replace(true);
        kept.await.unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 3);
    }
}
