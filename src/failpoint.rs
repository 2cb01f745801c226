//! Places of a payout's way at which a test makes the process die, as by a power cut: one step is named by the environment, see
//! `config`. Builds for release know no step, and a live key is refused together with one.

/// Long enough that the call has reached the other side.
#[cfg(debug_assertions)]
const UNDER_WAY: std::time::Duration = std::time::Duration::from_millis(60);

/// A step between the claim of an item and the end of what its outcome leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The claim is committed.
    Claimed,
    /// The attempt is committed, the call not made.
    AttemptBegun,
    /// The call is under way.
    Calling,
    /// The answer is there, and nothing of it is written.
    Answered,
    /// The outcome and its postings are written, not committed.
    Recording,
    /// They are committed; what follows from them for the batch is not done.
    Recorded,
}

impl Step {
    pub const ALL: [(&'static str, Step); 6] = [
        ("claimed", Step::Claimed),
        ("attempt_begun", Step::AttemptBegun),
        ("calling", Step::Calling),
        ("answered", Step::Answered),
        ("recording", Step::Recording),
        ("recorded", Step::Recorded),
    ];
}

/// Where this process dies; by default nowhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failpoint(Option<Step>);

impl Failpoint {
    /// The step of that name; `None` for any other, and for every name in a release build.
    pub fn parse(name: &str) -> Option<Self> {
        let known = Step::ALL.iter().find(|(known, _)| *known == name).map(|(_, step)| Self(Some(*step)));
        known.filter(|_| cfg!(debug_assertions))
    }

    /// Dies here, when this is the step.
    #[inline]
    pub fn reach(self, step: Step) {
        #[cfg(debug_assertions)]
        if self.0 == Some(step) {
            eprintln!("failpoint {step:?} is reached");
            std::process::abort();
        }
        #[cfg(not(debug_assertions))]
        let _ = step;
    }

    /// Completes with `call`, or dies while it is under way.
    pub async fn during<T>(self, step: Step, call: impl Future<Output = T>) -> T {
        #[cfg(debug_assertions)]
        if self.0 == Some(step) {
            let _ = tokio::time::timeout(UNDER_WAY, call).await;
            self.reach(step);
            std::process::abort();
        }
        let _ = step;
        call.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_steps_are_taken() {
        assert_eq!(Failpoint::parse("answered"), Some(Failpoint(Some(Step::Answered))));
        assert_eq!(Failpoint::parse("anywhere"), None);
    }

    #[tokio::test]
    async fn nothing_happens_at_any_other_step() {
        let at_the_answer = Failpoint(Some(Step::Answered));
        at_the_answer.reach(Step::Claimed);
        assert_eq!(at_the_answer.during(Step::Calling, async { 7 }).await, 7);
        for (_, step) in Step::ALL {
            Failpoint::default().reach(step);
        }
    }
}
