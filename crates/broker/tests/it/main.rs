//! The carriers, each on a real server.

mod kafka;
