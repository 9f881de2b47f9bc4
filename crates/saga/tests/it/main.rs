//! Sagas: what a definition must be, every step there is, and whole sagas with participants that
//! crash, repeat and reorder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod definitions;
mod exploration;
mod fixture;
mod interleavings;
mod steps;
mod world;
