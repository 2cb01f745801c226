//! What goes wrong in a rehearsal: faults as somebody wrote them down, or faults of every kind at random, a few at a time, so
//! that they fall all over the batch.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::Error;

/// Every fault of calls that the sandbox has, with how often it comes beside the others. `slow` comes often: it is the latency. What
/// stops the whole batch for seconds comes seldom: a short balance pauses it, and 429 halves its rate.
const KINDS: &[(&str, u32)] = &[
    ("slow", 8),
    ("timeout_before", 2),
    ("timeout_after", 2),
    ("reset_after", 2),
    ("429", 1),
    ("409", 2),
    ("500", 2),
    ("500_after", 2),
    ("html_502", 2),
    ("garbled_200", 2),
    ("balance_insufficient", 1),
    ("account_disabled", 2),
];

/// At most this long an answer takes, or hangs before it breaks off.
const LONGEST_MS: u64 = 50;

/// How many faults are asked for at a time.
pub(super) const AT_ONCE: usize = 6;

/// The next few faults.
pub(super) fn some(random: &mut StdRng) -> Vec<Value> {
    (0..AT_ONCE)
        .map(|_| {
            let kind = KINDS.choose_weighted(random, |(_, weight)| *weight);
            fault(kind.map_or("slow", |(kind, _)| kind), random.random_range(0..LONGEST_MS))
        })
        .collect()
}

fn fault(kind: &str, delay_ms: u64) -> Value {
    json!({ "match": { "method": "POST", "path": "/v1/transfers" }, "times": 1, "fault": kind, "delay_ms": delay_ms })
}

/// A list of faults as the sandbox's `--faults` takes it.
///
/// # Errors
/// [`Error::Faults`] when it is no list of faults.
pub fn read_faults(text: &str) -> Result<Vec<Value>, Error> {
    let list: Value = serde_json::from_str(text).map_err(|error| Error::Faults(error.to_string()))?;
    let faults = match list {
        Value::Array(faults) => faults,
        one @ Value::Object(_) => vec![one],
        _ => return Err(Error::Faults("they are a JSON list, as for POST /sandbox/faults".to_owned())),
    };
    for (n, fault) in (1..).zip(&faults) {
        let of_webhooks =
            crate::sandbox::fault_is_of_webhooks(fault).map_err(|why| Error::Faults(format!("entry {n}: {why}")))?;
        if of_webhooks {
            let why = format!(
                "entry {n}: {} is a fault of webhooks, and a rehearsal sends none: its workers learn every outcome from their calls",
                fault["fault"]
            );
            return Err(Error::Faults(why));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_mishaps() {
        let of = |seed| some(&mut StdRng::seed_from_u64(seed));
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn what_is_no_list_of_faults_is_refused_in_words() {
        assert!(read_faults("[{\"fault\": \"500\"}]").is_ok());
        for wrong in ["", "7", "[{\"times\": 2}]"] {
            assert!(matches!(read_faults(wrong), Err(Error::Faults(_))), "{wrong}");
        }
        let why = |list: &str| read_faults(list).unwrap_err().to_string();
        let mistyped = why(r#"[{"fault": "500"}, {"fault": "501"}]"#);
        assert!(mistyped.contains("entry 2") && mistyped.contains("`timeout_before`"), "{mistyped}");
        let never = why(r#"[{"fault": "drop"}]"#);
        assert!(never.contains("a rehearsal sends none"), "{never}");
    }
}
