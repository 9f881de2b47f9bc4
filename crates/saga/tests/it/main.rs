//! Sagas: what a definition must be, every step there is, and whole sagas with participants that
//! crash, repeat and reorder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod batches;
mod definitions;
mod engine;
mod exploration;
mod fixture;
mod interleavings;
mod net;
mod participant;
mod random;
mod steps;
mod world;
