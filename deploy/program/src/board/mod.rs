//! Boards: prices by one publisher. `publish` has an entry point of its own (`crate::entry`).

pub mod entries;
pub mod feeds;
pub mod keys;
pub mod life;
pub mod publish;
