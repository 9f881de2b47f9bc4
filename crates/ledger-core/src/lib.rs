//! Double entry as a deterministic state machine, and its hash chain.
