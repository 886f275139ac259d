//! The oracle program: boards carry prices, committees carry resolutions.
//!
//! `reader` holds the layouts, `board` the instructions and their plain logic, `accounts` the checks before a byte is
//! believed, `runtime` the calls that only the runtime answers, `entry` the entry point.
#![no_std]

#[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
extern crate std; // host builds: allocator and panic handler

pub mod accounts;
pub mod args;
pub mod board;
pub mod entry;
pub mod error;
pub mod event;
pub mod runtime;

use pinocchio::{AccountView, Address, ProgramResult};

use error::OracleError;

/// No instruction names more accounts.
pub const MAX_ACCOUNTS: usize = 24;

/// First byte of the instruction data.
pub mod tag {
    pub const INIT_BOARD: u8 = 0;
    pub const LIST_FEEDS: u8 = 1;
    pub const PUBLISH: u8 = 2;
}

/// Every instruction but a well-formed `publish`, which `entry` has taken already.
pub fn process(program_id: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let (&tag, data) = data.split_first().ok_or(OracleError::BadInstruction)?;
    match tag {
        tag::INIT_BOARD => board::life::init(program_id, accounts, data),
        tag::LIST_FEEDS => board::feeds::list(program_id, accounts, data),
        // Anything but two distinct accounts.
        tag::PUBLISH => accounts::take::<2>(accounts).map(|_| ()).map_err(Into::into),
        _ => Err(OracleError::BadInstruction.into()),
    }
}
