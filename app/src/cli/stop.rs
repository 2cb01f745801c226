//! Being asked to stop: Ctrl-C or a service manager's SIGTERM. The first time everything finishes what it has begun; the second
//! time the process ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Failure;

/// Becomes true when the process should stop; clones see the same.
pub type Stop = watch::Receiver<bool>;

/// Watches for the signals from here on.
pub fn on_signals() -> Result<Stop, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (tell, stop) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tell.send_replace(true);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(stop)
}

/// Completes when the process should stop.
pub async fn asked(mut stop: Stop) {
    // An error means that nobody can ask any more, which is a reason to stop too.
    stop.wait_for(|asked| *asked).await.ok();
}
