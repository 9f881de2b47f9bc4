//! Tests of the repository's rules and generators.

mod asyncapi;
mod fixtures;
mod pages;
mod services;
