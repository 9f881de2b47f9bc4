//! The rules of a topology, from the outside.

mod rules;
