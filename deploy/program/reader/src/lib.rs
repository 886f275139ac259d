//! The oracle program's accounts as other programs see them: layouts (`board`, `committee`), one price (`read`), the
//! median of several publishers' (`median`), a committee's answer (`answer`). No call, no allocation, no dependency.
//!
//! A program is handed accounts by whoever calls it. So every function takes them as they came, checks what they are,
//! and compares them with what the program trusts, which stands in its own state and never comes from its caller.
#![no_std]

pub mod answer;
pub mod board;
pub mod committee;
pub mod median;
pub mod read;

/// A public key, or a hash.
pub type Key = [u8; 32];

/// An account as the runtime hands it over.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    pub address: Key,
    pub owner: Key,
    pub data: &'a [u8],
}

/// `N` bytes at an offset, if the data reach so far.
fn at<const N: usize>(data: &[u8], offset: usize) -> Option<&[u8; N]> {
    data.get(offset..)?.first_chunk()
}
