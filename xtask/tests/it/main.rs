//! Tests of the repository's rules and generators.

mod fixtures;
mod pages;
mod services;
