//! Committees: resolutions that no single key can fake. `votes` is the plain logic, the rest one instruction each.

pub mod activate;
pub mod close;
pub mod life;
pub mod members;
pub mod open;
pub mod pnp;
pub mod settle;
pub mod votes;
