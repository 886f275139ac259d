//! The oracle program: boards carry prices, committees carry resolutions.
//!
//! `reader` holds the layouts, `board` and `committee` the instructions and their plain logic, `accounts` the checks before a byte is
//! believed, `runtime` the calls that only the runtime answers, `entry` the entry point.
#![no_std]

#[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
extern crate std; // host builds: allocator and panic handler

pub mod accounts;
pub mod args;
pub mod board;
pub mod committee;
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
    pub const RETIRE_FEED: u8 = 3;
    pub const PROPOSE_AUTHORITY: u8 = 4;
    pub const ACCEPT_AUTHORITY: u8 = 5;
    pub const SET_PUBLISHER: u8 = 6;
    pub const ANCHOR: u8 = 7;
    pub const CLOSE_BOARD: u8 = 8;
    pub const INIT_COMMITTEE: u8 = 16;
    pub const REPLACE_MEMBER: u8 = 17;
    pub const OPEN: u8 = 18;
    pub const ACCEPT: u8 = 19;
    pub const ACTIVATE: u8 = 20;
    pub const ATTEST: u8 = 21;
    pub const FLAG: u8 = 22;
    pub const SETTLE: u8 = 23;
    pub const CLOSE_RESOLUTION: u8 = 24;
}

/// One instruction.
pub struct Call<'a> {
    pub program_id: &'a Address,
    pub accounts: &'a mut [AccountView],
    /// Behind the tag.
    pub data: &'a [u8],
}

/// Every instruction but a well-formed `publish`, which `entry` has taken already.
#[inline(always)] // into its one caller: more arguments than registers
pub fn process(program_id: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let (&tag, data) = data.split_first().ok_or(OracleError::BadInstruction)?;
    let call = Call { program_id, accounts, data };
    match tag {
        tag::INIT_BOARD => board::life::init(call),
        tag::LIST_FEEDS => board::feeds::list(call),
        // Anything but two distinct accounts.
        tag::PUBLISH => Ok(accounts::take_distinct::<2>(call.accounts).map(|_| ())?),
        tag::RETIRE_FEED => board::feeds::retire(call),
        tag::PROPOSE_AUTHORITY => board::keys::propose_authority(call),
        tag::ACCEPT_AUTHORITY => board::keys::accept_authority(call),
        tag::SET_PUBLISHER => board::keys::set_publisher(call),
        tag::ANCHOR => board::keys::anchor(call),
        tag::CLOSE_BOARD => board::life::close(call),
        tag::INIT_COMMITTEE => committee::life::init(call),
        tag::REPLACE_MEMBER => committee::life::replace_member(call),
        tag::OPEN => committee::open::open(call),
        tag::ACCEPT => committee::members::accept(call),
        tag::ACTIVATE => committee::activate::activate(call),
        tag::ATTEST => committee::members::attest(call),
        tag::FLAG => committee::members::flag(call),
        tag::SETTLE => committee::settle::settle(call),
        tag::CLOSE_RESOLUTION => committee::close::close(call),
        _ => Err(OracleError::BadInstruction.into()),
    }
}
