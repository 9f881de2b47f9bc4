//! What a decision comes to: events, or nothing because it happened before.
//!
//! The pure middle of every write: `decide(state, command, now)` answers an [`Outcome`] or a
//! refusal, `apply(state, event)` cannot fail. Promises nothing about either; it only says what
//! became of the state.

/// What a command comes to.
///
/// ```
/// use kit::outcome::Outcome;
///
/// let add = |sum: i64, event: &i64| sum + event;
/// assert_eq!(Outcome::Apply(vec![2, 3]).applied(1, add), (6, vec![2, 3]));
/// assert_eq!(Outcome::AlreadyApplied.applied(1, add), (1, Vec::new()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<E> {
    /// These events happen, in this order, together.
    Apply(Vec<E>),
    /// It has happened before: nothing changes, and the answer is that of the first time.
    AlreadyApplied,
}

impl<E> Outcome<E> {
    /// The state after the events, and the events: none if it has happened before.
    pub fn applied<S>(self, before: S, apply: impl Fn(S, &E) -> S) -> (S, Vec<E>) {
        let events = match self {
            Self::Apply(events) => events,
            Self::AlreadyApplied => Vec::new(),
        };
        (events.iter().fold(before, apply), events)
    }
}
