//! An engine over a test's database, with the environment that the test asks for.

use purser::Engine;
use purser::config::Config;

use super::TestDb;

/// The engine with these variables set and all others at their defaults.
pub fn engine(db: &TestDb, environment: &[(&str, &str)]) -> Engine {
    let config = Config::read(&|name| match environment.iter().find(|(key, _)| *key == name) {
        Some((_, value)) => Some((*value).to_owned()),
        None if name == "PURSER_SECRET_KEY" => Some("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned()),
        None => None,
    });
    Engine::new(config.unwrap(), db.pool.clone())
}

/// Looks until `found` gives something, at most ten seconds.
pub async fn eventually<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        if let Some(value) = found().await {
            return value;
        }
        assert!(std::time::Instant::now() < until, "{what} did not happen");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
