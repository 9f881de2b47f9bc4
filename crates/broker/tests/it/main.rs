//! Messages over the whole path, on every carrier and both databases; and the carriers, each on a
//! real server. PostgreSQL comes from `scripts/with-postgres`, the others from
//! `scripts/with-rabbitmq` and `scripts/with-kafka`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bounds;
mod crash;
mod document;
mod events;
mod faulty;
mod held_back;
mod hurt;
mod kafka;
mod kill9;
mod rabbitmq;
mod relay;
mod rig;
mod servers;
mod toys;
mod woken;
mod work;
